package io.millrace.operators.inference;

import static io.millrace.operators.TestingRequests.inbound;
import static io.millrace.operators.TestingRequests.request;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.gpu.api.constraint.Constraint;
import io.millrace.operators.SteeredEngine;
import io.millrace.operators.TestingRequests;
import io.millrace.operators.options.PipelineOptions;
import io.millrace.operators.record.Inbound;
import io.millrace.operators.record.Outcome;
import io.millrace.operators.request.WireConstraint;
import io.millrace.schemas.Completion;
import io.millrace.schemas.FailureCode;
import io.millrace.schemas.InferenceRequest;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.runtime.execution.SuppressRestartsException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Constraints of requests and of the job, with the model that ships. */
@Timeout(60)
class InferenceOperatorConstraintTest extends InferenceOperatorFixture {
    private static final Constraint LETTERS = new Constraint.Regex("[a-z]{17,31}");
    private static final Constraint DIGITS = new Constraint.Regex("[0-9]{17,31}");

    private static final String SCHEMA =
            "{\"type\":\"object\",\"properties\":{\"label\":{\"enum\":[\"ham\",\"spam\"]},"
                    + "\"subject\":{\"type\":\"string\",\"minLength\":9,\"maxLength\":21}},"
                    + "\"required\":[\"label\",\"subject\"],\"additionalProperties\":false}";

    /** Of a request's own constraint, by id; the others have the job's. */
    private static final Map<String, String> OWN =
            Map.of(
                    "json", "\\{\"label\": ?\"(ham|spam)\", ?\"subject\": ?\"(?s:.){9,}\"\\}",
                    "regex", "(ab|cd){9,15}",
                    "choice", "neither of both, as far as I see|both of them, I am afraid");

    private PipelineOptions options(Constraint jobs) {
        return PipelineOptions.builder(SteeredEngine.options(name), SteeredEngine.loader())
                .constraint(jobs)
                .build();
    }

    private static Inbound.Request mail(String id, Constraint constraint) {
        return inbound(
                InferenceRequest.newBuilder()
                        .setId(id)
                        .setPrompt("Lowest rates for " + id + ", reply today!\n\n### Triage\n")
                        .setTemperature(1.0)
                        .setMaxTokens(54)
                        .setConstraint(WireConstraint.write(constraint))
                        .build());
    }

    private static Inbound[] mails() {
        return new Inbound[] {
            mail("json", new Constraint.JsonSchema(SCHEMA)),
            mail("job's", null),
            mail("regex", new Constraint.Regex(OWN.get("regex"))),
            mail("choice", new Constraint.Choice(List.of(OWN.get("choice").split("\\|")))),
            mail("job's too", null)
        };
    }

    private static Map<String, Completion> answers(InferenceHarness harness) throws Exception {
        harness.runUntilOutcomes(5);
        Map<String, Completion> answers = new TreeMap<>();
        harness.outcomes().forEach(one -> answers.put(TestingRequests.id(one), completion(one)));
        return answers;
    }

    private static void isAllowed(String id, Completion answer, Constraint jobs) {
        String pattern = OWN.getOrDefault(id, ((Constraint.Regex) jobs).pattern());
        assertThat(answer.getText()).as(id).matches(pattern);
    }

    @Test
    void answersHoldToTheirConstraintsAndGoOnAfterARestoreWithTheSameBytes() throws Exception {
        Map<String, Completion> undisturbed;
        try (InferenceHarness harness = InferenceHarness.open(options(LETTERS))) {
            harness.send(mails());
            undisturbed = answers(harness);
        }
        undisturbed.forEach((id, answer) -> isAllowed(id, answer, LETTERS));
        OperatorSubtaskState state = halfway(LETTERS);
        try (InferenceHarness harness = InferenceHarness.open(options(LETTERS), 1, 0, state)) {
            assertThat(answers(harness)).isEqualTo(undisturbed);
        }
        undisturbed.forEach(
                (id, answer) ->
                        assertThat(control.decoded(id))
                                .as("tokens of %s, undisturbed and in two lives", id)
                                .isEqualTo(2 * answer.getTokenIds().size()));
    }

    @Test
    void underAnotherConstraintOfTheJobOnlyWhatTookTheJobsStartsOver() throws Exception {
        OperatorSubtaskState state = halfway(LETTERS);
        Map<String, Completion> answers;
        try (InferenceHarness harness = InferenceHarness.open(options(DIGITS), 1, 0, state)) {
            answers = answers(harness);
        }
        answers.forEach(
                (id, answer) -> {
                    isAllowed(id, answer, DIGITS);
                    int lost = OWN.containsKey(id) ? 0 : 5;
                    assertThat(control.decoded(id))
                            .as("tokens of %s in both lives", id)
                            .isEqualTo(answer.getTokenIds().size() + lost);
                });
    }

    /** The state after five tokens of each. */
    private OperatorSubtaskState halfway(Constraint jobs) throws Exception {
        int before = control.added().size();
        control.hold();
        try (InferenceHarness harness = InferenceHarness.open(options(jobs))) {
            harness.send(mails());
            control.awaitAdded(before + 5);
            control.step(5);
            return harness.snapshot();
        } finally {
            control.release();
        }
    }

    @Test
    void whatCannotBeHeldToIsOneFailureByName() throws Exception {
        Inbound.Request stopped = mail("stopped", new Constraint.Choice(List.of("a")));
        stopped.request().setStop(List.of("x"));
        Inbound.Request tight = mail("tight", new Constraint.Regex("[0-9]{40,}"));
        tight.request().setMaxTokens(3);
        try (InferenceHarness harness = InferenceHarness.open(options(null))) {
            harness.send(
                    mail("back", new Constraint.Regex("(a)\\1")),
                    mail("unique", new Constraint.JsonSchema("{\"items\":{\"uniqueItems\":true}}")),
                    tight,
                    stopped,
                    mail("good", new Constraint.Choice(List.of("yes", "no"))));
            harness.runUntilOutcomes(5);
            Map<String, String> failures = new TreeMap<>();
            for (Outcome outcome : harness.outcomes()) {
                if (outcome instanceof Outcome.Failed failed) {
                    failures.put(failed.id(), failed.code() + ": " + failed.message());
                } else {
                    assertThat(completion(outcome).getText()).isIn("yes", "no");
                }
            }
            assertThat(failures).containsOnlyKeys("back", "unique", "tight", "stopped");
            assertThat(failures.get("back"))
                    .startsWith(FailureCode.UNSUPPORTED + ": ")
                    .contains("The regular expression '(a)\\1' is not supported");
            assertThat(failures.get("unique"))
                    .startsWith(FailureCode.UNSUPPORTED + ": ")
                    .contains("'uniqueItems' at /items");
            assertThat(failures.get("tight"))
                    .startsWith(FailureCode.INVALID_PARAMETER + ": ")
                    .contains("The shortest text that the constraint allows has");
            assertThat(failures.get("stopped"))
                    .startsWith(FailureCode.INVALID_PARAMETER + ": ")
                    .contains("stop is set beside constraint");
        }
    }

    @Test
    void aConstraintOfTheJobThatIsNotSupportedStopsIt() {
        assertThatThrownBy(
                        () ->
                                InferenceHarness.open(options(new Constraint.Regex("(?<=a)b")))
                                        .close())
                .isInstanceOf(SuppressRestartsException.class)
                .rootCause()
                .hasMessageContaining("(?<=a)b");
    }

    /** Ordered: those that are done give their constraints back before they may leave. */
    @Test
    void requestsWhoseConstraintsTakeTooMuchTogetherWaitForEachOther() throws Exception {
        PipelineOptions small =
                PipelineOptions.builder(
                                SteeredEngine.options(name).withConstraintBytes(1 << 20),
                                SteeredEngine.loader())
                        .ordered(true)
                        .build();
        control.hold();
        try (InferenceHarness harness = InferenceHarness.open(small)) {
            for (int i = 0; i < 17; i++) {
                harness.sendUnprepared(mail("m" + i, new Constraint.Regex("[a-z]{1,400}" + i)));
            }
            harness.runUntil(() -> !control.added().isEmpty());
            Thread.sleep(300);
            int together = control.added().size();
            assertThat(together).as("requests that have theirs at a time").isBetween(1, 5);
            control.release();
            harness.runUntilOutcomes(17);
            for (int i = 0; i < 17; i++) {
                assertThat(completion(harness.outcomes().get(i)).getText())
                        .matches("[a-z]{1,400}" + i);
            }
        }
    }

    @Test
    void noOtherRequestWaitsForOneWithAConstraint() throws Exception {
        control.holdTexts("prompt of own");
        try (InferenceHarness harness = InferenceHarness.open(super.options().build())) {
            Inbound.Request own = request("own", 1);
            own.request().setConstraint(WireConstraint.write(LETTERS));
            harness.sendUnprepared(own);
            control.awaitTexts(1);
            harness.sendUnprepared(request("a", 1), request("b", 1));
            harness.runUntilOutcomes(2);
            assertThat(harness.ids()).containsExactlyInAnyOrder("a", "b");
            control.releaseTexts();
            harness.runUntilOutcomes(3);
            assertThat(harness.ids()).contains("own");
        }
    }
}

package io.millrace.gpu.engine;

import static io.millrace.gpu.engine.Answers.answers;
import static io.millrace.gpu.engine.Answers.describe;
import static io.millrace.gpu.engine.Answers.run;
import static io.millrace.gpu.engine.DecoderSettings.AHEAD;
import static io.millrace.gpu.engine.DecoderSettings.ROOMY;
import static io.millrace.gpu.engine.TestingWorkload.request;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.gpu.api.FinishReason;
import io.millrace.gpu.api.GenerationRequest;
import io.millrace.gpu.api.GenerationResult;
import io.millrace.gpu.api.GenerationResult.Completion;
import io.millrace.gpu.api.RequestRejectedException;
import io.millrace.gpu.api.RequestRejectedException.Reason;
import io.millrace.gpu.api.SamplingParameters;
import io.millrace.gpu.api.constraint.Constraint;
import io.millrace.gpu.sampling.constraint.CompiledConstraint;
import io.millrace.gpu.sampling.grammar.BrokenGrammar;
import io.millrace.gpu.sampling.grammar.Grammar;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

/** Requests with a constraint: what their completions are, where they end, what is refused. */
class DecoderConstraintTest {
    private static GenerationRequest hot(
            Constraint constraint, UnaryOperator<SamplingParameters.Builder> more) {
        return request(
                "r",
                "abc",
                p -> more.apply(p.temperature(3).n(8).maxTokens(17).constraint(constraint)));
    }

    private static Constraint regex(String pattern) {
        return new Constraint.Regex(pattern);
    }

    @Test
    void everyCompletionIsWhatTheConstraintSaysHoweverFarAheadTheDeviceRuns() throws Exception {
        GenerationRequest request = hot(regex("[a-c]{2,9}(x|yz)"), p -> p.logprobs(2));
        GenerationResult first = run(ROOMY.open(), request);
        for (Completion c : first.completions()) {
            assertThat(c.text()).matches("[a-c]{2,9}(x|yz)");
        }
        assertThat(new HashSet<>(first.completions().stream().map(Completion::text).toList()))
                .hasSizeGreaterThan(2);
        for (int ahead : AHEAD) {
            assertThat(describe(run(ROOMY.ahead(ahead).open(), request)))
                    .isEqualTo(describe(first));
        }
    }

    @Test
    void aCompletionEndsWhereNothingMayFollow() throws Exception {
        Set<String> texts = new HashSet<>();
        for (long seed = 0; seed < 9; seed++) {
            long s = seed;
            GenerationRequest request =
                    hot(new Constraint.Choice(List.of("ham", "spam", "spammer")), p -> p.seed(s));
            for (Completion c : run(ROOMY.open(), request).completions()) {
                texts.add(c.text());
                assertThat(c.finishReason()).isEqualTo(FinishReason.STOP);
                boolean sampled = c.text().equals("spam");
                assertThat(c.tokenIds())
                        .as("a token ends it only where it could go on")
                        .hasSize(c.text().length() + (sampled ? 1 : 0));
            }
        }
        assertThat(texts).containsExactlyInAnyOrder("ham", "spam", "spammer");
    }

    @Test
    void noCompletionIsCutByTheTokenLimit() throws Exception {
        for (int most : new int[] {4, 5, 17}) {
            GenerationRequest request =
                    hot(
                            regex("a*b[a-c]{2,}d"),
                            p -> p.maxTokens(most).logitBias(Map.of("0", 99.0)));
            for (Completion c : run(ROOMY.open(), request).completions()) {
                assertThat(c.text()).matches("a*b[a-c]{2,}d").hasSize(most);
            }
        }
    }

    @Test
    void aLimitThatTheTextMayEndAtIsALengthAsEver() throws Exception {
        GenerationRequest request = hot(regex("[a-z]*"), p -> p.maxTokens(3).ignoreEos(true));
        for (Completion c : run(ROOMY.open(), request).completions()) {
            assertThat(c.text()).hasSize(3);
            assertThat(c.finishReason()).isEqualTo(FinishReason.LENGTH);
        }
        GenerationRequest pairs = hot(regex("(ab)*"), p -> p.maxTokens(5).ignoreEos(true));
        for (Completion c : run(ROOMY.open(), pairs).completions()) {
            assertThat(c.text()).isEqualTo("abab");
            assertThat(c.finishReason()).isEqualTo(FinishReason.LENGTH);
        }
    }

    @Test
    void goesOnAfterAnyTokenAsIfNeverInterrupted() throws Exception {
        GenerationRequest request = hot(regex("([a-c]x?){3,}z"), p -> p.maxTokens(12));
        GenerationResult whole = run(ROOMY.open(), request);
        for (int before = 0; before <= 12; before++) {
            List<int[]> generated = new ArrayList<>();
            for (Completion c : whole.completions()) {
                generated.add(Arrays.copyOf(c.tokenIds(), Math.min(before, c.tokenIds().length)));
            }
            GenerationRequest resumed =
                    new GenerationRequest(
                            "r", request.promptTokenIds(), request.sampling(), 0, generated);
            for (int ahead : new int[] {0, 2}) {
                assertThat(describe(run(ROOMY.ahead(ahead).open(), resumed)))
                        .isEqualTo(describe(whole));
            }
        }
    }

    @Test
    void tokensOfAnotherConstraintAreRefused() {
        GenerationRequest request = hot(regex("[a-c]+"), p -> p.n(1));
        GenerationRequest resumed =
                new GenerationRequest(
                        "r",
                        request.promptTokenIds(),
                        request.sampling(),
                        0,
                        List.of(new int[] {0, 1, 25}));
        assertThatThrownBy(() -> ROOMY.open().check(resumed))
                .hasMessageContaining("Token 25 was generated before, but the constraint does not");
    }

    @Test
    void theEmptyTextIsATokenThatEnds() throws Exception {
        for (Completion c : run(ROOMY.open(), hot(regex("()"), p -> p)).completions()) {
            assertThat(c.text()).isEmpty();
            assertThat(c.tokenIds()).containsExactly(TestingTokenizer.END_OF_TEXT);
            assertThat(c.finishReason()).isEqualTo(FinishReason.STOP);
        }
    }

    @Test
    void tokensBehindWhichTheGrammarFailsAreNoOtherConstraints() {
        Grammar grammar =
                BrokenGrammar.of(TestingTokenizer.bytes(), new IllegalStateException("broken"));
        GenerationRequest request = hot(new CompiledConstraint(grammar, () -> {}), p -> p);
        GenerationRequest resumed =
                new GenerationRequest(
                        "r",
                        request.promptTokenIds(),
                        request.sampling(),
                        0,
                        List.of(new int[] {0}));
        assertThatThrownBy(() -> ROOMY.open().check(resumed))
                .hasMessageContaining("cannot go on behind token 0")
                .hasMessageContaining("a defect of this release");
    }

    @Test
    void whatIsCompiledBeforeIsTheSame() throws Exception {
        DecoderEngine engine = ROOMY.open();
        Constraint compiled = engine.compile(regex("[a-c]{5}"));
        assertThat(compiled).isInstanceOf(Constraint.Compiled.class);
        assertThat(engine.compile(compiled)).isSameAs(compiled);
        assertThat(describe(run(engine, hot(compiled, p -> p))))
                .isEqualTo(describe(run(ROOMY.open(), hot(regex("[a-c]{5}"), p -> p))));
    }

    @Test
    void whatNoCompletionCanBeIsRefusedByName() {
        refused(Reason.UNSUPPORTED, regex("(a)\\1"), p -> p, "\\1 is not supported");
        refused(
                Reason.UNSUPPORTED,
                new Constraint.JsonSchema("{\"properties\":{\"a\":{\"uniqueItems\":true}}}"),
                p -> p,
                "'uniqueItems' at /properties/a");
        refused(Reason.INVALID_PARAMETER, regex("[^\\s\\S]"), p -> p, "no answer is possible");
        refused(
                Reason.INVALID_PARAMETER,
                regex("[A-Z]"),
                p -> p,
                "The constraint allows no text that this model's tokens can write");
        refused(
                Reason.INVALID_PARAMETER,
                regex("[a-c]{6,}"),
                p -> p.maxTokens(5),
                "has 6 tokens, but the answer may have 5 (max_tokens is 5): set max_tokens to at"
                        + " least 6.");
        refused(
                Reason.INVALID_PARAMETER,
                regex("[a-c]{95}"),
                p -> p.maxTokens(97),
                "has 95 tokens, but the answer may have 94 (max_tokens is 97): shorten the prompt");
        refused(
                Reason.INVALID_PARAMETER,
                regex("()"),
                p -> p.ignoreEos(true),
                "The constraint allows the empty text alone");
        refused(
                Reason.INVALID_PARAMETER,
                regex("a+"),
                p -> p.stop(List.of("b")),
                "stop is set beside constraint");
        refused(
                Reason.INVALID_PARAMETER,
                regex("a+"),
                p -> p.stopTokenIds(List.of(3)),
                "stop_token_ids is set beside constraint");
    }

    private static void refused(
            Reason reason,
            Constraint constraint,
            UnaryOperator<SamplingParameters.Builder> more,
            String message) {
        DecoderEngine engine = ROOMY.open();
        assertThatThrownBy(() -> engine.add(hot(constraint, more)))
                .isInstanceOfSatisfying(
                        RequestRejectedException.class,
                        e -> assertThat(e.reason()).isEqualTo(reason))
                .hasMessageContaining(message);
        assertThat(engine.hasWork()).isFalse();
    }

    @Test
    void ifEveryTokenItAllowsIsSuppressedThatRequestFailsAlone() throws Exception {
        GenerationRequest stuck = hot(regex("a[bc]d"), p -> p.n(1).suppressTokens(List.of(1, 2)));
        GenerationRequest other = request("other", "abc", p -> p.maxTokens(5));
        DecoderEngine engine = ROOMY.open();
        RecordingListener listener = new RecordingListener();
        long bad = engine.add(stuck);
        long good = engine.add(other);
        listener.drain(engine);
        assertThat(listener.failures.get(bad))
                .contains("at position 4")
                .contains("each token that the constraint allows is held back");
        assertThat(List.of(describe(listener.results.get(good))))
                .isEqualTo(answers(ROOMY, List.of(other)));
    }

    @Test
    void aDefectOfAGrammarFailsItsRequestAlone() throws Exception {
        Grammar grammar =
                BrokenGrammar.of(TestingTokenizer.bytes(), new IllegalStateException("broken"));
        GenerationRequest stuck = hot(new CompiledConstraint(grammar, () -> {}), p -> p);
        GenerationRequest other = request("other", "abc", p -> p.maxTokens(5));
        for (int ahead : AHEAD) {
            DecoderEngine engine = ROOMY.ahead(ahead).open();
            RecordingListener listener = new RecordingListener();
            long bad = engine.add(stuck);
            long good = engine.add(other);
            listener.drain(engine);
            assertThat(listener.failures.get(bad))
                    .contains("The constraint's grammar failed at position 3 of completion 0")
                    .contains("a defect of this release")
                    .contains("IllegalStateException: broken");
            assertThat(List.of(describe(listener.results.get(good))))
                    .isEqualTo(answers(ROOMY, List.of(other)));
        }
    }

    @Test
    void aRowThatWaitsForItsMaskLeavesTheOthersAhead() throws Exception {
        GenerationRequest waits = hot(regex("[a-z]{17}"), p -> p.n(1));
        GenerationRequest runs = request("runs", "abc", p -> p.maxTokens(17).ignoreEos(true));
        DecoderEngine engine = ROOMY.ahead(1).open();
        RecordingListener listener = new RecordingListener();
        engine.add(waits);
        long other = engine.add(runs);
        int steps = 0;
        while (!listener.results.containsKey(other)) {
            listener.step(engine);
            steps++;
        }
        assertThat(steps).isEqualTo(17);
        listener.drain(engine);
        assertThat(engine.stats().steps()).isLessThanOrEqualTo(2 * 17);
    }
}

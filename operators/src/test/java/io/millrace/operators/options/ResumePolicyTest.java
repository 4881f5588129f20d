package io.millrace.operators.options;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.operators.TestingControl;
import io.millrace.operators.TestingEngine;
import io.millrace.operators.TestingRequests;
import io.millrace.operators.inference.InferenceHarness;
import io.millrace.operators.options.ResumePolicy.OnModelChange;
import io.millrace.operators.options.ResumePolicy.Resume;
import io.millrace.operators.record.Inbound;
import io.millrace.operators.record.Outcome;
import io.millrace.schemas.InferenceResult;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.runtime.execution.SuppressRestartsException;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInfo;
import org.junit.jupiter.api.Timeout;

/** A half-answered request is restored into an operator, under the same model and others. */
@Timeout(60)
class ResumePolicyTest {
    private static final int TOKENS = 30;
    private static final Inbound.Request REQUEST = TestingRequests.request("r", TOKENS);

    private String name;
    private TestingControl control;

    @BeforeEach
    void nameTheEngine(TestInfo test) {
        name = test.getTestMethod().orElseThrow().getName();
        control = TestingControl.of(name);
    }

    private PipelineOptions options(String model, Resume resume, OnModelChange onModelChange) {
        return PipelineOptions.builder(
                        TestingEngine.options(name).withModelName(model), TestingEngine.loader())
                .resumePolicy(new ResumePolicy(resume, onModelChange))
                .build();
    }

    private static InferenceHarness open(PipelineOptions options, OperatorSubtaskState state)
            throws Exception {
        return InferenceHarness.open(options, 1, 0, state);
    }

    /** The state after 7 more tokens. */
    private OperatorSubtaskState afterSevenTokens(
            PipelineOptions options, OperatorSubtaskState from) throws Exception {
        control.hold();
        try (InferenceHarness harness = open(options, from)) {
            int added = control.added().size();
            if (from == null) {
                harness.send(REQUEST);
                added++;
            }
            control.awaitAdded(added);
            control.step(7);
            return harness.snapshot();
        } finally {
            control.release();
        }
    }

    private static InferenceResult answer(InferenceHarness harness) throws Exception {
        harness.runUntilOutcomes(1);
        return ((Outcome.Answered) harness.outcomes().get(0)).result();
    }

    private PipelineOptions old() {
        return options("old", Resume.CONTINUE, OnModelChange.FAIL);
    }

    @Test
    void continueAndRestartGiveTheSameAnswerAndOneDecodesAgain() throws Exception {
        OperatorSubtaskState state = afterSevenTokens(old(), null);
        assertThat(control.decoded("r")).isEqualTo(7);
        InferenceResult continued;
        try (InferenceHarness harness = open(old(), state)) {
            continued = answer(harness);
        }
        assertThat(control.decoded("r")).as("no token was decoded again").isEqualTo(TOKENS);
        PipelineOptions restart = options("old", Resume.RESTART, OnModelChange.FAIL);
        try (InferenceHarness harness = open(restart, state)) {
            assertThat(answer(harness)).isEqualTo(continued);
        }
        assertThat(control.decoded("r")).as("all were").isEqualTo(2 * TOKENS);
    }

    @Test
    void anotherModelIsRefusedByDefault() throws Exception {
        OperatorSubtaskState state = afterSevenTokens(old(), null);
        PipelineOptions other =
                PipelineOptions.builder(
                                TestingEngine.options(name).withModelName("new"),
                                TestingEngine.loader())
                        .build();
        assertThatThrownBy(() -> open(other, state))
                .isInstanceOf(SuppressRestartsException.class)
                .rootCause()
                .hasMessageContaining("not the same: model)");
        control.awaitOpen(0);
    }

    @Test
    void aRestartUnderAnotherModelIsItsOwnAnswer() throws Exception {
        OperatorSubtaskState state = afterSevenTokens(old(), null);
        PipelineOptions other = options("new", Resume.CONTINUE, OnModelChange.RESTART);
        try (InferenceHarness harness = open(other, state)) {
            assertThat(answer(harness).getModelFingerprint()).isEqualTo("fingerprint of new");
        }
        assertThat(control.decoded("r")).isEqualTo(7 + TOKENS);
    }

    @Test
    void aResultNamesEachModelThatHadAPartInItAndHowFarItCame() throws Exception {
        OperatorSubtaskState state = afterSevenTokens(old(), null);
        PipelineOptions second = options("second", Resume.CONTINUE, OnModelChange.CONTINUE);
        state = afterSevenTokens(second, state);
        // A failure after the change: the same model again.
        state = afterSevenTokens(second, state);
        assertThat(control.decoded("r")).isEqualTo(21);
        try (InferenceHarness harness = open(second, state)) {
            assertThat(answer(harness).getModelFingerprint())
                    .isEqualTo("fingerprint of old:7+fingerprint of second");
        }
        PipelineOptions third = options("third", Resume.CONTINUE, OnModelChange.CONTINUE);
        OperatorSubtaskState two = afterSevenTokens(second, afterSevenTokens(old(), null));
        try (InferenceHarness harness = open(third, two)) {
            assertThat(answer(harness).getModelFingerprint())
                    .isEqualTo(
                            "fingerprint of old:7+fingerprint of second:14+fingerprint of third");
        }
    }
}

package io.millrace.operators.inference;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.operators.TestingControl;
import io.millrace.operators.TestingEngine;
import io.millrace.operators.options.PipelineOptions;
import io.millrace.operators.record.Outcome;
import io.millrace.schemas.Completion;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.TestInfo;

/** A testing engine of its own for each test of one inference operator; none is left behind. */
abstract class InferenceOperatorFixture {
    String name;

    TestingControl control;

    @BeforeEach
    void nameTheEngine(TestInfo test) {
        name = test.getTestMethod().orElseThrow().getName();
        control = TestingControl.of(name);
    }

    @AfterEach
    void nothingIsLeft() {
        assertThat(control.open()).isZero();
        assertThat(Thread.getAllStackTraces().keySet())
                .noneMatch(thread -> thread.getName().startsWith("millrace-engine"));
    }

    PipelineOptions.Builder options() {
        return PipelineOptions.builder(TestingEngine.options(name), TestingEngine.loader());
    }

    static Completion completion(Outcome outcome) {
        return ((Outcome.Answered) outcome).result().getCompletions().get(0);
    }
}

package io.millrace.jobs.corpus;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.jobs.TestingCommand;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CorpusCommandTest {

    /** Refused before anything is read. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "--prompt-field=text",
                "--result-field=reply",
                "--overwrite",
            })
    void aBatchHasItsOwnFields(String option) {
        List<String> arguments = new ArrayList<>(List.of("corpus", "in", "out"));
        arguments.add("--model=../models/triage");
        arguments.add("--rows=openai-batch");
        arguments.add(option);
        TestingCommand run = TestingCommand.run(arguments);
        assertThat(run.exitCode()).isEqualTo(1);
        assertThat(run.all())
                .contains(option.replaceFirst("=.*", "") + " has no place in --rows openai-batch");
    }
}

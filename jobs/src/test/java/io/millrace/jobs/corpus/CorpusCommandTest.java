package io.millrace.jobs.corpus;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.jobs.TestingCommand;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
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

    @Test
    void aConstraintAndStopTextsAreRefusedBeforeARowIsRead(@TempDir Path folder) {
        for (String command : List.of("corpus in " + folder, "generate -p x")) {
            List<String> arguments = new ArrayList<>(List.of(command.split(" ")));
            arguments.addAll(List.of("--model=../models/triage", "--choice=a,b", "--stop=x"));
            TestingCommand run = TestingCommand.run(arguments);
            assertThat(run.exitCode()).isEqualTo(1);
            assertThat(run.all()).contains("--stop does not go with --choice, since it could cut");
        }
    }

    /** Tokens are those that a run of the same file counts (docs/openai-batch.md). */
    @Test
    void aDryRunCountsRowsAndTokensAndWritesNothing(@TempDir Path folder) {
        Path out = folder.resolve("out");
        TestingCommand run = dryRun(out);
        assertThat(run.exitCode()).isZero();
        assertThat(run.all())
                .contains("3 in 1 files, of which 1 rows and 0 files cannot be answered")
                .contains("33 of prompts, at most 17 of answers")
                .contains("unknown: no speed was measured; give --output-speed");
        assertThat(dryRun(out, "--output-speed=0.25").all())
                .contains("at most 0:01:08 at 0.3 tokens/s (--output-speed)");
        assertThat(dryRun(out, "--output-speed=-1").all()).contains("--output-speed is -1.0");
        assertThat(out).doesNotExist();
    }

    private static TestingCommand dryRun(Path out, String... more) {
        List<String> arguments =
                new ArrayList<>(
                        List.of(
                                "corpus",
                                "../docs/examples/batch.jsonl",
                                out.toString(),
                                "--model=../models/triage",
                                "--device=cpu",
                                "--rows=openai-batch",
                                "--dry-run"));
        arguments.addAll(List.of(more));
        return TestingCommand.run(arguments);
    }
}

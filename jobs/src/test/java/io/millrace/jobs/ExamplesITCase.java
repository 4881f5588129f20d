package io.millrace.jobs;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.jobs.ShownCommands.Run;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Types what the pages show, with the jars that the build made, and compares the output. */
class ExamplesITCase {
    private static final Duration LIMIT = Duration.ofMinutes(2);
    private static final boolean WRITE = Boolean.getBoolean("millrace.docs.write");

    @TempDir static Path data;

    @ParameterizedTest
    @ValueSource(
            strings = {
                "docs/running.md",
                "docs/library.md",
                "docs/own-job.md",
                "docs/corpus.md",
                "docs/config.md",
                "docs/openai-batch.md"
            })
    void whatIsShownIsWhatComesOut(String page) throws Exception {
        ShownCommands shown = ShownCommands.of(page);
        List<Run> runs = shown.runs();
        assertThat(runs).isNotEmpty();
        for (int i = 0; i < runs.size(); i++) {
            String output = run(runs.get(i).commands());
            if (WRITE) {
                shown.write(i, output);
            } else {
                // Answers leave as they are finished.
                assertThat(output.lines())
                        .as("%s; -Dmillrace.docs.write=true puts it into %s", output, page)
                        .containsExactlyInAnyOrderElementsOf(runs.get(i).output().lines().toList());
            }
        }
    }

    private static String run(String commands) throws IOException, InterruptedException {
        String java = Path.of(System.getProperty("java.home"), "bin").toString();
        Map<String, String> environment =
                Map.of(
                        "JAVA_HOME",
                        System.getProperty("java.home"),
                        "PATH",
                        java + ":" + System.getenv("PATH"),
                        "MILLRACE_NO_BUILD",
                        "1",
                        "MILLRACE_DATA",
                        data.toString());
        try (TestingProcess shell = TestingProcess.shell(environment, "set -e\n" + commands)) {
            assertThat(shell.exitCode(LIMIT)).as(String.join("\n", shell.lines())).isZero();
            StringBuilder output = new StringBuilder();
            for (String line : shell.lines()) {
                if (Arrays.stream(ASIDE).noneMatch(line::startsWith)) {
                    output.append(line).append('\n');
                }
            }
            return output.toString();
        }
    }

    /** What a page need not show: warnings of JVMs, times, ports, what a hop costs. */
    private static final String[] ASIDE = {
        "WARNING", "Model ", "Done ", "millrace: ", "Input ", "State ", "Web UI ", "Rows    0 rows"
    };
}

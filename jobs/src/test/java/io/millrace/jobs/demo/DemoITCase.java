package io.millrace.jobs.demo;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.jobs.TestingProcess;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(180)
class DemoITCase {
    @TempDir Path folder;

    @Test
    void answersAllItsPromptsAndEndsWithoutATerminal() throws Exception {
        Path answers = folder.resolve("answers.jsonl");
        try (TestingProcess demo =
                TestingProcess.millrace(folder, "demo", "--answers=" + answers)) {
            assertThat(demo.exitCode(Duration.ofSeconds(150)))
                    .as(String.join("\n", demo.lines()))
                    .isZero();
            String answered = demo.awaitLine("Answered", Duration.ofSeconds(1));
            assertThat(answered).matches("Answered +(\\d+) of \\1");
            String right = demo.awaitLine("Right label", Duration.ofSeconds(1));
            String[] words = right.split(" +");
            // Half would be guessing; how good the model is has a report of its own.
            assertThat(Integer.parseInt(words[2]) * 5)
                    .as(right)
                    .isGreaterThan(Integer.parseInt(words[4]) * 4);
            assertThat(demo.lines()).noneMatch(line -> line.contains("WARNING"));
            assertThat(logs())
                    .contains("switched from state CANCELLING to CANCELED")
                    .doesNotContain("to FAILED");
            assertThat(Files.readAllLines(answers))
                    .hasSize(Integer.parseInt(answered.split(" +")[1]))
                    .allMatch(line -> line.contains("\"model_fingerprint\":"))
                    .isSorted();
        }
        try (TestingProcess audit =
                TestingProcess.millrace(
                        folder,
                        "verify",
                        "--requests=" + Path.of("..", "models", "triage", "demo.jsonl"),
                        "--results=" + answers,
                        "--sample=9",
                        "--model=" + Path.of("..", "models", "triage"))) {
            assertThat(audit.exitCode(Duration.ofSeconds(60)))
                    .as(String.join("\n", audit.lines()))
                    .isZero();
            audit.awaitLine("Alone   9 of 9 answers equal", Duration.ofSeconds(1));
        }
    }

    /** All that was logged. */
    private String logs() throws IOException {
        StringBuilder all = new StringBuilder();
        try (DirectoryStream<Path> files = Files.newDirectoryStream(folder.resolve("log"))) {
            for (Path file : files) {
                all.append(Files.readString(file));
            }
        }
        return all.toString();
    }
}

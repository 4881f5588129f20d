package io.millrace.jobs.demo;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.jobs.TestingProcess;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(600)
class KillDemoITCase {
    private static final Path PROMPTS = Path.of("..", "models", "triage", "demo.jsonl");
    private static final Duration SHORT = Duration.ofSeconds(1);

    @TempDir Path folder;

    @Test
    void aKillInMidSentenceChangesNoByte() throws Exception {
        List<String> few = Files.readAllLines(PROMPTS).subList(0, 9);
        Path prompts = Files.write(folder.resolve("prompts.jsonl"), few);
        try (TestingProcess demo =
                TestingProcess.millrace(folder, "demo", "--kill", "--prompts=" + prompts)) {
            int code = demo.exitCode(Duration.ofSeconds(580));
            String all = String.join("\n", demo.lines());
            assertThat(code).as(all).isZero();
            demo.awaitLine("Killed  kill -9 of TaskManager ", SHORT);
            assertThat(demo.awaitLine("Restart ", SHORT))
                    .matches(".* [1-9][0-9]* saved tokens were kept, 0 decoded again; .*");
            String half = after("in the checkpoint ", demo);
            String whole = after("after the restart ", demo);
            assertThat(half).as(all).isNotBlank();
            assertThat(whole).as(all).startsWith(half).isEqualTo(after("undisturbed ", demo));
            assertThat(demo.awaitLine("Same ", SHORT))
                    .matches("Same +9 and 9 answers to 9 e-mails, sha256 ([0-9a-f]{16}) and \\1.*");
            assertThat(all).doesNotContain("\u001b").doesNotContain("WARN");
        }
    }

    private static String after(String label, TestingProcess of) throws InterruptedException {
        return of.awaitLine(label, SHORT).substring(label.length()).strip();
    }
}

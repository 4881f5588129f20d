package io.millrace.jobs;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A cancelled job leaves nothing in the JVM that it ran in: no thread, engine, temporary file. */
@Timeout(200)
class CancelITCase {
    private static final Duration LIMIT = Duration.ofSeconds(150);

    @TempDir Path folder;

    @Test
    void nothingOfACancelledJobIsLeft() throws Exception {
        Path temporary = Files.createDirectory(folder.resolve("tmp"));
        List<String> arguments =
                List.of(
                        "--add-modules=jdk.incubator.vector",
                        "-Xmx1g",
                        "-Djava.io.tmpdir=" + temporary,
                        "-cp",
                        System.getProperty("java.class.path"),
                        CancelProbe.class.getName(),
                        TestingProcess.root().resolve("models/triage").toString(),
                        folder.toString());
        Map<String, String> environment =
                Map.of(
                        "RUST_FLAVOR", "cpu",
                        "DJL_OFFLINE", "true",
                        "DJL_CACHE_DIR", folder.resolve("djl").toString());
        try (TestingProcess probe = TestingProcess.java(environment, arguments)) {
            int exit = probe.exitCode(LIMIT);
            assertThat(probe.lines())
                    .as("what the second job left")
                    .filteredOn(line -> line.startsWith("thread ") || line.startsWith("file "))
                    .isEmpty();
            assertThat(probe.lines()).contains("cycle 0 engines 0", "cycle 1 engines 0");
            assertThat(exit).isZero();
        }
    }
}

package io.millrace.jobs.chaos.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class ChildProcessTest {
    private static final Duration SOON = Duration.ofSeconds(30);

    @TempDir Path folder;
    private Guard guard;

    /** What the processes under test do. */
    static final class Program {
        private Program() {}

        /** The first argument says what it does. */
        public static void main(String[] arguments) throws IOException, InterruptedException {
            switch (arguments[0]) {
                case "fail" -> fail();
                case "fill" -> fill(Path.of(arguments[1]));
                default -> System.out.println("well");
            }
        }

        private static void fail() {
            for (int i = 0; i < 97; i++) {
                System.out.println("line " + i);
            }
            new IllegalStateException("outside", new IOException("port 17 is in use"))
                    .printStackTrace();
            System.out.println("bye");
            System.exit(54);
        }

        /** Says when its file cannot grow any more, and stays. */
        private static void fill(Path file) throws IOException, InterruptedException {
            System.out.println("begins");
            while (true) {
                try {
                    Files.write(file, new byte[1023]);
                    Thread.sleep(1);
                } catch (IOException e) {
                    System.out.println("full");
                    Thread.sleep(SOON.toMillis());
                }
            }
        }
    }

    @BeforeEach
    void watch() throws IOException {
        guard = new Guard(Files.createDirectories(folder.resolve("all")));
    }

    @AfterEach
    void endAll() throws IOException {
        guard.close();
    }

    @Test
    void aProcessThatEndedByItselfTellsItsCodeTheRootAndItsLastLines() throws Exception {
        ChildProcess process = start("fail");
        assertThat(process.exitCode(SOON)).isEqualTo(54);
        assertThatThrownBy(process::requireAlive)
                .isInstanceOf(IOException.class)
                .message()
                .startsWith(
                        "017-test ended by itself with exit code 54:\n"
                                + "Caused by: java.io.IOException: port 17 is in use\n[...]\nline ")
                .contains("java.lang.IllegalStateException: outside\n\tat ")
                .endsWith("\nbye")
                .doesNotContain("line 17\n");
    }

    @Test
    void whatWasPrintedIsThereOnceItIsTaken() throws Exception {
        ChildProcess process = start("well");
        assertThat(process.exitCode(SOON)).isZero();
        assertThat(process.output()).isEqualTo("well\n");
        assertThat(Files.readString(folder.resolve("all/017-test.log"))).isEqualTo("well\n");
    }

    @Test
    void aFullDiskKeepsNobodyFromTellingItAndAKillLosesNoLine() throws Exception {
        ChildProcess process = start("fill", folder.resolve("grows").toString());
        Cluster.await("its begin", () -> process.output().contains("begins"));
        process.requireAlive();
        process.limitFiles(512);
        Cluster.await("a full disk", () -> process.output().contains("full"));
        process.kill();
        assertThat(process.isAlive()).isFalse();
        assertThat(process.output()).isEqualTo("begins\nfull\n");
    }

    private ChildProcess start(String... arguments) throws IOException {
        List<String> command = new ArrayList<>();
        command.addAll(List.of("-Xmx32m", "-cp", "target/test-classes", Program.class.getName()));
        command.set(2, Path.of(command.get(2)).toAbsolutePath().toString());
        command.addAll(List.of(arguments));
        return ChildProcess.java("017-test", folder.resolve("all"), Map.of(), guard, command);
    }
}

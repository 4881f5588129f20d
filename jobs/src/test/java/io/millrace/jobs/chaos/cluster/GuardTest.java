package io.millrace.jobs.chaos.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class GuardTest {
    @TempDir Path temporary;

    @Test
    void whatIsWatchedEndsWithTheGuard() throws Exception {
        Path folder = Files.createDirectories(temporary.resolve("with a space/data"));
        Process watched = sleeper();
        Process forgotten = sleeper();
        try (Guard guard = new Guard(folder)) {
            guard.watch(watched.pid());
            guard.watch(forgotten.pid());
            guard.forget(forgotten.pid());
        }
        assertThat(watched.waitFor(30, TimeUnit.SECONDS)).isTrue();
        assertThat(folder).doesNotExist();
        assertThat(forgotten.isAlive()).isTrue();
        forgotten.destroyForcibly();
    }

    @Test
    void aFolderThatIsKeptStays() throws Exception {
        Path folder = Files.createDirectories(temporary.resolve("kept"));
        try (Guard guard = new Guard(folder)) {
            guard.keepFolder();
        }
        assertThat(folder).exists();
    }

    /** As after kill -9 of the JVM that made the guard: nobody closes anything. */
    @Test
    void theGuardOutlivesAJvmThatIsKilledAndCleansUpAfterIt() throws Exception {
        Path folder = Files.createDirectories(temporary.resolve("killed"));
        Process owner =
                new ProcessBuilder(
                                List.of(
                                        Path.of(System.getProperty("java.home"), "bin", "java")
                                                .toString(),
                                        "-cp",
                                        System.getProperty("java.class.path"),
                                        Owner.class.getName(),
                                        folder.toString()))
                        .redirectError(ProcessBuilder.Redirect.INHERIT)
                        .start();
        String line = owner.inputReader().readLine();
        ProcessHandle watched = ProcessHandle.of(Long.parseLong(line)).orElseThrow();
        owner.destroyForcibly().waitFor();
        watched.onExit().get(30, TimeUnit.SECONDS);
        while (Files.exists(folder)) {
            Thread.onSpinWait();
        }
    }

    /** Has a guard watch over a process, tells its number, and waits to be killed. */
    static final class Owner {
        private Owner() {}

        public static void main(String[] arguments) throws Exception {
            Process watched = sleeper();
            Guard guard = new Guard(Path.of(arguments[0]));
            guard.watch(watched.pid());
            System.out.println(watched.pid());
            TimeUnit.SECONDS.sleep(60);
            guard.close();
        }
    }

    private static Process sleeper() throws Exception {
        return new ProcessBuilder("sleep", "300").start();
    }
}

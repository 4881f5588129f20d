package io.millrace.jobs.chaos.cluster;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** One Java process of the cluster under test. */
public final class ChildProcess {
    private final String name;
    private final Process process;
    private final Guard guard;
    private final Path output;

    private ChildProcess(String name, Process process, Guard guard, Path output) {
        this.name = name;
        this.process = process;
        this.guard = guard;
        this.output = output;
    }

    /**
     * Starts a JVM.
     *
     * @param name names its output, {@code name.out}, and its log, {@code name.log}, in the folder
     * @param arguments JVM flags, main class, arguments
     */
    static ChildProcess java(
            String name,
            Path folder,
            Map<String, String> environment,
            Guard guard,
            List<String> arguments)
            throws IOException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.add("-Dlog.file=" + folder.resolve(name + ".log"));
        command.add("-XX:+UseSerialGC");
        command.addAll(arguments);
        Path output = folder.resolve(name + ".out");
        ProcessBuilder builder =
                new ProcessBuilder(command)
                        .directory(folder.toFile())
                        .redirectErrorStream(true)
                        .redirectInput(ProcessBuilder.Redirect.from(new java.io.File("/dev/null")))
                        .redirectOutput(output.toFile());
        builder.environment().putAll(environment);
        Process process = builder.start();
        guard.watch(process.pid());
        return new ChildProcess(name, process, guard, output);
    }

    String name() {
        return name;
    }

    public long pid() {
        return process.pid();
    }

    public boolean isAlive() {
        return process.isAlive();
    }

    /** What it printed. */
    String output() throws IOException {
        return Files.readString(output);
    }

    /** As kill -9 does; a stopped process too. */
    public void kill() throws IOException, InterruptedException {
        process.destroyForcibly().waitFor();
        guard.forget(process.pid());
    }

    /** Sends SIGTERM and waits; a process that does not go is killed. */
    public void terminate(Duration patience) throws IOException, InterruptedException {
        process.destroy();
        if (!process.waitFor(patience.toMillis(), TimeUnit.MILLISECONDS)) {
            kill();
        }
        guard.forget(process.pid());
    }

    /** SIGSTOP: it stands still and knows nothing of it. */
    public void suspend() throws IOException, InterruptedException {
        system("kill", "-STOP", Long.toString(process.pid()));
    }

    /** SIGCONT. */
    public void resume() throws IOException, InterruptedException {
        system("kill", "-CONT", Long.toString(process.pid()));
    }

    /**
     * Lets no file of this process grow beyond so many bytes: the kernel then refuses its writes in
     * the middle, as a full disk does, while files that are empty can be made.
     *
     * @param bytes -1 for no limit
     */
    public void limitFiles(long bytes) throws IOException, InterruptedException {
        String limit = bytes < 0 ? "unlimited" : Long.toString(bytes);
        // The soft limit only: the hard one could not be raised again.
        system("prlimit", "--pid", Long.toString(process.pid()), "--fsize=" + limit + ":");
    }

    /** Waits for its end. */
    int exitCode(Duration patience) throws IOException, InterruptedException {
        if (!process.waitFor(patience.toMillis(), TimeUnit.MILLISECONDS)) {
            kill();
            throw new IOException(name + " did not end within " + patience + ":\n" + output());
        }
        guard.forget(process.pid());
        return process.exitValue();
    }

    private static void system(String... command) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String said =
                new String(
                        process.getInputStream().readAllBytes(),
                        java.nio.charset.StandardCharsets.UTF_8);
        if (process.waitFor() != 0) {
            throw new IOException(String.join(" ", command) + " failed: " + said.strip());
        }
    }
}

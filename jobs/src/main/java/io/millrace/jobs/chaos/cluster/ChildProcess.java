package io.millrace.jobs.chaos.cluster;

import java.io.IOException;
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
    private final ProcessOutput output;

    private ChildProcess(String name, Process process, Guard guard, ProcessOutput output) {
        this.name = name;
        this.process = process;
        this.guard = guard;
        this.output = output;
    }

    /**
     * Starts a JVM. Its output is written to {@code name.log} in the folder; its own log files are
     * in {@code own}, with a gap after a full disk.
     *
     * @param name prefix of its files
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
        command.add("-Dlog.file=" + folder.resolve("own").resolve(name + ".log"));
        command.add("-XX:+UseSerialGC");
        command.addAll(arguments);
        ProcessBuilder builder =
                new ProcessBuilder(command)
                        .directory(folder.toFile())
                        .redirectErrorStream(true)
                        .redirectInput(ProcessBuilder.Redirect.from(new java.io.File("/dev/null")));
        builder.environment().putAll(environment);
        Process process = builder.start();
        guard.watch(process.pid());
        ProcessOutput output = new ProcessOutput(process, folder.resolve(name + ".log"));
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

    /** Its output. */
    String output() throws IOException {
        return output.text();
    }

    /** Flushes its output to the log. */
    void takeOutput() throws IOException {
        output.take();
    }

    /**
     * Requires that it runs.
     *
     * @throws IOException it has ended; with the exit code and its last output
     */
    void requireAlive() throws IOException, InterruptedException {
        if (process.isAlive()) {
            return;
        }
        output.awaitEnd();
        throw new IOException(
                "%s ended by itself with exit code %d:\n%s"
                        .formatted(name, process.exitValue(), output.lastWords()));
    }

    /** Kills with SIGKILL, a stopped process too. */
    public void kill() throws IOException, InterruptedException {
        // Not process.destroyForcibly(), which also closes its output.
        process.toHandle().destroyForcibly();
        process.waitFor();
        output.awaitEnd();
        guard.forget(process.pid());
    }

    /** Sends SIGTERM and waits; a process that does not end is killed. */
    public void terminate(Duration patience) throws IOException, InterruptedException {
        process.toHandle().destroy();
        if (!process.waitFor(patience.toMillis(), TimeUnit.MILLISECONDS)) {
            kill();
        }
        guard.forget(process.pid());
    }

    /** Sends SIGSTOP. */
    public void suspend() throws IOException, InterruptedException {
        system("kill", "-STOP", Long.toString(process.pid()));
    }

    /** Sends SIGCONT. */
    public void resume() throws IOException, InterruptedException {
        system("kill", "-CONT", Long.toString(process.pid()));
    }

    /**
     * Limits the size of all files of this process: the kernel then refuses writes beyond, as with
     * a full disk, while empty files can be created.
     *
     * @param bytes -1 for no limit
     */
    public void limitFiles(long bytes) throws IOException, InterruptedException {
        String limit = bytes < 0 ? "unlimited" : Long.toString(bytes);
        // Only the soft limit: the hard limit could not be raised again.
        system("prlimit", "--pid", Long.toString(process.pid()), "--fsize=" + limit + ":");
    }

    /** Waits for its end. */
    int exitCode(Duration patience) throws IOException, InterruptedException {
        if (!process.waitFor(patience.toMillis(), TimeUnit.MILLISECONDS)) {
            kill();
            throw new IOException(
                    name + " did not end within " + patience + ":\n" + output.lastWords());
        }
        output.awaitEnd();
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

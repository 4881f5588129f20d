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
     * Starts a JVM. What it prints is in {@code name.log} in the folder; log files of its own are
     * in {@code own}, and a full disk is a gap in them.
     *
     * @param name names its files
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

    /** What it printed. */
    String output() throws IOException {
        return output.text();
    }

    /** After this, its log has all that it has told before. */
    void takeOutput() throws IOException {
        output.take();
    }

    /**
     * Expects that it runs.
     *
     * @throws IOException it has ended: with which code, and what it said last
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

    /** As kill -9 does; a stopped process too. */
    public void kill() throws IOException, InterruptedException {
        // Not process.destroyForcibly(), which closes its output as well.
        process.toHandle().destroyForcibly();
        process.waitFor();
        output.awaitEnd();
        guard.forget(process.pid());
    }

    /** Sends SIGTERM and waits; a process that does not go is killed. */
    public void terminate(Duration patience) throws IOException, InterruptedException {
        process.toHandle().destroy();
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

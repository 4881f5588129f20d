package io.millrace.jobs;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;

/** A real process under test, with the lines that it printed. Killed at the latest by close. */
public final class TestingProcess implements AutoCloseable {
    private static final Path ROOT = Path.of("..").toAbsolutePath().normalize();

    private final Process process;
    private final List<String> lines = new ArrayList<>();
    private final Thread reader;

    private TestingProcess(Process process) {
        this.process = process;
        this.reader = new Thread(this::read, "lines of " + process.pid());
        reader.setDaemon(true);
        reader.start();
    }

    /** The repository's root. */
    public static Path root() {
        return ROOT;
    }

    /** Starts {@code ./millrace} as it was built, with logs and checkpoints in {@code data}. */
    public static TestingProcess millrace(Path data, String... arguments) throws IOException {
        return millrace(data, Map.of(), arguments);
    }

    /** The same with more environment variables. */
    public static TestingProcess millrace(
            Path data, Map<String, String> environment, String... arguments) throws IOException {
        List<String> command = new ArrayList<>();
        command.add(ROOT.resolve("millrace").toString());
        command.addAll(List.of(arguments));
        ProcessBuilder builder = new ProcessBuilder(command);
        builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
        builder.environment().put("MILLRACE_NO_BUILD", "1");
        builder.environment().put("MILLRACE_DATA", data.toString());
        builder.environment().put("MILLRACE_OPTS", "-Xmx1g");
        builder.environment().putAll(environment);
        return start(builder);
    }

    /** Starts a Java program. */
    public static TestingProcess java(Map<String, String> environment, List<String> arguments)
            throws IOException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(arguments);
        ProcessBuilder builder = new ProcessBuilder(command);
        builder.environment().putAll(environment);
        return start(builder);
    }

    /** Has bash run commands in the repository's root. */
    static TestingProcess shell(Map<String, String> environment, String commands)
            throws IOException {
        ProcessBuilder builder = new ProcessBuilder("bash", "-c", commands);
        builder.directory(ROOT.toFile());
        builder.environment().putAll(environment);
        return start(builder);
    }

    private static TestingProcess start(ProcessBuilder builder) throws IOException {
        builder.redirectErrorStream(true);
        builder.redirectInput(ProcessBuilder.Redirect.from(new java.io.File("/dev/null")));
        return new TestingProcess(builder.start());
    }

    private void read() {
        try (BufferedReader in =
                new BufferedReader(
                        new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
            for (String line = in.readLine(); line != null; line = in.readLine()) {
                synchronized (lines) {
                    lines.add(line);
                    lines.notifyAll();
                }
            }
        } catch (IOException e) {
            // The process was killed while its output was read.
        }
        synchronized (lines) {
            lines.notifyAll();
        }
    }

    /** Waits for a line. */
    public String awaitLine(String part, Duration limit) throws InterruptedException {
        return awaitLine(line -> line.contains(part), part, limit);
    }

    private String awaitLine(Predicate<String> wanted, String name, Duration limit)
            throws InterruptedException {
        long deadline = System.nanoTime() + limit.toNanos();
        int looked = 0;
        synchronized (lines) {
            while (true) {
                for (; looked < lines.size(); looked++) {
                    if (wanted.test(lines.get(looked))) {
                        return lines.get(looked);
                    }
                }
                long left = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
                if (left <= 0 || !reader.isAlive()) {
                    throw new AssertionError(
                            "No line with '" + name + "':\n" + String.join("\n", lines));
                }
                lines.wait(Math.min(left, 500));
            }
        }
    }

    /** All lines so far. */
    public List<String> lines() {
        synchronized (lines) {
            return List.copyOf(lines);
        }
    }

    /** Kills it, as kill -9 does. */
    void kill() throws InterruptedException {
        process.destroyForcibly();
        process.waitFor();
    }

    /** Asks it to end, as kill or a service manager does. */
    void terminate() {
        // Not process.destroy(), which closes its output as well.
        process.toHandle().destroy();
    }

    /** Waits for its end. */
    public int exitCode(Duration limit) throws InterruptedException {
        if (!process.waitFor(limit.toMillis(), TimeUnit.MILLISECONDS)) {
            throw new AssertionError(
                    "Still running after " + limit + ":\n" + String.join("\n", lines()));
        }
        reader.join(limit.toMillis());
        return process.exitValue();
    }

    @Override
    public void close() {
        process.destroyForcibly();
    }
}

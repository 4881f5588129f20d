package io.millrace.jobs.chaos.cluster;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;

/**
 * Ensures that no process and no file outlives this JVM, regardless of how it ends: a shell waits
 * for the end of its input, which also occurs with Ctrl-C and kill -9. Safe for any thread.
 */
public final class Guard implements AutoCloseable {
    /** Each line of input replaces the list of processes and files to remove. */
    private static final String SCRIPT =
            """
            trap '' INT TERM HUP
            while read -r what rest; do
                case $what in pids) pids=$rest ;; folder) folder=$rest ;; esac
            done
            [ -n "$pids" ] && kill -9 $pids 2>/dev/null
            [ -n "$folder" ] && rm -rf "$folder"
            exit 0
            """;

    private final Process shell;
    private final OutputStream lines;
    private final Set<Long> pids = new TreeSet<>();

    /** Guards a folder, which is removed at the end, and processes to be added. */
    public Guard(Path folder) throws IOException {
        shell =
                new ProcessBuilder("sh", "-c", SCRIPT)
                        .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                        .redirectError(ProcessBuilder.Redirect.DISCARD)
                        .start();
        lines = shell.getOutputStream();
        tell("folder " + folder);
    }

    synchronized void watch(long pid) throws IOException {
        pids.add(pid);
        sendPids();
    }

    /** Removes a process that has ended: its id may be reused. */
    synchronized void forget(long pid) throws IOException {
        if (pids.remove(pid)) {
            sendPids();
        }
    }

    /** Keeps the folder, for inspection. */
    public synchronized void keepFolder() throws IOException {
        tell("folder ");
    }

    private void sendPids() throws IOException {
        StringBuilder line = new StringBuilder("pids");
        pids.forEach(pid -> line.append(' ').append(pid));
        tell(line.toString());
    }

    private void tell(String line) throws IOException {
        lines.write((line + "\n").getBytes(StandardCharsets.UTF_8));
        lines.flush();
    }

    /** Ends all remaining processes and removes the folder. */
    @Override
    public synchronized void close() throws IOException {
        lines.close();
        try {
            shell.waitFor(30, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}

package io.millrace.jobs.chaos.cluster;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;

/**
 * Sees to it that no process and no file of ours outlives this JVM, however it ends: a shell that
 * waits for the end of its input, which also comes with Ctrl-C and kill -9. Safe for any thread.
 */
public final class Guard implements AutoCloseable {
    /** Each line of input says anew what has to go. */
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

    /** Watches over a folder, which goes at the end, and over processes to come. */
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
        tellPids();
    }

    /** A process has ended: its number may be another's by now. */
    synchronized void forget(long pid) throws IOException {
        if (pids.remove(pid)) {
            tellPids();
        }
    }

    /** The folder stays, for somebody to look into. */
    public synchronized void keepFolder() throws IOException {
        tell("folder ");
    }

    private void tellPids() throws IOException {
        StringBuilder line = new StringBuilder("pids");
        pids.forEach(pid -> line.append(' ').append(pid));
        tell(line.toString());
    }

    private void tell(String line) throws IOException {
        lines.write((line + "\n").getBytes(StandardCharsets.UTF_8));
        lines.flush();
    }

    /** Ends all that is still there. */
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

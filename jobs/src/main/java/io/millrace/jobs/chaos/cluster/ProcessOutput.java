package io.millrace.jobs.chaos.cluster;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * Copies the output of a process from a pipe to a file. This JVM writes the file, so it is complete
 * even if the process has a full disk or is killed. Has its own thread; the methods are safe for
 * any thread.
 */
final class ProcessOutput {
    private static final long LOOK_MS = 20;

    /** Maximum lines of the end of a log. */
    private static final int LAST_LINES = 40;

    private final Process process;
    private final InputStream pipe;
    private final Path file;
    private final OutputStream to;
    private final byte[] piece = new byte[1 << 16];
    private final Thread thread;

    ProcessOutput(Process process, Path file) throws IOException {
        this.process = process;
        this.pipe = process.getInputStream();
        this.file = file;
        this.to = Files.newOutputStream(file);
        this.thread = new Thread(this::run, "output of " + file.getFileName());
        thread.setDaemon(true);
        thread.start();
    }

    private void run() {
        try (to) {
            while (!process.waitFor(LOOK_MS, TimeUnit.MILLISECONDS)) {
                take();
            }
            synchronized (this) {
                pipe.transferTo(to);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Copies all pending output to the file, if the process lives. */
    synchronized void take() throws IOException {
        // Does not block, as others would wait for the lock.
        for (int there = pipe.available(); there > 0; there = pipe.available()) {
            int length = pipe.read(piece, 0, Math.min(there, piece.length));
            if (length < 0) {
                return;
            }
            to.write(piece, 0, length);
        }
    }

    /** Waits until all output of an ended process is in the file. */
    void awaitEnd() throws InterruptedException {
        thread.join();
    }

    /** All output so far. */
    String text() throws IOException {
        take();
        // A killed process may have written an incomplete character.
        return new String(Files.readAllBytes(file), StandardCharsets.UTF_8);
    }

    /** The reason for its end, from its output: the last root cause, and the last lines. */
    String lastWords() throws IOException {
        List<String> lines = text().lines().toList();
        String root =
                lines.stream()
                        .filter(line -> line.startsWith("Caused by: "))
                        .reduce((before, last) -> last)
                        .map(cause -> cause + "\n")
                        .orElse("");
        int from = Math.max(0, lines.size() - LAST_LINES);
        return root
                + (from > 0 ? "[...]\n" : "")
                + String.join("\n", lines.subList(from, lines.size()));
    }
}

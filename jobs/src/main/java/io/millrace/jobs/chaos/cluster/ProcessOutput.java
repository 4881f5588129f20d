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
 * Takes what a process prints through a pipe and keeps it in a file. It is this JVM that writes the
 * file, so a process whose own files are full, or that is killed, still has told what it told. A
 * thread of its own; the methods are safe for any thread.
 */
final class ProcessOutput {
    private static final long LOOK_MS = 20;

    /** Of a log that says more, the end. */
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

    /** After this, all that it has printed before is in the file, if it lives. */
    synchronized void take() throws IOException {
        // Never waits for more, or others would wait for the lock.
        for (int there = pipe.available(); there > 0; there = pipe.available()) {
            int length = pipe.read(piece, 0, Math.min(there, piece.length));
            if (length < 0) {
                return;
            }
            to.write(piece, 0, length);
        }
    }

    /** Once the process has ended, waits until all is in the file. */
    void awaitEnd() throws InterruptedException {
        thread.join();
    }

    /** All so far. */
    String text() throws IOException {
        take();
        // A killed process may have written half a character.
        return new String(Files.readAllBytes(file), StandardCharsets.UTF_8);
    }

    /** Why it ended, as far as it has said: the last root cause, and the last lines. */
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

package io.millrace.operators.fault;

import io.millrace.gpu.common.Sha256;
import io.millrace.operators.record.Origin;
import io.millrace.operators.record.Position;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.apache.flink.core.fs.FSDataInputStream;
import org.apache.flink.core.fs.FSDataOutputStream;
import org.apache.flink.core.fs.FileStatus;
import org.apache.flink.core.fs.FileSystem;
import org.apache.flink.core.fs.FileSystem.WriteMode;
import org.apache.flink.core.fs.Path;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Records the requests that were in the engine when it failed. It is stored beside the checkpoints,
 * not in them, as a restore must not roll it back. Any thread.
 *
 * <pre>
 *   folder/&lt;hash of source, position, timestamp&gt;-together-&lt;failure&gt;   one of several in a step
 *         /&lt;hash of source, position, timestamp&gt;-alone-&lt;failure&gt;      the only one
 * </pre>
 *
 * One small file per request and failure, with display text. A lost file costs one more attempt; a
 * leftover one costs nothing.
 */
final class SuspectJournal {
    /** Maximum number of files: the oldest are deleted. */
    static final int MOST_FILES = 4096;

    private static final Logger LOG = LoggerFactory.getLogger(SuspectJournal.class);
    private static final String ALONE = "alone";
    private static final String TOGETHER = "together";
    private static final long WRITE_MS = 10_000;
    private static final int LOOKS = 10;

    private final Path folder;
    private final long patienceMs;

    private SuspectJournal(Path folder, long patienceMs) {
        this.folder = folder;
        this.patienceMs = patienceMs;
    }

    /**
     * @param folder null for a journal without storage
     */
    static SuspectJournal open(String folder) {
        return new SuspectJournal(folder == null ? null : new Path(folder), WRITE_MS);
    }

    /**
     * The entries of a request.
     *
     * @param alone number of its failures alone
     * @param files its files, the newest first
     */
    record Suspect(int alone, List<String> files) {}

    /** The key of a record; the timestamp tells apart the records of a topic that was recreated. */
    static String key(Origin origin) {
        String text =
                origin.source()
                        + '\n'
                        + origin.position().partition()
                        + '\n'
                        + origin.position().offset()
                        + '\n'
                        + origin.timestamp()
                        + (origin.position() instanceof Position.Made made ? '\n' + made.id() : "");
        return Sha256.fingerprint(text);
    }

    /** All suspects by key. */
    Map<String, Suspect> read() throws IOException {
        Map<String, Suspect> suspects = new HashMap<>();
        for (FileStatus file : newestFirst()) {
            String name = file.getPath().getName();
            String[] parts = name.split("-", 3);
            if (parts.length == 3) {
                int alone = parts[1].equals(ALONE) ? 1 : 0;
                suspects.merge(
                        parts[0], new Suspect(alone, List.of(name)), SuspectJournal::together);
            }
        }
        return suspects;
    }

    private static Suspect together(Suspect newer, Suspect older) {
        List<String> files = new ArrayList<>(newer.files);
        files.addAll(older.files);
        return new Suspect(newer.alone + older.alone, files);
    }

    /** The text of a request's last failure. */
    String text(Suspect suspect) {
        Path file = new Path(folder, suspect.files.get(0));
        try (FSDataInputStream in = file.getFileSystem().open(file)) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8).strip();
        } catch (IOException e) {
            return "unknown, since its journal is not readable: " + e.getMessage();
        }
    }

    /**
     * Records the requests of a failing step; waits for the storage with a timeout.
     *
     * @param alone whether there was only one request, which ran alone
     */
    void write(List<Origin> suspects, boolean alone, Throwable cause) {
        if (folder == null) {
            return;
        }
        Thread writer =
                new Thread(
                        () -> {
                            try {
                                writeAll(suspects, alone, cause);
                            } catch (IOException | RuntimeException e) {
                                LOG.warn("{} suspects are not in the journal", suspects.size(), e);
                            }
                        },
                        "millrace-suspects");
        writer.setDaemon(true);
        writer.start();
        boolean interrupted = false;
        long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(patienceMs);
        while (writer.isAlive() && System.nanoTime() - deadline < 0) {
            try {
                TimeUnit.NANOSECONDS.timedJoin(writer, deadline - System.nanoTime());
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private void writeAll(List<Origin> suspects, boolean alone, Throwable cause)
            throws IOException {
        FileSystem files = folder.getFileSystem();
        files.mkdirs(folder);
        String failure = UUID.randomUUID().toString().substring(0, 13);
        for (Origin origin : suspects) {
            String name = key(origin) + "-" + (alone ? ALONE : TOGETHER) + "-" + failure;
            try (FSDataOutputStream out =
                    files.create(new Path(folder, name), WriteMode.NO_OVERWRITE)) {
                out.write((origin + ": " + cause).getBytes(StandardCharsets.UTF_8));
            }
        }
    }

    /** Deletes the entries of a request. */
    void forget(Suspect suspect) throws IOException {
        FileSystem files = folder.getFileSystem();
        for (String name : suspect.files) {
            files.delete(new Path(folder, name), false);
        }
    }

    /** Bounds the journal, and deletes files older than {@code oldestMs}. */
    void prune(long oldestMs) throws IOException {
        List<FileStatus> files = newestFirst();
        for (int i = 0; i < files.size(); i++) {
            if (i >= MOST_FILES || files.get(i).getModificationTime() < oldestMs) {
                Path file = files.get(i).getPath();
                file.getFileSystem().delete(file, false);
            }
        }
    }

    private List<FileStatus> newestFirst() throws IOException {
        List<FileStatus> files = new ArrayList<>();
        if (folder != null) {
            files.addAll(Arrays.asList(list()));
            files.sort(Comparator.comparingLong(FileStatus::getModificationTime).reversed());
        }
        return files;
    }

    /**
     * Lists the files; retries, as some file systems fail if another subtask deletes a file during
     * the listing.
     */
    private FileStatus[] list() throws IOException {
        FileSystem files = folder.getFileSystem();
        for (int look = 1; ; look++) {
            try {
                FileStatus[] found = files.exists(folder) ? files.listStatus(folder) : null;
                return found == null ? new FileStatus[0] : found;
            } catch (IOException e) {
                if (look == LOOKS) {
                    throw e;
                }
            }
        }
    }
}

package io.millrace.jobs.stream;

import io.millrace.jobs.cli.CommandFailedException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import org.apache.flink.core.fs.FileStatus;
import org.apache.flink.core.fs.FileSystem;
import org.apache.flink.core.fs.Path;

/**
 * The folder with checkpoints and savepoints of one application id.
 *
 * <pre>
 * checkpoint-dir/application-id/lock                       held while a run is alive (local folders)
 *                              /&lt;job id&gt;/chk-7/_metadata    retained checkpoint
 *                              /savepoints/savepoint-*\/_metadata
 *                              /suspects/                   requests of the engine's failing steps
 * </pre>
 *
 * State is complete once its {@code _metadata} exists: Flink writes that file last.
 */
public final class StateDirectory {
    private static final Pattern ID = Pattern.compile("[A-Za-z0-9][A-Za-z0-9_-]{0,99}");
    private static final String METADATA = "_metadata";
    private static final String SAVEPOINTS = "savepoints";
    private static final String SUSPECTS = "suspects";

    private final Path folder;
    private final String applicationId;

    public StateDirectory(String checkpointDir, String applicationId) {
        if (!ID.matcher(applicationId).matches()) {
            throw new CommandFailedException(
                    "--application-id is '"
                            + applicationId
                            + "': use up to 100 letters, digits, dashes and underscores.");
        }
        this.applicationId = applicationId;
        Path root = new Path(checkpointDir);
        boolean local = root.toUri().getScheme() == null;
        Path absolute =
                local
                        ? new Path(java.nio.file.Path.of(checkpointDir).toAbsolutePath().toUri())
                        : root;
        this.folder = new Path(absolute, applicationId);
    }

    /** Folder of checkpoints. */
    public String checkpoints() {
        return folder.toString();
    }

    /** Folder of the journal of suspects. */
    public String suspects() {
        return new Path(folder, SUSPECTS).toString();
    }

    /** Folder of savepoints. */
    public String savepoints() {
        return new Path(folder, SAVEPOINTS).toString();
    }

    /** The newest complete savepoint or retained checkpoint. */
    public Optional<State> newest() {
        try {
            FileSystem files = folder.getFileSystem();
            List<State> found = new ArrayList<>();
            for (FileStatus job : list(files, folder)) {
                if (!job.isDir()) {
                    continue;
                }
                boolean savepoints = job.getPath().getName().equals(SAVEPOINTS);
                for (FileStatus state : list(files, job.getPath())) {
                    String name = state.getPath().getName();
                    if (state.isDir() && (savepoints || name.startsWith("chk-"))) {
                        addComplete(files, state.getPath(), savepoints, found);
                    }
                }
            }
            return found.stream().max(Comparator.comparing(State::written));
        } catch (IOException e) {
            throw new CommandFailedException(
                    "Cannot read the checkpoint folder " + folder + ": " + e.getMessage(), e);
        }
    }

    private static void addComplete(
            FileSystem files, Path state, boolean savepoint, List<State> found) throws IOException {
        Path metadata = new Path(state, METADATA);
        if (files.exists(metadata)) {
            long written = files.getFileStatus(metadata).getModificationTime();
            found.add(new State(state.toString(), savepoint, Instant.ofEpochMilli(written)));
        }
    }

    private static FileStatus[] list(FileSystem files, Path folder) throws IOException {
        if (!files.exists(folder)) {
            return new FileStatus[0];
        }
        FileStatus[] entries = files.listStatus(folder);
        return entries == null ? new FileStatus[0] : entries;
    }

    /**
     * Locks the folder for this process; the lock of a killed process is released. A folder on a
     * remote file system is not locked.
     */
    public Lock lock() {
        return lock("stop it, or give this one another --application-id.");
    }

    /**
     * The same.
     *
     * @param remedy end of the sentence if another process has the lock
     */
    public Lock lock(String remedy) {
        String scheme = folder.toUri().getScheme();
        if (scheme != null && !scheme.equals("file")) {
            return new Lock(null);
        }
        java.nio.file.Path local = java.nio.file.Path.of(folder.getPath());
        try {
            Files.createDirectories(local);
            FileChannel channel =
                    FileChannel.open(
                            local.resolve("lock"),
                            StandardOpenOption.CREATE,
                            StandardOpenOption.WRITE);
            FileLock lock;
            try {
                lock = channel.tryLock();
            } catch (OverlappingFileLockException e) {
                lock = null;
            }
            if (lock == null) {
                channel.close();
                throw new CommandFailedException(
                        "Another run of application id "
                                + applicationId
                                + " is alive (it holds "
                                + local.resolve("lock")
                                + "): "
                                + remedy);
            }
            return new Lock(channel);
        } catch (IOException e) {
            throw new CommandFailedException(
                    "Cannot write to --checkpoint-dir " + local.getParent() + ": " + e, e);
        }
    }

    /**
     * A state to resume.
     *
     * @param path folder with the metadata file
     * @param savepoint whether it is a savepoint, else a retained checkpoint
     * @param written time of its completion
     */
    public record State(String path, boolean savepoint, Instant written) {
        @Override
        public String toString() {
            return (savepoint ? "savepoint " : "checkpoint ") + path + " of " + written;
        }
    }

    /** The lock of the folder. */
    public static final class Lock implements AutoCloseable {
        private final FileChannel channel;

        private Lock(FileChannel channel) {
            this.channel = channel;
        }

        @Override
        public void close() {
            try {
                if (channel != null) {
                    channel.close();
                }
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }
}

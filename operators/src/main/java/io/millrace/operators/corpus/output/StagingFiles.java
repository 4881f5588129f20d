package io.millrace.operators.corpus.output;

import io.millrace.operators.corpus.output.FileEvent.Staged;
import io.millrace.operators.corpus.output.FileEvent.Tally;
import java.io.BufferedOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The staging files that one attempt of one subtask writes, one per input file. No other attempt
 * writes to them, so bytes that an attempt wrote after its last checkpoint are never read. Mailbox
 * thread only.
 */
final class StagingFiles implements AutoCloseable {
    /** Maximum number of open files. */
    private static final int MAX_OPEN = 64;

    private static final int BUFFER = 1 << 16;

    private static final class Part {
        final Path path;
        Tally tally = Tally.NONE;

        Part(Path path) {
            this.path = path;
        }
    }

    private record Open(FileChannel channel, DataOutputStream out) {
        /** Forces the bytes to disk and closes the file. */
        void close() throws IOException {
            try (channel) {
                out.flush();
                channel.force(false);
            }
        }
    }

    private final OutputFolder folder;
    private final String name;

    /** Files that have grown since the last flush. */
    private final Map<String, Part> parts = new HashMap<>();

    private final LinkedHashMap<String, Open> open = new LinkedHashMap<>(16, 0.75f, true);

    /**
     * @param name name that no other attempt has
     */
    StagingFiles(OutputFolder folder, String name) {
        this.folder = folder;
        this.name = name;
    }

    void add(String file, StagedRow row, Tally tally) throws IOException {
        Part part = parts.get(file);
        if (part == null) {
            part = new Part(folder.staging(file).resolve(name));
            parts.put(file, part);
        }
        row.write(out(file, part));
        part.tally = part.tally.plus(tally);
    }

    private DataOutputStream out(String file, Part part) throws IOException {
        Open found = open.get(file);
        if (found == null) {
            if (open.size() >= MAX_OPEN) {
                Iterator<Open> oldest = open.values().iterator();
                oldest.next().close();
                oldest.remove();
            }
            Files.createDirectories(part.path.getParent());
            FileChannel channel =
                    FileChannel.open(
                            part.path,
                            StandardOpenOption.CREATE,
                            StandardOpenOption.WRITE,
                            StandardOpenOption.APPEND);
            found =
                    new Open(
                            channel,
                            new DataOutputStream(
                                    new BufferedOutputStream(
                                            Channels.newOutputStream(channel), BUFFER)));
            open.put(file, found);
        }
        return found.out();
    }

    /** Forces all bytes to disk; returns the files that have grown since the last call. */
    List<Staged> flush() throws IOException {
        for (Open each : open.values()) {
            each.close();
        }
        open.clear();
        List<Staged> grown = new ArrayList<>();
        for (Map.Entry<String, Part> each : parts.entrySet()) {
            Path path = each.getValue().path;
            grown.add(
                    new Staged(
                            each.getKey(),
                            path.toString(),
                            Files.size(path),
                            each.getValue().tally));
        }
        parts.clear();
        return grown;
    }

    /** Number of files with an entry on the heap. */
    int known() {
        return parts.size();
    }

    @Override
    public void close() throws IOException {
        for (Open each : open.values()) {
            each.channel().close();
        }
        open.clear();
    }
}

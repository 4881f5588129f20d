package io.millrace.operators.corpus.output;

import io.millrace.operators.corpus.output.FileEvent.Staged;
import java.io.ByteArrayInputStream;
import java.io.Closeable;
import java.io.DataInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;

/**
 * Random access to the staging files of one input file. Rows are stored nearly in order, so one
 * buffered window per file serves many of them.
 */
final class StagedParts implements Closeable {
    /** Maximum number of open files. */
    private static final int MAX_OPEN = 64;

    private static final int WINDOW = 1 << 16;

    private final List<Staged> parts;
    private final LinkedHashMap<Integer, Window> open = new LinkedHashMap<>(16, 0.75f, true);

    StagedParts(List<Staged> parts) {
        this.parts = parts;
    }

    int count() {
        return parts.size();
    }

    /** Valid bytes of a part. */
    long length(int part) {
        return parts.get(part).length();
    }

    /** Bytes of a part; valid until the next call. */
    ByteBuffer bytes(int part, long offset, int length) throws IOException {
        Window window = open.get(part);
        if (window == null) {
            if (open.size() >= MAX_OPEN) {
                Iterator<Window> oldest = open.values().iterator();
                oldest.next().channel.close();
                oldest.remove();
            }
            window = new Window(Path.of(parts.get(part).part()));
            open.put(part, window);
        }
        return window.bytes(offset, length);
    }

    StagedRow row(RowIndex.Entry entry) throws IOException {
        byte[] bytes = new byte[entry.length()];
        bytes(entry.part(), entry.offset(), entry.length()).get(bytes);
        return StagedRow.read(new DataInputStream(new ByteArrayInputStream(bytes)));
    }

    @Override
    public void close() throws IOException {
        for (Window each : open.values()) {
            each.channel.close();
        }
    }

    private static final class Window {
        private final Path path;
        private final FileChannel channel;
        private ByteBuffer buffer = ByteBuffer.allocate(WINDOW).limit(0);
        private long from;

        Window(Path path) throws IOException {
            this.path = path;
            try {
                channel = FileChannel.open(path, StandardOpenOption.READ);
            } catch (NoSuchFileException e) {
                throw new OutputFaults.StagingLost("%s was deleted.".formatted(path), e);
            }
        }

        ByteBuffer bytes(long offset, int length) throws IOException {
            if (offset < from || offset + length > from + buffer.limit()) {
                // Release the buffer of a long row, so that not every window keeps a large one.
                int room = Math.max(WINDOW, length);
                if (buffer.capacity() != room) {
                    buffer = ByteBuffer.allocate(room);
                }
                buffer.clear();
                from = offset;
                while (buffer.position() < length) {
                    if (channel.read(buffer, from + buffer.position()) < 0) {
                        throw new OutputFaults.StagingLost(
                                "%s ends at byte %d, before its length in the checkpoint."
                                        .formatted(path, from + buffer.position()));
                    }
                }
                buffer.flip();
            }
            int at = (int) (offset - from);
            return buffer.duplicate().position(at).limit(at + length);
        }
    }
}

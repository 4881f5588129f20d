package io.millrace.operators.corpus.output;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * Where each row of a file is staged, by its number. Lies in a file of its own, so that the number
 * of rows is not bounded by the heap.
 *
 * <pre>
 *   row n, 16 bytes at 16 * (n - 1):   [part + 1, 4 bytes][length, 4 bytes][offset, 8 bytes]
 * </pre>
 */
final class RowIndex implements AutoCloseable {
    private static final int ENTRY = 16;

    /** Rows in one mapping: 64 MiB. */
    private static final int MAPPED = 1 << 22;

    private final Path path;
    private final FileChannel channel;
    private final MappedByteBuffer[] pieces;

    /**
     * Where a row is staged.
     *
     * @param part number of the staging file
     * @param offset of the row in it, behind its length
     */
    record Entry(int part, int length, long offset) {}

    RowIndex(Path path, long rows) throws IOException {
        this.path = path;
        Files.deleteIfExists(path);
        channel =
                FileChannel.open(
                        path,
                        StandardOpenOption.CREATE,
                        StandardOpenOption.READ,
                        StandardOpenOption.WRITE);
        pieces = new MappedByteBuffer[(int) ((rows + MAPPED - 1) / MAPPED)];
        for (int i = 0; i < pieces.length; i++) {
            long from = (long) i * MAPPED;
            pieces[i] =
                    channel.map(
                            FileChannel.MapMode.READ_WRITE,
                            from * ENTRY,
                            Math.min(MAPPED, rows - from) * ENTRY);
        }
    }

    /** The row with that number, null if it was never put. */
    Entry get(long number) {
        ByteBuffer piece = pieces[(int) ((number - 1) / MAPPED)];
        int at = at(number);
        int part = piece.getInt(at);
        return part == 0 ? null : new Entry(part - 1, piece.getInt(at + 4), piece.getLong(at + 8));
    }

    void put(long number, Entry entry) {
        ByteBuffer piece = pieces[(int) ((number - 1) / MAPPED)];
        int at = at(number);
        piece.putInt(at, entry.part() + 1);
        piece.putInt(at + 4, entry.length());
        piece.putLong(at + 8, entry.offset());
    }

    private static int at(long number) {
        return (int) ((number - 1) % MAPPED) * ENTRY;
    }

    @Override
    public void close() throws IOException {
        try (channel) {
            Files.deleteIfExists(path);
        }
    }
}

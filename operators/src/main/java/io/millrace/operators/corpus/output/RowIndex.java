package io.millrace.operators.corpus.output;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Maps the number of each row of a file to its location in the staging files. Kept in a file, so
 * that the number of rows is not limited by the heap. The file is not memory-mapped, because a full
 * disk would then end the JVM instead of throwing an exception.
 *
 * <pre>
 *   row n, 16 bytes at 16 * (n - 1):   [part + 1, 4 bytes][length, 4 bytes][offset, 8 bytes]
 * </pre>
 *
 * Rows come nearly in order, so a cache of the most recently used pages serves nearly all of them.
 */
final class RowIndex implements AutoCloseable {
    private static final int ENTRY_BYTES = 16;

    /** Rows of a page of 4 KiB. */
    private static final int PAGE_ROWS = 256;

    /** Cached pages: 4 MiB. */
    private static final int MAX_PAGES = 1024;

    private final Path path;
    private final FileChannel channel;
    private final LinkedHashMap<Long, Page> pages = new LinkedHashMap<>(16, 0.75f, true);

    /**
     * The location of a row.
     *
     * @param part index of the staging file
     * @param length bytes of the row, without its length prefix
     * @param offset position after the length prefix
     */
    record Entry(int part, int length, long offset) {}

    private static final class Page {
        final ByteBuffer bytes = ByteBuffer.allocate(PAGE_ROWS * ENTRY_BYTES);
        boolean changed;
    }

    RowIndex(Path path) throws IOException {
        this.path = path;
        channel =
                FileChannel.open(
                        path,
                        StandardOpenOption.CREATE,
                        StandardOpenOption.READ,
                        StandardOpenOption.WRITE,
                        StandardOpenOption.TRUNCATE_EXISTING);
    }

    /** The location of a row, by its number from 1; null if it was not put. */
    Entry get(long number) throws IOException {
        ByteBuffer page = page(number).bytes;
        int at = at(number);
        int part = page.getInt(at);
        return part == 0 ? null : new Entry(part - 1, page.getInt(at + 4), page.getLong(at + 8));
    }

    void put(long number, Entry entry) throws IOException {
        Page page = page(number);
        int at = at(number);
        page.bytes.putInt(at, entry.part() + 1);
        page.bytes.putInt(at + 4, entry.length());
        page.bytes.putLong(at + 8, entry.offset());
        page.changed = true;
    }

    private static int at(long number) {
        return (int) ((number - 1) % PAGE_ROWS) * ENTRY_BYTES;
    }

    private Page page(long number) throws IOException {
        long index = (number - 1) / PAGE_ROWS;
        Page page = pages.get(index);
        if (page == null) {
            if (pages.size() >= MAX_PAGES) {
                Iterator<Map.Entry<Long, Page>> oldest = pages.entrySet().iterator();
                Map.Entry<Long, Page> evicted = oldest.next();
                write(evicted.getKey(), evicted.getValue());
                oldest.remove();
            }
            page = read(index);
            pages.put(index, page);
        }
        return page;
    }

    /** Reads a page; entries that were never written are 0. */
    private Page read(long index) throws IOException {
        Page page = new Page();
        long from = index * PAGE_ROWS * ENTRY_BYTES;
        while (page.bytes.hasRemaining()
                && channel.read(page.bytes, from + page.bytes.position()) > 0) {
            continue;
        }
        return page;
    }

    private void write(long index, Page page) throws IOException {
        if (page.changed) {
            page.bytes.clear();
            long from = index * PAGE_ROWS * ENTRY_BYTES;
            while (page.bytes.hasRemaining()) {
                channel.write(page.bytes, from + page.bytes.position());
            }
        }
    }

    @Override
    public void close() throws IOException {
        try (channel) {
            Files.deleteIfExists(path);
        }
    }
}

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
 * Where each row of a file is staged, by its number. Lies in a file of its own, so that the number
 * of rows is not bounded by the heap; written through its channel and never mapped, so that a full
 * disk is an exception and not the end of the JVM.
 *
 * <pre>
 *   row n, 16 bytes at 16 * (n - 1):   [part + 1, 4 bytes][length, 4 bytes][offset, 8 bytes]
 * </pre>
 *
 * Rows come nearly in order, so the pages used last serve nearly all of them.
 */
final class RowIndex implements AutoCloseable {
    private static final int ENTRY = 16;

    /** Rows in a page: 4 KiB. */
    private static final int PAGE = 256;

    /** Pages in memory: 4 MiB. */
    private static final int MOST_PAGES = 1024;

    private final Path path;
    private final FileChannel channel;
    private final LinkedHashMap<Long, Page> pages = new LinkedHashMap<>(16, 0.75f, true);

    /**
     * Where a row is staged.
     *
     * @param part number of the staging file
     * @param offset of the row in it, behind its length
     */
    record Entry(int part, int length, long offset) {}

    private static final class Page {
        final ByteBuffer bytes = ByteBuffer.allocate(PAGE * ENTRY);
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

    /** The row with that number, from 1; null if it was never put. */
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
        return (int) ((number - 1) % PAGE) * ENTRY;
    }

    private Page page(long number) throws IOException {
        long index = (number - 1) / PAGE;
        Page page = pages.get(index);
        if (page == null) {
            if (pages.size() >= MOST_PAGES) {
                Iterator<Map.Entry<Long, Page>> oldest = pages.entrySet().iterator();
                Map.Entry<Long, Page> gone = oldest.next();
                write(gone.getKey(), gone.getValue());
                oldest.remove();
            }
            page = read(index);
            pages.put(index, page);
        }
        return page;
    }

    /** What was never written is zero. */
    private Page read(long index) throws IOException {
        Page page = new Page();
        long from = index * PAGE * ENTRY;
        while (page.bytes.hasRemaining()
                && channel.read(page.bytes, from + page.bytes.position()) > 0) {
            continue;
        }
        return page;
    }

    private void write(long index, Page page) throws IOException {
        if (page.changed) {
            page.bytes.clear();
            long from = index * PAGE * ENTRY;
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

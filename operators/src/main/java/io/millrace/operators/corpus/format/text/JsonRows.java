package io.millrace.operators.corpus.format.text;

import io.millrace.operators.corpus.format.Place;
import io.millrace.operators.corpus.format.Row;
import io.millrace.operators.corpus.format.RowReader;
import java.io.IOException;
import java.util.Arrays;

/** The lines of a JSONL file. A line feed ends one; those of white space only are no rows. */
public final class JsonRows implements RowReader {
    private final RowBytes bytes;
    private final Place from;
    private boolean there;
    private long rows;
    private long lines;

    public JsonRows(RowBytes bytes, Place from) throws IOException {
        this.bytes = bytes;
        this.from = from;
        bytes.takeByteOrderMark();
        rows = from.rows();
        lines = from.lines();
    }

    @Override
    public boolean seek() throws IOException {
        there = there || bytes.skipTowards(from.offset());
        return there;
    }

    @Override
    public byte[] header() {
        return new byte[0];
    }

    @Override
    public Row next() throws IOException {
        while (bytes.peek() != RowBytes.END) {
            bytes.begin();
            while (bytes.peek() != RowBytes.END && bytes.peek() != '\n') {
                bytes.takeUntil('\n');
            }
            bytes.takeIf('\n');
            lines++;
            byte[] row = bytes.row();
            int end = row.length;
            if (end > 0 && row[end - 1] == '\r') {
                end--;
            }
            if (!isBlank(row, end)) {
                rows++;
                return new Row(rows, lines, Arrays.copyOf(row, end), bytes.tooLong());
            }
        }
        return null;
    }

    private static boolean isBlank(byte[] row, int end) {
        for (int i = 0; i < end; i++) {
            if (row[i] != ' ' && row[i] != '\t' && row[i] != '\r') {
                return false;
            }
        }
        return true;
    }

    @Override
    public Place place() {
        return there ? new Place(bytes.offset(), rows, lines) : from;
    }

    @Override
    public void close() throws IOException {
        bytes.close();
    }
}

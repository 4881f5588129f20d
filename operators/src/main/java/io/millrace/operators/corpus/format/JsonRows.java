package io.millrace.operators.corpus.format;

import java.io.IOException;
import java.util.Arrays;

/** The lines of a JSONL file. A line feed ends one; those of white space only are no rows. */
final class JsonRows implements RowReader {
    private final RowBytes bytes;
    private long rows;
    private long lines;

    JsonRows(RowBytes bytes, Place from) throws IOException {
        this.bytes = bytes;
        bytes.takeByteOrderMark();
        bytes.skipTo(from.offset());
        rows = from.rows();
        lines = from.lines();
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
        return new Place(bytes.offset(), rows, lines);
    }

    @Override
    public void close() throws IOException {
        bytes.close();
    }
}

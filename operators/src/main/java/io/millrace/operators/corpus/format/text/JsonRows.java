package io.millrace.operators.corpus.format.text;

import io.millrace.operators.corpus.format.Row;
import io.millrace.operators.corpus.format.RowPosition;
import io.millrace.operators.corpus.format.RowReader;
import java.io.IOException;
import java.util.Arrays;

/** Reads the lines of a JSONL file, which end with a line feed. Blank lines are not rows. */
public final class JsonRows implements RowReader {
    private final RowBytes bytes;
    private final RowPosition from;
    private boolean positioned;
    private long rows;
    private long lines;

    /** Whether a line was begun whose end is not reached, and where it begins. */
    private boolean begun;

    private long start;

    public JsonRows(RowBytes bytes, RowPosition from) throws IOException {
        this.bytes = bytes;
        this.from = from;
        bytes.takeByteOrderMark();
        rows = from.rows();
        lines = from.lines();
    }

    @Override
    public boolean seek() throws IOException {
        positioned = positioned || bytes.skipTowards(from.offset());
        return positioned;
    }

    @Override
    public byte[] header() {
        return new byte[0];
    }

    @Override
    public Row next() throws IOException {
        long stop = bytes.offset() + RowBytes.STEP;
        while (begun || bytes.peek() != RowBytes.END) {
            if (!begun) {
                begun = true;
                start = bytes.offset();
                bytes.begin();
            }
            while (bytes.peek() != RowBytes.END && bytes.peek() != '\n') {
                if (bytes.offset() >= stop) {
                    return Row.PENDING;
                }
                bytes.takeUntil('\n');
            }
            bytes.takeIf('\n');
            begun = false;
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
            if (bytes.offset() >= stop) {
                return Row.PENDING;
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
    public RowPosition position() {
        return positioned ? new RowPosition(begun ? start : bytes.offset(), rows, lines) : from;
    }

    @Override
    public void close() throws IOException {
        bytes.close();
    }
}

package io.millrace.operators.corpus.format.text;

import io.millrace.operators.corpus.format.Row;
import io.millrace.operators.corpus.format.RowPosition;
import io.millrace.operators.corpus.format.RowReader;
import io.millrace.operators.corpus.format.UnreadableFileException;
import java.io.IOException;
import java.util.Arrays;

/**
 * Reads the records of a CSV file (RFC 4180, with the rules of Python's {@code csv}): a quote has a
 * meaning only at the beginning of a cell; a line ends with a line feed, a carriage return or both;
 * an empty line is not a record. The first record is the header.
 */
public final class CsvRows implements RowReader {
    private enum Cell {
        BEGINS,
        PLAIN,
        QUOTED,
        /** After a quote within a quoted cell, which ends the cell unless another quote follows. */
        QUOTE
    }

    private final RowBytes bytes;
    private final char delimiter;
    private final byte[] header;
    private final RowPosition from;
    private boolean positioned;
    private long rows;
    private long lines;

    /** Number of the last record's first line. */
    private long firstLine;

    /** Line ending of the last record; empty at the end of the file. */
    private byte[] end = new byte[0];

    /** Whether the last record ends within quotes. */
    private boolean open;

    public CsvRows(RowBytes bytes, char delimiter, RowPosition from) throws IOException {
        this.bytes = bytes;
        this.delimiter = delimiter;
        this.from = from;
        this.header = readHeader();
        if (from.offset() > 0) {
            rows = from.rows();
            lines = from.lines();
        }
    }

    @Override
    public boolean seek() throws IOException {
        positioned = positioned || bytes.skipTowards(from.offset());
        return positioned;
    }

    private byte[] readHeader() throws IOException {
        boolean marked = bytes.takeByteOrderMark();
        if (!readRecord()) {
            return new byte[0];
        }
        if (open || bytes.tooLong() != null) {
            throw new UnreadableFileException(
                    "its header has no end: a quoted cell is not closed, or the first line is not"
                            + " a header");
        }
        byte[] mark = marked ? new byte[] {(byte) 0xef, (byte) 0xbb, (byte) 0xbf} : new byte[0];
        byte[] names = bytes.row();
        byte[] whole = Arrays.copyOf(mark, mark.length + names.length + end.length);
        System.arraycopy(names, 0, whole, mark.length, names.length);
        System.arraycopy(end, 0, whole, mark.length + names.length, end.length);
        return whole;
    }

    @Override
    public byte[] header() {
        return header.clone();
    }

    @Override
    public Row next() throws IOException {
        if (!readRecord()) {
            return null;
        }
        rows++;
        String fault = bytes.tooLong();
        if (open) {
            fault =
                    "a quoted cell is never closed, so that the rest of the file belongs to it:"
                            + " close it with \"";
        }
        return new Row(rows, firstLine, bytes.row(), fault);
    }

    /** Reads the next record that is not empty; false at the end of the file. */
    private boolean readRecord() throws IOException {
        do {
            if (bytes.peek() == RowBytes.END) {
                return false;
            }
            firstLine = lines + 1;
            readLine();
        } while (bytes.length() == 0);
        return true;
    }

    private void readLine() throws IOException {
        bytes.begin();
        Cell cell = Cell.BEGINS;
        while (true) {
            int b = bytes.take();
            if (b == RowBytes.END || cell != Cell.QUOTED && (b == '\n' || b == '\r')) {
                open = cell == Cell.QUOTED;
                endLine(b);
                return;
            }
            bytes.put(b);
            if (b == '\n' || b == '\r' && bytes.peek() != '\n') {
                lines++;
            }
            cell = after(cell, b);
        }
    }

    private void endLine(int b) throws IOException {
        lines++;
        if (b == RowBytes.END) {
            end = new byte[0];
        } else if (b == '\r' && bytes.takeIf('\n')) {
            end = new byte[] {'\r', '\n'};
        } else {
            end = new byte[] {(byte) b};
        }
    }

    private Cell after(Cell cell, int b) {
        if (cell == Cell.QUOTED) {
            return b == '"' ? Cell.QUOTE : Cell.QUOTED;
        }
        if (b == delimiter) {
            return Cell.BEGINS;
        }
        return b == '"' && cell != Cell.PLAIN ? Cell.QUOTED : Cell.PLAIN;
    }

    @Override
    public RowPosition position() {
        return positioned ? new RowPosition(bytes.offset(), rows, lines) : from;
    }

    @Override
    public void close() throws IOException {
        bytes.close();
    }
}

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

    private enum Found {
        RECORD,
        PENDING,
        END
    }

    private final RowBytes bytes;
    private final char delimiter;
    private final byte[] header;
    private final RowPosition from;
    private boolean positioned;
    private long rows;
    private long lines;

    /** Where the record stands whose end is not reached; null between two records. */
    private Cell cell;

    /** Where it begins. */
    private long start;

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
        Found found = readRecord(bytes.offset() + RowBytes.MAX_ROW_BYTES);
        if (found == Found.END) {
            return new byte[0];
        }
        if (found == Found.PENDING || open || bytes.tooLong() != null) {
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
        Found found = readRecord(bytes.offset() + RowBytes.STEP);
        if (found != Found.RECORD) {
            return found == Found.END ? null : Row.PENDING;
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

    /** Reads on in the next record that is not empty, up to an offset. */
    private Found readRecord(long stop) throws IOException {
        do {
            if (cell == null) {
                if (bytes.peek() == RowBytes.END) {
                    return Found.END;
                }
                cell = Cell.BEGINS;
                start = bytes.offset();
                firstLine = lines + 1;
                bytes.begin();
            }
            if (!readLine(stop)) {
                return Found.PENDING;
            }
            cell = null;
            if (bytes.length() > 0) {
                return Found.RECORD;
            }
        } while (bytes.offset() < stop);
        return Found.PENDING;
    }

    /** Whether the end of the record was reached. */
    private boolean readLine(long stop) throws IOException {
        while (bytes.offset() < stop || bytes.peek() == RowBytes.END) {
            int b = bytes.take();
            if (b == RowBytes.END || cell != Cell.QUOTED && (b == '\n' || b == '\r')) {
                open = cell == Cell.QUOTED;
                endLine(b);
                return true;
            }
            bytes.put(b);
            if (b == '\n' || b == '\r' && bytes.peek() != '\n') {
                lines++;
            }
            cell = after(cell, b);
        }
        return false;
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

    private Cell after(Cell before, int b) {
        if (before == Cell.QUOTED) {
            return b == '"' ? Cell.QUOTE : Cell.QUOTED;
        }
        if (b == delimiter) {
            return Cell.BEGINS;
        }
        return b == '"' && before != Cell.PLAIN ? Cell.QUOTED : Cell.PLAIN;
    }

    @Override
    public RowPosition position() {
        if (!positioned) {
            return from;
        }
        return cell == null
                ? new RowPosition(bytes.offset(), rows, lines)
                : new RowPosition(start, rows, firstLine - 1);
    }

    @Override
    public void close() throws IOException {
        bytes.close();
    }
}

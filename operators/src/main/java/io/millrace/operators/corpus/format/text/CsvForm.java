package io.millrace.operators.corpus.format.text;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.millrace.operators.corpus.format.Answers;
import io.millrace.operators.corpus.format.Columns;
import io.millrace.operators.corpus.format.Fields;
import io.millrace.operators.corpus.format.UnreadableFileException;
import io.millrace.schemas.FailureCode;
import io.millrace.schemas.codec.record.CodecException;
import io.millrace.schemas.text.Text;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.List;

/**
 * Parses and writes CSV records of a file with a header. All cells but the answer's keep their
 * bytes, including quotes. A record with fewer cells than the header is filled with empty ones; one
 * with more is refused.
 */
public final class CsvForm implements LineForm {
    private static final String BYTE_ORDER_MARK = "\uFEFF";

    private final char delimiter;
    private final Columns columns;
    private final CsvCells names;
    private final String mark;
    private final String lineEnd;
    private final int prompt;
    private final int id;
    private final int result;

    /**
     * @param header header of the reader; empty for an empty file, which has no rows
     */
    public CsvForm(byte[] header, char delimiter, Columns columns) throws UnreadableFileException {
        if (columns.prompt() == null) {
            throw new UnreadableFileException(
                    "rows of CSV are not requests: name the column of the prompt with --prompt-field");
        }
        String text = Text.decode(header, 0, header.length);
        if (text == null) {
            throw new UnreadableFileException(
                    "byte %d of its header is not UTF-8: convert the file to UTF-8"
                            .formatted(Text.firstInvalid(header)));
        }
        this.delimiter = delimiter;
        this.columns = columns;
        mark = text.startsWith(BYTE_ORDER_MARK) ? BYTE_ORDER_MARK : "";
        String bare = text.substring(mark.length());
        String record = withoutLineEnd(bare);
        lineEnd = record.length() == bare.length() ? "\n" : bare.substring(record.length());
        names = CsvCells.parse(record, delimiter);
        boolean empty = header.length == 0;
        prompt = empty ? 0 : column("--prompt-field", columns.prompt());
        id = empty || columns.id() == null ? -1 : column("--id-field", columns.id());
        result = empty ? 0 : resultColumn();
    }

    private static String withoutLineEnd(String text) {
        int end = text.length();
        while (end > 0 && (text.charAt(end - 1) == '\n' || text.charAt(end - 1) == '\r')) {
            end--;
        }
        return text.substring(0, end);
    }

    /**
     * A record as a JSON object for display: each cell under its column, those without one left
     * out. Null if header or record are not text.
     *
     * @param header header of the reader
     */
    public static String json(byte[] header, byte[] row, char delimiter) {
        String head = Text.decode(header, 0, header.length);
        String record = Text.decode(row, 0, row.length);
        if (head == null || record == null) {
            return null;
        }
        String bare = head.startsWith(BYTE_ORDER_MARK) ? head.substring(1) : head;
        CsvCells names = CsvCells.parse(withoutLineEnd(bare), delimiter);
        CsvCells cells = CsvCells.parse(record, delimiter);
        ObjectNode object = JsonNodeFactory.instance.objectNode();
        for (int i = 0; i < names.size(); i++) {
            object.put(names.get(i), cell(cells, i));
        }
        return object.toString();
    }

    private int column(String option, String name) throws UnreadableFileException {
        int index = names.all().indexOf(name);
        if (index < 0) {
            throw new UnreadableFileException(
                    "it has no column \"%s\", which %s names; its columns are %s"
                            .formatted(
                                    name, option, Text.brief(String.join(", ", names.all()), 200)));
        }
        requireOne(name);
        return index;
    }

    private void requireOne(String name) throws UnreadableFileException {
        if (Collections.frequency(names.all(), name) > 1) {
            throw new UnreadableFileException(
                    "it has %d columns \"%s\": rename all but one"
                            .formatted(Collections.frequency(names.all(), name), name));
        }
    }

    private int resultColumn() throws UnreadableFileException {
        int index = names.all().indexOf(columns.result());
        if (index < 0) {
            return names.size();
        }
        if (!columns.overwrite()) {
            throw new UnreadableFileException(
                    "it already has a column \"%s\": name another with --result-field, or give --overwrite"
                            .formatted(columns.result()));
        }
        requireOne(columns.result());
        return index;
    }

    @Override
    public Fields read(byte[] row) throws CodecException {
        String text = Text.decode(row, 0, row.length);
        if (text == null) {
            throw new CodecException(
                    FailureCode.UNREADABLE,
                    "byte %d of the row is not UTF-8".formatted(Text.firstInvalid(row)),
                    null);
        }
        CsvCells cells = CsvCells.parse(text, delimiter);
        if (cells.size() > names.size()) {
            throw new CodecException(
                    FailureCode.UNREADABLE,
                    "the row has %d cells and the header %d: quote cells that contain \"%s\""
                            .formatted(cells.size(), names.size(), delimiter),
                    null);
        }
        String name = id < 0 ? null : cell(cells, id);
        if (name != null && name.isEmpty()) {
            throw new CodecException(
                    FailureCode.MISSING_ID,
                    "column %s, which --id-field names, is empty".formatted(columns.id()),
                    null);
        }
        return new Fields(cell(cells, prompt), name, null);
    }

    private static String cell(CsvCells cells, int index) {
        return index < cells.size() ? cells.get(index) : "";
    }

    @Override
    public byte[] header() {
        if (names.size() == 1 && names.get(0).isEmpty()) {
            return new byte[0];
        }
        String written =
                result < names.size()
                        ? names.record(delimiter)
                        : names.with(result, columns.result(), delimiter);
        return (mark + written + lineEnd).getBytes(StandardCharsets.UTF_8);
    }

    @Override
    public byte[] write(byte[] row, List<String> answers) {
        CsvCells cells = CsvCells.parse(new String(row, StandardCharsets.UTF_8), delimiter);
        return (cells.with(result, Answers.text(answers), delimiter) + lineEnd)
                .getBytes(StandardCharsets.UTF_8);
    }
}

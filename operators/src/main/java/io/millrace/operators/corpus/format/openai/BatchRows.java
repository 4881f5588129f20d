package io.millrace.operators.corpus.format.openai;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import io.millrace.operators.corpus.format.Row;
import io.millrace.operators.corpus.format.RowPosition;
import io.millrace.operators.corpus.format.RowReader;
import io.millrace.operators.corpus.format.UnreadableFileException;
import io.millrace.operators.corpus.format.text.JsonRows;
import io.millrace.operators.corpus.format.text.RowBytes;
import io.millrace.schemas.FailureCode;
import io.millrace.schemas.text.Text;
import java.io.IOException;

/**
 * The lines of a batch file, each with an id that no earlier line has. Going to a place reads what
 * is before it, for the ids.
 */
public final class BatchRows implements RowReader {
    /** OpenAI takes 50,000. */
    static final int MAX_LINES = 1_000_000;

    /** So much is read at most for one step towards a place. */
    private static final int STEP_BYTES = 1 << 20;

    private static final JsonFactory JSON =
            JsonFactory.builder()
                    .streamReadConstraints(
                            StreamReadConstraints.builder()
                                    .maxStringLength(Integer.MAX_VALUE)
                                    .build())
                    .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
                    .disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES)
                    .build();

    private final JsonRows lines;
    private final RowPosition from;
    private final CustomIds ids = new CustomIds();
    private boolean there;

    /**
     * @param bytes of the file, from its beginning
     * @param from where rows begin once {@link #seek} is there
     */
    public BatchRows(RowBytes bytes, RowPosition from) throws IOException {
        lines = new JsonRows(bytes, RowPosition.START);
        lines.seek();
        this.from = from;
    }

    @Override
    public byte[] header() {
        return lines.header();
    }

    @Override
    public boolean seek() throws IOException {
        long stop = lines.position().offset() + STEP_BYTES;
        while (lines.position().rows() < from.rows() && lines.position().offset() < stop) {
            if (next() == null) {
                throw new UnreadableFileException(
                        "it ends behind row %,d, before %,d, where reading should go on"
                                .formatted(lines.position().rows(), from.rows()));
            }
        }
        there = lines.position().rows() >= from.rows();
        return there;
    }

    @Override
    public Row next() throws IOException {
        Row row = lines.next();
        if (row == null || row == Row.PENDING || row.fault() != null) {
            return row;
        }
        String id = customId(row.bytes());
        if (id == null) {
            return row;
        }
        if (!ids.add(id)) {
            String message =
                    "custom_id \"%s\" stands in an earlier line already: give each line its own"
                            .formatted(Text.brief(id, 60));
            return new Row(
                    row.number(), row.line(), row.bytes(), message, FailureCode.INVALID_PARAMETER);
        }
        if (ids.size() > MAX_LINES) {
            throw new UnreadableFileException(
                    "a batch has more than %,d lines: make several files of it"
                            .formatted(MAX_LINES));
        }
        return row;
    }

    /** Null where there is none; what is wrong with the line is found later. */
    private static String customId(byte[] row) {
        try (JsonParser in = JSON.createParser(row)) {
            if (in.nextToken() != JsonToken.START_OBJECT) {
                return null;
            }
            while (in.nextToken() == JsonToken.FIELD_NAME) {
                boolean found = in.currentName().equals(BatchLine.CUSTOM_ID);
                JsonToken value = in.nextToken();
                if (found) {
                    return value == JsonToken.VALUE_STRING ? in.getText() : null;
                }
                in.skipChildren();
            }
            return null;
        } catch (IOException e) {
            return null;
        }
    }

    @Override
    public RowPosition position() {
        return there ? lines.position() : from;
    }

    @Override
    public void close() throws IOException {
        lines.close();
    }
}

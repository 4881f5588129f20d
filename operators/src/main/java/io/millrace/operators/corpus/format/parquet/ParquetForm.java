package io.millrace.operators.corpus.format.parquet;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import io.millrace.operators.corpus.format.Columns;
import io.millrace.operators.corpus.format.Fields;
import io.millrace.operators.corpus.format.RowForm;
import io.millrace.operators.corpus.format.UnreadableFileException;
import io.millrace.schemas.FailureCode;
import io.millrace.schemas.codec.record.CodecException;
import io.millrace.schemas.text.Text;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import org.apache.parquet.schema.GroupType;
import org.apache.parquet.schema.PrimitiveType.PrimitiveTypeName;
import org.apache.parquet.schema.Type;
import org.apache.parquet.schema.Type.Repetition;

/** Parses rows of a Parquet file. A path of names leads into groups. */
public final class ParquetForm implements RowForm {
    private static final JsonFactory JSON = new JsonFactory();

    private final ParquetSchema schema;
    private final Columns columns;

    /** Field indices, from the outermost group to the field. */
    private final int[] prompt;

    private final int[] id;

    /**
     * @param header header of the reader
     * @throws UnreadableFileException the file lacks one of the columns
     */
    public ParquetForm(byte[] header, Columns columns) throws UnreadableFileException {
        this.columns = columns;
        schema = ParquetHeader.read(header).schema();
        if (columns.prompt() == null) {
            throw new UnreadableFileException(
                    "rows of Parquet are not requests: name the column of the prompt with --prompt-field");
        }
        prompt = path("--prompt-field", columns.prompt(), false);
        id = columns.id() == null ? null : path("--id-field", columns.id(), true);
        resultColumn(schema, columns);
    }

    /**
     * The column of the answer.
     *
     * @return index of an existing column; -1 for a new one
     */
    static int resultColumn(ParquetSchema schema, Columns columns) throws UnreadableFileException {
        int existing = schema.column(columns.result());
        if (existing >= 0 && !columns.overwrite()) {
            throw new UnreadableFileException(
                    "it already has a column \"%s\": name another with --result-field, or give --overwrite"
                            .formatted(columns.result()));
        }
        return existing;
    }

    private int[] path(String option, String path, boolean numbers) throws UnreadableFileException {
        // The name of a column can contain dots.
        List<String> names =
                schema.column(path) >= 0 ? List.of(path) : List.of(path.split("\\.", -1));
        List<Integer> indices = new ArrayList<>();
        Type at = schema.message();
        for (String name : names) {
            if (at.isPrimitive() || !at.asGroupType().containsField(name)) {
                throw new UnreadableFileException(
                        "it has no column \"%s\", which %s names; its columns are %s"
                                .formatted(path, option, Text.brief(names(), 200)));
            }
            indices.add(at.asGroupType().getFieldIndex(name));
            at = at.asGroupType().getType(name);
            if (at.isRepetition(Repetition.REPEATED)) {
                throw new UnreadableFileException(
                        "its column \"%s\", which %s names, can have several values per row"
                                .formatted(path, option));
            }
        }
        boolean fits =
                at.isPrimitive()
                        && switch (at.asPrimitiveType().getPrimitiveTypeName()) {
                            case BINARY -> true;
                            case INT32, INT64 -> numbers;
                            default -> false;
                        };
        if (!fits) {
            throw new UnreadableFileException(
                    "its column \"%s\", which %s names, is %s: it must be text%s"
                            .formatted(
                                    path,
                                    option,
                                    at.isPrimitive()
                                            ? at.asPrimitiveType().getPrimitiveTypeName()
                                            : "a group",
                                    numbers ? " or an integer" : ""));
        }
        return indices.stream().mapToInt(Integer::intValue).toArray();
    }

    private String names() {
        return String.join(", ", schema.message().getFields().stream().map(Type::getName).toList());
    }

    @Override
    public Fields read(byte[] row) throws CodecException {
        Object[] record = Records.read(schema.message(), row);
        String name = null;
        if (id != null) {
            Object value = at(record, id);
            name = value instanceof byte[] bytes ? text(columns.id(), bytes) : string(value);
            if (name == null || name.isEmpty()) {
                throw new CodecException(
                        FailureCode.MISSING_ID,
                        "column %s, which --id-field names, is %s"
                                .formatted(columns.id(), name == null ? "null" : "empty"),
                        null);
            }
        }
        Object value = at(record, prompt);
        if (value == null) {
            throw new CodecException(
                    FailureCode.EMPTY_PROMPT,
                    "column %s, which --prompt-field names, is null".formatted(columns.prompt()),
                    name);
        }
        return new Fields(text(columns.prompt(), (byte[]) value), name, null);
    }

    private static String string(Object value) {
        return value == null ? null : String.valueOf(value);
    }

    private static Object at(Object[] record, int[] path) {
        Object at = record;
        for (int field : path) {
            at = at == null ? null : ((Object[]) at)[field];
        }
        return at;
    }

    private static String text(String column, byte[] bytes) throws CodecException {
        String text = Text.decode(bytes, 0, bytes.length);
        if (text == null) {
            throw new CodecException(
                    FailureCode.UNREADABLE,
                    "byte %d of column %s is not UTF-8".formatted(Text.firstInvalid(bytes), column),
                    null);
        }
        return text;
    }

    /** A row as JSON for display; bytes that are not UTF-8 are base64. */
    public static String json(byte[] header, byte[] row) {
        if (row.length == 0) {
            return "";
        }
        try {
            GroupType type = ParquetHeader.read(header).schema().message();
            StringWriter text = new StringWriter();
            try (JsonGenerator json = JSON.createGenerator(text)) {
                write(type, Records.read(type, row), json);
            }
            return text.toString();
        } catch (IOException e) {
            throw new UncheckedIOException("A row that was read cannot be read again.", e);
        }
    }

    private static void write(Type type, Object value, JsonGenerator json) throws IOException {
        if (value instanceof List<?> values) {
            json.writeStartArray();
            for (Object each : values) {
                write(type, each, json);
            }
            json.writeEndArray();
        } else if (value instanceof Object[] group) {
            json.writeStartObject();
            for (int i = 0; i < group.length; i++) {
                Type field = type.asGroupType().getType(i);
                json.writeFieldName(Text.writable(field.getName()));
                write(field, group[i], json);
            }
            json.writeEndObject();
        } else if (value instanceof byte[] bytes) {
            boolean binary =
                    type.asPrimitiveType().getPrimitiveTypeName() != PrimitiveTypeName.BINARY;
            String text = binary ? null : Text.decode(bytes, 0, bytes.length);
            if (text != null) {
                json.writeString(text);
            } else {
                json.writeBinary(bytes);
            }
        } else {
            json.writeObject(value);
        }
    }
}

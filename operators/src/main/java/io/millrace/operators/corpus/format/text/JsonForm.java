package io.millrace.operators.corpus.format.text;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.millrace.operators.corpus.format.Answers;
import io.millrace.operators.corpus.format.Columns;
import io.millrace.operators.corpus.format.Fields;
import io.millrace.schemas.FailureCode;
import io.millrace.schemas.codec.record.CodecException;
import io.millrace.schemas.text.Text;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * Parses and writes JSON objects. All but the answer keeps its bytes: numbers, order, white space.
 */
public final class JsonForm implements LineForm {
    /** Maximum digits of a number: the time to parse one grows with the square of its length. */
    private static final int MAX_DIGITS = 1000;

    private static final JsonFactory FACTORY =
            JsonFactory.builder()
                    .streamReadConstraints(
                            StreamReadConstraints.builder()
                                    .maxStringLength(Integer.MAX_VALUE)
                                    .maxNumberLength(MAX_DIGITS)
                                    .build())
                    .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                    .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
                    .disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES)
                    .build();

    /** Name of the id in the topics' schema. */
    private static final String ID = "id";

    private static final ObjectReader TREE =
            JsonMapper.builder(FACTORY)
                    .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
                    .build()
                    .readerFor(JsonNode.class);

    private final Columns columns;

    /** From the first character of a field's name up to, not including, the end of its value. */
    private record Range(int from, int to) {}

    public JsonForm(Columns columns) {
        this.columns = columns;
    }

    @Override
    public byte[] header() {
        return new byte[0];
    }

    @Override
    public Fields read(byte[] row) throws CodecException {
        String text = text(row);
        JsonNode object = object(text);
        if (object.has(columns.result()) && !columns.overwrite()) {
            throw new CodecException(
                    FailureCode.INVALID_PARAMETER,
                    "the row already has a field %s: name another with --result-field, or give --overwrite"
                            .formatted(columns.result()),
                    null);
        }
        if (columns.prompt() == null) {
            return request(object, text);
        }
        String id = columns.id() == null ? null : id(object);
        return new Fields(string(object, columns.prompt(), id), id, null);
    }

    private Fields request(JsonNode object, String text) {
        String request = object.has(columns.result()) ? without(text) : text;
        JsonNode id = object.get(ID);
        if (id == null) {
            // At the end, so that offsets in error messages stay those of the row.
            request = with(request, Answers.quoted(ID) + ":" + Answers.quoted("row"));
        }
        return new Fields(
                null, id == null ? null : id.asText(), request.getBytes(StandardCharsets.UTF_8));
    }

    private static String text(byte[] row) throws CodecException {
        String text = Text.decode(row, 0, row.length);
        if (text == null) {
            throw unreadable("byte %d of the row is not UTF-8".formatted(Text.firstInvalid(row)));
        }
        return text;
    }

    /**
     * The object that a row is.
     *
     * @throws CodecException it is none
     */
    public static JsonNode object(byte[] row) throws CodecException {
        return object(text(row));
    }

    private static JsonNode object(String text) throws CodecException {
        try {
            JsonNode object = TREE.readValue(text);
            if (object.isObject()) {
                return object;
            }
            throw unreadable("the row is not a JSON object, but " + kind(object));
        } catch (JsonProcessingException e) {
            throw unreadable("not valid JSON: " + e.getOriginalMessage());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String kind(JsonNode node) {
        return switch (node.getNodeType()) {
            case ARRAY -> "an array";
            case STRING -> "a string";
            case NUMBER -> "a number";
            case BOOLEAN -> "true or false";
            case NULL -> "null";
            default -> "nothing";
        };
    }

    private static CodecException unreadable(String message) {
        return new CodecException(FailureCode.UNREADABLE, message, null);
    }

    private String id(JsonNode object) throws CodecException {
        JsonNode id = at(object, columns.id());
        if (id == null || !id.isTextual() && !id.isIntegralNumber() || id.asText().isEmpty()) {
            throw new CodecException(
                    FailureCode.MISSING_ID,
                    "field %s, which --id-field names, is %s: set it to a text or an integer"
                            .formatted(
                                    columns.id(),
                                    id == null ? "missing" : Text.brief(id.toString(), 60)),
                    null);
        }
        return id.asText();
    }

    private static String string(JsonNode object, String path, String id) throws CodecException {
        JsonNode node = at(object, path);
        if (node == null) {
            throw new CodecException(
                    FailureCode.EMPTY_PROMPT,
                    "the row has no field %s, which --prompt-field names".formatted(path),
                    id);
        }
        if (!node.isTextual()) {
            throw new CodecException(
                    FailureCode.INVALID_PARAMETER,
                    "field %s is %s: a prompt must be a string"
                            .formatted(path, Text.brief(node.toString(), 60)),
                    id);
        }
        if (Text.firstLoneSurrogate(node.textValue()) >= 0) {
            throw new CodecException(
                    FailureCode.INVALID_PARAMETER,
                    "field %s has a lone surrogate, which is not a character".formatted(path),
                    id);
        }
        return node.textValue();
    }

    private static JsonNode at(JsonNode object, String path) {
        JsonNode node = object;
        for (String name : path.split("\\.", -1)) {
            node = node == null ? null : node.get(name);
        }
        return node;
    }

    @Override
    public byte[] write(byte[] row, List<String> answers) {
        String text = new String(row, StandardCharsets.UTF_8);
        String field = Answers.quoted(columns.result()) + ":" + Answers.json(answers);
        Range existing = find(text);
        String written =
                existing == null
                        ? with(text, field)
                        : text.substring(0, existing.from())
                                + field
                                + text.substring(existing.to());
        return (written + '\n').getBytes(StandardCharsets.UTF_8);
    }

    /** Appends a field to an object. */
    private static String with(String text, String field) {
        int end = text.lastIndexOf('}');
        return text.substring(0, end) + (isEmpty(text) ? "" : ",") + field + text.substring(end);
    }

    private static boolean isEmpty(String text) {
        return text.substring(text.indexOf('{') + 1, text.lastIndexOf('}')).isBlank();
    }

    /** Removes the existing answer and one adjacent comma. */
    private String without(String text) {
        Range existing = find(text);
        int from = existing.from();
        int to = existing.to();
        int comma = skipBlanks(text, to, 1);
        if (text.charAt(comma) == ',') {
            to = comma + 1;
        } else {
            int before = skipBlanks(text, from - 1, -1);
            from = text.charAt(before) == ',' ? before : from;
        }
        return text.substring(0, from) + text.substring(to);
    }

    private static int skipBlanks(String text, int at, int step) {
        int index = at;
        while (Character.isWhitespace(text.charAt(index))) {
            index += step;
        }
        return index;
    }

    /** The existing answer's field; null if there is none. */
    private Range find(String text) {
        if (!columns.overwrite()) {
            return null;
        }
        try (JsonParser in = FACTORY.createParser(text.toCharArray())) {
            in.nextToken();
            while (in.nextToken() == JsonToken.FIELD_NAME) {
                boolean found = in.currentName().equals(columns.result());
                int from = (int) in.currentTokenLocation().getCharOffset();
                in.nextToken();
                in.skipChildren();
                if (found) {
                    in.finishToken();
                    return new Range(from, (int) in.currentLocation().getCharOffset());
                }
            }
            return null;
        } catch (IOException e) {
            throw new UncheckedIOException("A row that was read cannot be read again.", e);
        }
    }
}

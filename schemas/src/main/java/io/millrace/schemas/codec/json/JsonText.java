package io.millrace.schemas.codec.json;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import io.millrace.schemas.FailureCode;
import io.millrace.schemas.codec.record.CodecException;
import io.millrace.schemas.text.Text;
import java.io.IOException;
import java.util.HashSet;
import java.util.Set;

/** The text of one record: what a parser reads, and what a second look finds for a message. */
final class JsonText {

    /**
     * The contract nests five deep, and a JSON schema in a request deeper. A recursive reader must
     * not be led to the stack's end.
     */
    static final int DEEPEST = 256;

    private static final JsonFactory FACTORY =
            JsonFactory.builder()
                    .streamReadConstraints(
                            StreamReadConstraints.builder()
                                    .maxNestingDepth(DEEPEST)
                                    .maxStringLength(Integer.MAX_VALUE)
                                    .build())
                    // NaN is refused by JsonScalars, where the field's name is known.
                    .enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS)
                    // Names come from strangers: keep them out of any table that outlives a record.
                    .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
                    .disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES)
                    .build();

    private final String json;
    private final boolean escapes;

    private JsonText(String json) {
        this.json = json;
        this.escapes = json.contains("\\u");
    }

    /** The text that bytes are in UTF-8, without a byte order mark; null if they are not. */
    static JsonText of(byte[] bytes) {
        String json = Text.decode(bytes, 0, bytes.length);
        if (json == null) {
            return null;
        }
        return new JsonText(json.startsWith("\uFEFF") ? json.substring(1) : json);
    }

    /** A parser before the first token. */
    JsonParser parser() throws IOException {
        // Of one array, so that a long text is not gathered piece by piece.
        return FACTORY.createParser(json.toCharArray());
    }

    /** The characters from {@code from} to before {@code to}, as they stand. */
    String part(long from, long to) {
        return json.substring((int) from, (int) to);
    }

    /** Whether characters are written as numbers: strict UTF-8 has no half of a surrogate pair. */
    boolean hasEscapes() {
        return escapes;
    }

    /** The refusal of this record, with its id where it has one. */
    CodecException refused(FailureCode code, String message) {
        String id = code == FailureCode.MISSING_ID ? null : findId();
        return new CodecException(code, Text.writable(message), id);
    }

    /** The refusal of this record for what the parser threw. */
    CodecException refused(JsonParser in, JsonProcessingException e) {
        return refused(FailureCode.UNREADABLE, JsonFault.describe(json, in, e));
    }

    /** Names of the top fields, as far as it is JSON. */
    Set<String> fieldNames() {
        Set<String> found = new HashSet<>();
        try (JsonParser in = FACTORY.createParser(json)) {
            in.nextToken();
            while (in.nextToken() == JsonToken.FIELD_NAME) {
                found.add(in.currentName());
                in.nextToken();
                in.skipChildren();
            }
        } catch (IOException e) {
            // What is behind this does not matter.
        }
        return found;
    }

    /** The value of the top field id as text, from a second look at what was refused. */
    private String findId() {
        try (JsonParser in = FACTORY.createParser(json)) {
            if (in.nextToken() != JsonToken.START_OBJECT) {
                return null;
            }
            while (in.nextToken() == JsonToken.FIELD_NAME) {
                boolean found = in.currentName().equals("id");
                JsonToken token = in.nextToken();
                if (found) {
                    boolean scalar = token == JsonToken.VALUE_STRING || token.isNumeric();
                    return scalar && !in.getText().isEmpty() ? in.getText() : null;
                }
                in.skipChildren();
            }
            return null;
        } catch (IOException e) {
            return null;
        }
    }
}

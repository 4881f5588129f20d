package io.millrace.operators.corpus.format.openai;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.millrace.operators.corpus.format.text.JsonForm;
import io.millrace.operators.request.openai.Endpoint;
import io.millrace.schemas.FailureCode;
import io.millrace.schemas.codec.record.CodecException;
import io.millrace.schemas.text.Text;
import java.util.Iterator;
import java.util.Set;

/**
 * One line of a batch file.
 *
 * @param customId names it in the outputs
 * @param body the request as the endpoint takes it
 */
record BatchLine(String customId, Endpoint endpoint, ObjectNode body) {
    static final String CUSTOM_ID = "custom_id";
    private static final String METHOD = "POST";
    private static final Set<String> FIELDS = Set.of(CUSTOM_ID, "method", "url", "body");

    /**
     * Reads a line.
     *
     * @throws CodecException it is none
     */
    static BatchLine read(byte[] row) throws CodecException {
        JsonNode line = JsonForm.object(row);
        String customId = text(line, CUSTOM_ID, FailureCode.MISSING_ID, "a text of its own");
        if (customId.isEmpty()) {
            throw new CodecException(
                    FailureCode.MISSING_ID, "custom_id is empty: give each line its own", null);
        }
        if (Text.firstLoneSurrogate(customId) >= 0) {
            throw invalid("custom_id has one half of a surrogate pair, which is not a character");
        }
        for (Iterator<String> names = line.fieldNames(); names.hasNext(); ) {
            String name = names.next();
            if (!FIELDS.contains(name)) {
                throw new CodecException(
                        FailureCode.UNKNOWN_FIELD,
                        "unknown field %s: a line of a batch has custom_id, method, url and body"
                                .formatted(name),
                        null);
            }
        }
        String method = text(line, "method", FailureCode.INVALID_PARAMETER, METHOD);
        if (!method.equals(METHOD)) {
            throw invalid("method is \"%s\": it must be %s".formatted(brief(method), METHOD));
        }
        String url = text(line, "url", FailureCode.INVALID_PARAMETER, Endpoint.urls());
        Endpoint endpoint = Endpoint.of(url);
        if (endpoint == null) {
            throw new CodecException(
                    FailureCode.UNSUPPORTED,
                    "url is \"%s\": this release answers %s".formatted(brief(url), Endpoint.urls()),
                    null);
        }
        if (!(line.get("body") instanceof ObjectNode body)) {
            throw invalid("body is %s: it must be an object".formatted(said(line.get("body"))));
        }
        return new BatchLine(customId, endpoint, body);
    }

    private static String text(JsonNode line, String name, FailureCode code, String wanted)
            throws CodecException {
        JsonNode value = line.get(name);
        if (value == null || !value.isTextual()) {
            throw new CodecException(
                    code, "%s is %s: it must be %s".formatted(name, said(value), wanted), null);
        }
        return value.textValue();
    }

    /** A value in a message. */
    private static String said(JsonNode value) {
        return value == null ? "missing" : brief(value.toString());
    }

    private static String brief(String text) {
        return Text.brief(text, 60);
    }

    private static CodecException invalid(String message) {
        return new CodecException(FailureCode.INVALID_PARAMETER, message, null);
    }
}

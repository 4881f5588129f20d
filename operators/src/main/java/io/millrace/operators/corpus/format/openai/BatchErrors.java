package io.millrace.operators.corpus.format.openai;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.databind.JsonNode;
import io.millrace.gpu.common.Sha256;
import io.millrace.operators.corpus.format.text.JsonForm;
import io.millrace.schemas.FailureCode;
import io.millrace.schemas.codec.record.CodecException;
import io.millrace.schemas.text.Text;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.HexFormat;

/**
 * Lines of OpenAI's error files. A request that was refused has the response of its endpoint; what
 * is no request has an error without one.
 */
public final class BatchErrors {
    static final String LINE_ID = "batch_req_";
    static final String REQUEST_ID = "req_";
    private static final int ID_BYTES = 16;
    private static final String INVALID_REQUEST = "invalid_request_error";

    private BatchErrors() {}

    /**
     * Writes a row that is a failure.
     *
     * @param file the input file's name
     * @param code as {@link FailureCode#wireName}
     */
    public static void writeRow(
            JsonGenerator json, String file, long number, byte[] row, String code, String message)
            throws IOException {
        JsonNode line = line(row);
        JsonNode customId = line == null ? null : line.get(BatchLine.CUSTOM_ID);
        String id = id(file, number, row);
        json.writeStartObject();
        json.writeStringField("id", LINE_ID + id);
        json.writeStringField(
                BatchLine.CUSTOM_ID,
                customId == null || !customId.isTextual()
                        ? null
                        : Text.writable(customId.textValue()));
        if (line == null) {
            json.writeNullField("response");
            writeError(json, "invalid_json_line", message);
        } else {
            json.writeObjectFieldStart("response");
            json.writeNumberField("status_code", status(code));
            json.writeStringField("request_id", REQUEST_ID + id);
            json.writeObjectFieldStart("body");
            json.writeObjectFieldStart("error");
            json.writeStringField("message", Text.writable(message));
            json.writeStringField("type", status(code) < 500 ? INVALID_REQUEST : "server_error");
            json.writeStringField("param", parameter(line, message));
            json.writeStringField("code", code(code));
            json.writeEndObject();
            json.writeEndObject();
            json.writeEndObject();
            json.writeNullField("error");
        }
        json.writeEndObject();
    }

    /** Writes that a file cannot be read to its end. */
    public static void writeFile(JsonGenerator json, String file, long rows, String message)
            throws IOException {
        json.writeStartObject();
        json.writeStringField("id", LINE_ID + id(file, rows, new byte[0]));
        json.writeNullField(BatchLine.CUSTOM_ID);
        json.writeNullField("response");
        writeError(json, FailureCode.UNREADABLE.wireName(), message);
        json.writeEndObject();
    }

    private static void writeError(JsonGenerator json, String code, String message)
            throws IOException {
        json.writeObjectFieldStart("error");
        json.writeStringField("code", code);
        json.writeStringField("message", Text.writable(message));
        json.writeEndObject();
    }

    /** The row as an object, null if it is none. */
    private static JsonNode line(byte[] row) {
        try {
            return JsonForm.object(row);
        } catch (CodecException e) {
            return null;
        }
    }

    /** Of (file, row): the same in every run. */
    private static String id(String file, long number, byte[] row) {
        MessageDigest digest = Sha256.begin();
        digest.update(file.getBytes(StandardCharsets.UTF_8));
        digest.update((byte) 0);
        digest.update(ByteBuffer.allocate(Long.BYTES).putLong(0, number));
        return HexFormat.of().formatHex(digest.digest(row), 0, ID_BYTES);
    }

    private static int status(String code) {
        if (code.equals(FailureCode.UNKNOWN_MODEL.wireName())) {
            return 404;
        }
        return code.equals(FailureCode.GENERATION_FAILED.wireName()) ? 500 : 400;
    }

    /** OpenAI's own name where it has one. */
    private static String code(String code) {
        if (code.equals(FailureCode.UNKNOWN_MODEL.wireName())) {
            return "model_not_found";
        }
        return code.equals(FailureCode.PROMPT_TOO_LONG.wireName())
                ? "context_length_exceeded"
                : code;
    }

    /** The field of line or body that the message is about, which then begins with it. */
    private static String parameter(JsonNode line, String message) {
        String words = message.replaceFirst("^(unknown )?field ", "");
        String name = words.replaceFirst("(?s)[^A-Za-z0-9_].*", "");
        return line.has(name) || line.path("body").has(name) ? name : null;
    }
}

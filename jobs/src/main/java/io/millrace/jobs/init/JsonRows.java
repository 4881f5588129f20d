package io.millrace.jobs.init;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.millrace.jobs.cli.CommandFailedException;
import java.util.Map;

/** Parses sampled records in JSON. */
final class JsonRows {
    private static final JsonMapper JSON =
            JsonMapper.builder()
                    .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
                    .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
                    .build();

    private JsonRows() {}

    /**
     * The fields of an object.
     *
     * @param text null if it is not UTF-8
     * @param where it stands, for the message
     */
    static Map<String, Object> parse(String text, String where) {
        if (text == null) {
            throw new CommandFailedException(where + " is not UTF-8: convert it.");
        }
        try {
            Map<String, Object> row =
                    JSON.readValue(
                            text.startsWith("\uFEFF") ? text.substring(1) : text,
                            new TypeReference<>() {});
            if (row != null) {
                return row;
            }
        } catch (JsonProcessingException e) {
            throw new CommandFailedException(
                    where + " is no JSON object: " + e.getOriginalMessage(), e);
        }
        throw new CommandFailedException(where + " is null, not a JSON object.");
    }
}

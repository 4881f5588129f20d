package io.millrace.operators.request;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.millrace.gpu.api.ChatPrompt;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeSet;

/** Reads the values that a request has for the model's chat template. */
final class TemplateArguments {
    static final String FIELD = "chat_template_kwargs";

    private static final ObjectReader OBJECT =
            JsonMapper.builder()
                    .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                    .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
                    .build()
                    .readerFor(new TypeReference<LinkedHashMap<String, Object>>() {});

    private TemplateArguments() {}

    /**
     * The values by their names; none for null.
     *
     * @param json a JSON object as text
     * @throws IllegalArgumentException it is none; see {@link #fault}
     */
    static Map<String, Object> read(String json) {
        if (json == null) {
            return Map.of();
        }
        Map<String, Object> values;
        try {
            values = OBJECT.readValue(json);
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException(
                    FIELD
                            + " is not a JSON object ("
                            + e.getOriginalMessage()
                            + "): write one, such as {\"enable_thinking\": false}.",
                    e);
        }
        if (values == null) {
            throw new IllegalArgumentException(
                    FIELD + " is null: write an object, or leave it out.");
        }
        for (String name : new TreeSet<>(values.keySet())) {
            if (ChatPrompt.RESERVED.contains(name)) {
                throw new IllegalArgumentException(
                        FIELD
                                + " has "
                                + name
                                + ", which is not for it to say: leave that out, conversations are"
                                + " in messages.");
            }
        }
        return values;
    }

    /** What is wrong with a request's; null for nothing. */
    static String fault(String json, boolean conversation) {
        if (json != null && !conversation) {
            return FIELD
                    + " is set without messages, and only a conversation is rendered by the chat"
                    + " template: leave it out, or write the prompt as messages.";
        }
        try {
            read(json);
            return null;
        } catch (IllegalArgumentException e) {
            return e.getMessage();
        }
    }
}

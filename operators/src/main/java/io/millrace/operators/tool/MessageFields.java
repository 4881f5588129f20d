package io.millrace.operators.tool;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.millrace.schemas.ChatMessage;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What a chat message has beside its text, for chat templates. */
public final class MessageFields {
    private static final String TOOL_CALLS = "tool_calls";
    private static final TypeReference<List<Map<String, Object>>> OBJECTS =
            new TypeReference<>() {};

    private MessageFields() {}

    /**
     * The fields, in the types of a JSON parser. The arguments of calls, which OpenAI writes as
     * text, are objects, as templates expect.
     *
     * @throws IllegalArgumentException the calls are none; see {@link #fault}
     */
    public static Map<String, Object> of(ChatMessage message) {
        Map<String, Object> fields = new LinkedHashMap<>();
        if (message.getReasoningContent() != null) {
            fields.put("reasoning_content", message.getReasoningContent());
        }
        if (message.getToolCalls() != null) {
            fields.put(TOOL_CALLS, calls(message.getToolCalls()));
        }
        if (message.getToolCallId() != null) {
            fields.put("tool_call_id", message.getToolCallId());
        }
        if (message.getName() != null) {
            fields.put("name", message.getName());
        }
        return fields;
    }

    /** What is wrong with a message's; null for nothing. */
    public static String fault(ChatMessage message) {
        try {
            of(message);
            return null;
        } catch (IllegalArgumentException e) {
            return e.getMessage();
        }
    }

    private static List<Map<String, Object>> calls(String json) {
        try {
            JsonNode calls = Toolbox.JSON.readTree(json);
            if (!calls.isArray()) {
                throw wrong("is no JSON array", null);
            }
            for (JsonNode call : calls) {
                if (!(call.path("function") instanceof ObjectNode function)
                        || !function.path("name").isTextual()) {
                    throw wrong("has an item without function.name", null);
                }
                JsonNode arguments = function.path("arguments");
                if (arguments.isTextual()) {
                    arguments = Toolbox.JSON.readTree(arguments.textValue());
                    function.set("arguments", arguments);
                }
                if (!arguments.isObject()) {
                    throw wrong("has function.arguments that are no JSON object", null);
                }
            }
            return Toolbox.JSON.convertValue(calls, OBJECTS);
        } catch (JsonProcessingException e) {
            throw wrong("is no JSON (" + e.getOriginalMessage() + ")", e);
        }
    }

    private static IllegalArgumentException wrong(String what, Exception cause) {
        return new IllegalArgumentException(
                TOOL_CALLS
                        + " of a message "
                        + what
                        + ": write such as [{\"id\":\"call_1\",\"type\":\"function\",\"function\":"
                        + "{\"name\":\"f\",\"arguments\":\"{}\"}}].",
                cause);
    }
}

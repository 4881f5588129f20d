package io.millrace.gpu.api;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * One turn of a conversation.
 *
 * @param role system, user, assistant or tool
 * @param content the text
 * @param more further values that templates read, such as tool_calls, in the types of a JSON
 *     parser; mostly none
 */
public record ChatTurn(String role, String content, Map<String, Object> more) {
    public ChatTurn {
        more = Collections.unmodifiableMap(new LinkedHashMap<>(more));
    }

    /** A turn that is a text. */
    public ChatTurn(String role, String content) {
        this(role, content, Map.of());
    }
}

package io.millrace.gpu.api;

import java.time.Instant;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A conversation to be rendered by a model's chat template.
 *
 * @param messages the turns, in order
 * @param tools descriptions of functions that the model may call, in the types of a JSON parser;
 *     mostly none
 * @param arguments further values for the template, in the types of a JSON parser; mostly none
 * @param addGenerationPrompt whether the text ends where the assistant's next turn begins
 * @param clock the UTC time of strftime_now
 */
public record ChatPrompt(
        List<ChatTurn> messages,
        List<Map<String, Object>> tools,
        Map<String, Object> arguments,
        boolean addGenerationPrompt,
        Instant clock) {

    public ChatPrompt {
        messages = List.copyOf(messages);
        tools = List.copyOf(tools);
        // A value may be null.
        arguments = Collections.unmodifiableMap(new LinkedHashMap<>(arguments));
    }

    /** Names that no argument may have: they are those of the prompt's other parts. */
    public static final Set<String> RESERVED =
            Set.of("messages", "tools", "documents", "add_generation_prompt");

    /** A conversation without tools, to be answered. */
    public static ChatPrompt of(List<ChatTurn> messages, Instant clock) {
        return new ChatPrompt(messages, List.of(), Map.of(), true, clock);
    }
}

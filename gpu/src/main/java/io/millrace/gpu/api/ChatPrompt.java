package io.millrace.gpu.api;

import java.time.Instant;
import java.util.List;
import java.util.Map;

/**
 * A conversation to be rendered by a model's chat template.
 *
 * @param messages the turns, in order
 * @param tools descriptions of functions that the model may call, in the types of a JSON parser;
 *     mostly none
 * @param addGenerationPrompt whether the text ends where the assistant's next turn begins
 * @param clock the UTC time of strftime_now
 */
public record ChatPrompt(
        List<ChatTurn> messages,
        List<Map<String, Object>> tools,
        boolean addGenerationPrompt,
        Instant clock) {

    public ChatPrompt {
        messages = List.copyOf(messages);
        tools = List.copyOf(tools);
    }

    /** A conversation without tools, to be answered. */
    public static ChatPrompt of(List<ChatTurn> messages, Instant clock) {
        return new ChatPrompt(messages, List.of(), true, clock);
    }
}

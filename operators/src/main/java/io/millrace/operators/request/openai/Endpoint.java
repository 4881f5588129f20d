package io.millrace.operators.request.openai;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Arrays;
import java.util.stream.Collectors;

/** What a body may be sent to. */
public enum Endpoint {
    CHAT("/v1/chat/completions", "messages"),
    COMPLETIONS("/v1/completions", "prompt");

    private final String url;

    /** The field of a body that is the prompt. */
    final String prompt;

    Endpoint(String url, String prompt) {
        this.url = url;
        this.prompt = prompt;
    }

    /** The one of that URL, null if there is none. */
    public static Endpoint of(String url) {
        for (Endpoint each : values()) {
            if (each.url.equals(url)) {
                return each;
            }
        }
        return null;
    }

    /** The one that a body is made for, by what its prompt is. */
    public static Endpoint of(ObjectNode body) {
        return body.hasNonNull(CHAT.prompt) ? CHAT : COMPLETIONS;
    }

    /** All of them in a message. */
    public static String urls() {
        return Arrays.stream(values()).map(each -> each.url).collect(Collectors.joining(" and "));
    }

    /** Whether a field is the prompt of another endpoint. */
    boolean isPromptOfAnother(String name) {
        return !name.equals(prompt)
                && Arrays.stream(values()).anyMatch(each -> each.prompt.equals(name));
    }
}

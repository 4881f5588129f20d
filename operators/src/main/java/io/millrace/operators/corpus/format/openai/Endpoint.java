package io.millrace.operators.corpus.format.openai;

import java.util.Arrays;
import java.util.stream.Collectors;

/** What a line of a batch may be sent to. */
enum Endpoint {
    CHAT("/v1/chat/completions", "chat.completion", "chatcmpl-", "messages"),
    COMPLETIONS("/v1/completions", "text_completion", "cmpl-", "prompt");

    private final String url;

    /** Kind and beginning of the id of its answers. */
    final String object;

    final String idPrefix;

    /** The field of a body that is the prompt. */
    final String prompt;

    Endpoint(String url, String object, String idPrefix, String prompt) {
        this.url = url;
        this.object = object;
        this.idPrefix = idPrefix;
        this.prompt = prompt;
    }

    /** The one of that URL, null if there is none. */
    static Endpoint of(String url) {
        for (Endpoint each : values()) {
            if (each.url.equals(url)) {
                return each;
            }
        }
        return null;
    }

    static String urls() {
        return Arrays.stream(values()).map(each -> each.url).collect(Collectors.joining(" and "));
    }
}

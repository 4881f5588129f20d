package io.millrace.operators.record;

import io.millrace.schemas.ChatMessage;
import io.millrace.schemas.InferenceRequest;

/** Estimates the tokens of a record before it is tokenized. */
public final class TokenEstimate {
    /** A typical ratio for English text. */
    private static final int CHARACTERS_PER_TOKEN = 4;

    private TokenEstimate() {}

    /**
     * Estimated tokens of prompt and completions together; of the prompt alone if the record is not
     * decoded; 0 for a rejection.
     *
     * @param longest maximum tokens of a prompt and of completions, at which both are cut off
     */
    public static long of(Inbound inbound, long longest) {
        if (inbound instanceof Inbound.Unread unread) {
            return Math.min(longest, unread.origin().value().length / CHARACTERS_PER_TOKEN + 1);
        }
        if (!(inbound instanceof Inbound.Request request)) {
            return 0;
        }
        InferenceRequest r = request.request();
        long most = r.getMaxTokens() == null ? 0 : Math.max(0, r.getMaxTokens());
        long completions = r.getN() == null ? 1 : Math.max(0, r.getN());
        return Math.min(longest, prompt(r)) + Math.min(longest, most * completions);
    }

    private static long prompt(InferenceRequest request) {
        if (request.getPromptTokenIds() != null) {
            return request.getPromptTokenIds().size();
        }
        return characters(request) / CHARACTERS_PER_TOKEN + 1;
    }

    /** A text, empty for null. */
    public static String orEmpty(String text) {
        return text == null ? "" : text;
    }

    /** Characters of a prompt that is text or a conversation; 0 for token ids. */
    public static long characters(InferenceRequest request) {
        long characters = request.getPrompt() == null ? 0 : request.getPrompt().length();
        if (request.getMessages() != null) {
            for (ChatMessage message : request.getMessages()) {
                characters += message.getContent().length();
                characters += orEmpty(message.getToolCalls()).length();
                characters += orEmpty(message.getReasoningContent()).length();
            }
        }
        characters += orEmpty(request.getTools()).length();
        // They may stand in the prompt.
        String arguments = request.getChatTemplateKwargs();
        return arguments == null ? characters : characters + arguments.length();
    }
}

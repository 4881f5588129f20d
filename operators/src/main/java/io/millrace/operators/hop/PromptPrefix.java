package io.millrace.operators.hop;

import io.millrace.schemas.ChatMessage;
import io.millrace.schemas.InferenceRequest;
import java.util.List;

/**
 * The part of a request that selects its preferred engine: its routing key if it has one, else the
 * beginning of its prompt.
 *
 * <p>For a text these are the first {@value #CHARACTERS} characters, for a conversation the first
 * {@value #CHARACTERS} of its concatenated roles and contents, for token ids the first {@value
 * #TOKENS}. Nothing is tokenized or rendered, and the rest is not read.
 */
public final class PromptPrefix {
    /** A few KV blocks: long enough to tell templates apart, short enough not to exceed them. */
    public static final int CHARACTERS = 256;

    /** The same length, at four characters per token. */
    static final int TOKENS = CHARACTERS / 4;

    private PromptPrefix() {}

    /** A hash that is equal in every JVM and uses all bits. */
    static int hash(InferenceRequest request) {
        return mix(rawHash(request));
    }

    private static int rawHash(InferenceRequest request) {
        if (request.getRoutingKey() != null) {
            return request.getRoutingKey().hashCode();
        } else if (request.getPrompt() != null) {
            return ofText(1, request.getPrompt(), CHARACTERS);
        } else if (request.getMessages() != null) {
            return ofMessages(request.getMessages());
        }
        int hash = 1;
        List<Integer> ids = request.getPromptTokenIds();
        for (int i = 0; i < Math.min(ids.size(), TOKENS); i++) {
            hash = 31 * hash + ids.get(i);
        }
        return hash;
    }

    private static int ofMessages(List<ChatMessage> messages) {
        int hash = 1;
        int left = CHARACTERS;
        for (int i = 0; i < messages.size() && left > 0; i++) {
            ChatMessage message = messages.get(i);
            hash = ofText(hash, message.getRole(), left);
            left -= Math.min(left, message.getRole().length());
            hash = ofText(hash, message.getContent(), left);
            left -= Math.min(left, message.getContent().length());
        }
        return hash;
    }

    private static int ofText(int hash, String text, int most) {
        int end = Math.min(text.length(), most);
        for (int i = 0; i < end; i++) {
            hash = 31 * hash + text.charAt(i);
        }
        return hash;
    }

    /** The finalizer of MurmurHash3, as the low bits of a polynomial hash are distributed badly. */
    private static int mix(int hash) {
        hash = (hash ^ (hash >>> 16)) * 0x85ebca6b;
        hash = (hash ^ (hash >>> 13)) * 0xc2b2ae35;
        return hash ^ (hash >>> 16);
    }
}

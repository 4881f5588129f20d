package io.millrace.operators.hop;

import io.millrace.schemas.ChatMessage;
import io.millrace.schemas.InferenceRequest;
import java.util.List;

/**
 * What of a request decides which engine it prefers: its routing key where it has one, else how its
 * prompt begins.
 *
 * <p>Of a text that is the first {@value #CHARACTERS} characters, of a conversation the first
 * {@value #CHARACTERS} of all its roles and contents in a row, of token ids the first {@value
 * #TOKENS}. Nothing is tokenized or rendered, and nothing behind that is looked at.
 */
public final class PromptPrefix {
    /** A handful of KV blocks: enough to tell templates apart, short enough to be their own. */
    public static final int CHARACTERS = 256;

    /** As many characters, at four a token. */
    static final int TOKENS = CHARACTERS / 4;

    private PromptPrefix() {}

    /** The same in every JVM, and spread over all bits. */
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

    /** The finalizer of MurmurHash3: the low bits of a polynomial hash alone are a poor choice. */
    private static int mix(int hash) {
        hash = (hash ^ (hash >>> 16)) * 0x85ebca6b;
        hash = (hash ^ (hash >>> 13)) * 0xc2b2ae35;
        return hash ^ (hash >>> 16);
    }
}

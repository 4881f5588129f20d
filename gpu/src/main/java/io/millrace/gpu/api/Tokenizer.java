package io.millrace.gpu.api;

import java.util.Map;

/** Turns text into token ids and back. Safe for any thread. */
public interface Tokenizer {

    /** Token ids of a prompt, with the special tokens that the model's own tokenizer adds. */
    int[] encode(String text);

    /**
     * Token ids of text that holds its special tokens already, as a chat template writes it: they
     * are recognised, and none is added. The same as {@link #encode} where that adds none.
     */
    default int[] encodeRendered(String text) {
        return encode(text);
    }

    /**
     * Tokens that this text has at least, from its length alone: for refusing a text without
     * reading it. 0 where its length says nothing.
     */
    default long leastTokens(String text) {
        return 0;
    }

    /**
     * What the special tokens are written as, by token id: those that {@link #decode} leaves out.
     */
    default Map<Integer, String> specialTokens() {
        return Map.of();
    }

    /**
     * Whether this token is a byte that is text only together with the byte tokens beside it: what
     * a run of them decodes to is not known before it has ended, since one byte that is not UTF-8
     * makes each of them U+FFFD.
     */
    default boolean isByte(int tokenId) {
        return false;
    }

    /** Text of generated tokens, special tokens left out, invalid UTF-8 as U+FFFD. */
    String decode(int[] tokenIds);
}

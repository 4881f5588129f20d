package io.millrace.gpu.api;

import java.util.Map;

/** Encodes text as token ids and decodes them. Safe for any thread. */
public interface Tokenizer {

    /** Token ids of a prompt, with the special tokens that the model's tokenizer adds. */
    int[] encode(String text);

    /**
     * Token ids of text that contains its special tokens already, such as that of a chat template:
     * they are recognised, and none is added. The same as {@link #encode} if that adds none.
     */
    default int[] encodeRendered(String text) {
        return encode(text);
    }

    /**
     * A lower bound of the tokens of a text, from its length only, so that a text can be refused
     * before it is encoded. 0 if unknown.
     */
    default long leastTokens(String text) {
        return 0;
    }

    /** Texts of the special tokens, which {@link #decode} leaves out, by token id. */
    default Map<Integer, String> specialTokens() {
        return Map.of();
    }

    /**
     * Whether this token is a byte-fallback token, which is decoded together with adjacent ones.
     * The text of a run is unknown before its end, since one byte that is not UTF-8 makes each of
     * them U+FFFD.
     */
    default boolean isByte(int tokenId) {
        return false;
    }

    /** Text of generated tokens, special tokens left out, invalid UTF-8 as U+FFFD. */
    String decode(int[] tokenIds);
}

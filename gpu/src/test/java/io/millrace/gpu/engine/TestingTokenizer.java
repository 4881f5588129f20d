package io.millrace.gpu.engine;

import io.millrace.gpu.api.Tokenizer;
import java.util.Map;

/** One token a character: 0 is a, 1 is b, and so on; the token 26 is special and has no text. */
final class TestingTokenizer implements Tokenizer {
    static final int END_OF_TEXT = 26;

    /** What each token stands for; the special one for nothing. */
    static byte[][] bytes() {
        byte[][] bytes = new byte[END_OF_TEXT + 1][];
        for (int token = 0; token < END_OF_TEXT; token++) {
            bytes[token] = new byte[] {(byte) ('a' + token)};
        }
        return bytes;
    }

    @Override
    public int[] encode(String text) {
        return text.chars().map(c -> c - 'a').toArray();
    }

    @Override
    public Map<Integer, String> specialTokens() {
        return Map.of(END_OF_TEXT, "<end>");
    }

    @Override
    public String decode(int[] tokenIds) {
        StringBuilder text = new StringBuilder();
        for (int token : tokenIds) {
            if (token != END_OF_TEXT) {
                text.append((char) ('a' + token));
            }
        }
        return text.toString();
    }
}

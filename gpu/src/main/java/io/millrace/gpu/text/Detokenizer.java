package io.millrace.gpu.text;

import io.millrace.gpu.api.Tokenizer;
import java.util.Arrays;

/**
 * Turns one completion's tokens into text as they come, holding back what later tokens may change.
 * All pieces together equal the decoding of all tokens at once.
 *
 * <pre>
 * tokens    ... [ a ] [ b ] [ c ] [ d ] [ e ]
 *                ^prefix     ^read         ^end
 * </pre>
 *
 * A tokenizer may treat the first token of what it decodes differently (a leading space is
 * dropped), and one character may be spread over several tokens. So each piece is the difference
 * between two decodings that start at the same token: {@code prefix} to {@code read}, all of which
 * is out, and {@code prefix} to the end. A decoding that ends in U+FFFD may end within a character.
 *
 * <p>Tokens that give no text (bytes that are never UTF-8, special tokens) make the stretch from
 * {@code prefix} on longer. A long one is looked at again only when it has grown by an eighth, so
 * that the work stays linear; what ends it comes out that much later.
 */
public final class Detokenizer {
    private static final char REPLACEMENT = '\uFFFD';

    /** Tokens without text that are looked at one by one. */
    private static final int PATIENCE = 16;

    private final Tokenizer tokenizer;
    private int[] tokens = new int[16];
    private int end;
    private int prefix;
    private int read;

    /** Characters of the decoding from {@code prefix} on that are out. */
    private int out;

    /** How many tokens there must be before they are decoded again. */
    private int next;

    public Detokenizer(Tokenizer tokenizer) {
        this.tokenizer = tokenizer;
    }

    /** Takes a further token whose text depends on the next one. */
    public void hold(int token) {
        if (end == tokens.length) {
            tokens = Arrays.copyOf(tokens, 2 * end);
        }
        tokens[end++] = token;
    }

    /** The text that a further token completes; often empty. */
    public String add(int token) {
        hold(token);
        if (end < next) {
            return "";
        }
        String text = decode(prefix, end);
        int stable = text.length();
        while (stable > 0 && text.charAt(stable - 1) == REPLACEMENT) {
            stable--;
        }
        if (stable <= out) {
            int silent = end - prefix;
            next = end + (silent > PATIENCE ? silent / 8 : 1);
            return "";
        }
        String piece = text.substring(out, stable);
        if (stable == text.length()) {
            prefix = read;
            read = end;
            out = decode(prefix, read).length();
        } else {
            out = stable;
        }
        return piece;
    }

    /** What is held back, U+FFFD for what is not UTF-8; it stays so. */
    public String held() {
        String text = decode(prefix, end);
        return text.length() > out ? text.substring(out) : "";
    }

    /** What was held back, U+FFFD for what is not UTF-8. */
    public String flush() {
        String piece = held();
        prefix = end;
        read = end;
        out = 0;
        return piece;
    }

    private String decode(int from, int to) {
        return from == to ? "" : tokenizer.decode(Arrays.copyOfRange(tokens, from, to));
    }
}

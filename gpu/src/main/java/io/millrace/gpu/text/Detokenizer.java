package io.millrace.gpu.text;

import io.millrace.gpu.api.Tokenizer;
import java.util.Arrays;

/**
 * Decodes the tokens of one completion incrementally, and holds back text that later tokens may
 * change. The concatenated pieces equal the decoding of all tokens at once.
 *
 * <pre>
 * tokens    ... [ a ] [ b ] [ c ] [ d ] [ e ]
 *                ^prefix     ^read         ^end
 * </pre>
 *
 * A tokenizer may decode the first token differently (without its leading space), and one character
 * may be spread over several tokens. So each piece is the difference between two decodings that
 * start at the same token: {@code prefix} to {@code read}, which was returned already, and {@code
 * prefix} to the end. A decoding that ends in U+FFFD may end within a character.
 *
 * <p>Tokens without text (bytes that are never UTF-8, special tokens) lengthen the range from
 * {@code prefix} on. A long range is decoded again only after it has grown by an eighth, so that
 * the work stays linear; the text after it is delayed by as much.
 */
public final class Detokenizer {
    private static final char REPLACEMENT = '\uFFFD';

    /** Number of tokens without text up to which each one is decoded. */
    private static final int PATIENCE = 16;

    private final Tokenizer tokenizer;
    private int[] tokens = new int[16];
    private int end;
    private int prefix;
    private int read;

    /** Characters of the decoding from {@code prefix} on that were returned. */
    private int out;

    /** Number of tokens at which they are decoded again. */
    private int next;

    public Detokenizer(Tokenizer tokenizer) {
        this.tokenizer = tokenizer;
    }

    /** Adds a token whose text depends on the next one. */
    public void hold(int token) {
        if (end == tokens.length) {
            tokens = Arrays.copyOf(tokens, 2 * end);
        }
        tokens[end++] = token;
    }

    /** Adds a token; returns the text that it completes, often empty. */
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

    /** The text that is held back, with U+FFFD for bytes that are not UTF-8. It stays held back. */
    public String held() {
        String text = decode(prefix, end);
        return text.length() > out ? text.substring(out) : "";
    }

    /** Returns the text that was held back, with U+FFFD for bytes that are not UTF-8. */
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

package io.millrace.gpu.sampling.grammar.token;

import java.util.Arrays;
import java.util.BitSet;

/**
 * How few tokens of a vocabulary write a text. Counts are sums that stop at {@link #NEVER}, which
 * stands for what no tokens write. Immutable.
 */
public final class Spelling {
    /** More tokens than any answer has. */
    public static final int NEVER = 1 << 29;

    private final TokenTrie tokens;
    private final boolean[] single = new boolean[256];
    private final int characters;

    /**
     * @param tokens the bytes of a vocabulary's tokens
     */
    public Spelling(TokenTrie tokens) {
        this.tokens = tokens;
        BitSet lengths = new BitSet();
        boolean[] plain = new boolean[tokens.deepest + 1];
        plain[0] = true;
        for (int at = 1; at < tokens.size(); at++) {
            int depth = tokens.depths[at];
            plain[depth] = plain[depth - 1] && isPlain(tokens.labels[at]);
            if (tokens.has(at)) {
                single[tokens.labels[at] & 0xFF] |= depth == 1;
                lengths.set(depth, lengths.get(depth) || plain[depth]);
            }
        }
        characters = Math.max(0, lengths.nextClearBit(1) - 1);
    }

    /** Whether a byte is a character that a JSON string has as it is. */
    private static boolean isPlain(byte value) {
        return value >= ' ' && value < 0x7F && value != '"' && value != '\\';
    }

    /** The sum of two counts. */
    public static int sum(int a, int b) {
        return Math.min(NEVER, a + b);
    }

    /** A count, a number of times. */
    public static int times(long number, int count) {
        return (int) Math.min(NEVER, Math.min(number, NEVER) * count);
    }

    /** Whether a token is this one byte. */
    public boolean has(int value) {
        return single[value];
    }

    /** Whether a token is one byte of a range. */
    public boolean hasAny(int first, int last) {
        for (int value = first; value <= last; value++) {
            if (single[value]) {
                return true;
            }
        }
        return false;
    }

    /** Tokens of one byte each that write a text. */
    public int ofBytes(byte[] text) {
        int count = 0;
        for (byte value : text) {
            count = sum(count, single[value & 0xFF] ? 1 : NEVER);
        }
        return count;
    }

    /** The node of the vocabulary's tree behind a node and bytes; -1 for none. */
    public int follow(int node, byte[] bytes) {
        int at = node;
        for (int i = 0; i < bytes.length && at >= 0; i++) {
            at = tokens.child(at, bytes[i]);
        }
        return at;
    }

    /** Whether a node of the vocabulary's tree is a whole token. */
    public boolean isToken(int node) {
        return tokens.has(node);
    }

    /** Tokens that write a text. */
    public int of(byte[] text) {
        return from(text)[0];
    }

    /**
     * Of each place in a text, the fewest tokens that write it from there to its end.
     *
     * @return (bytes + 1), the last is 0
     */
    public int[] from(byte[] text) {
        int[] counts = new int[text.length + 1];
        Arrays.fill(counts, NEVER);
        counts[text.length] = 0;
        for (int at = text.length - 1; at >= 0; at--) {
            int node = 0;
            for (int i = at; i < text.length; i++) {
                node = tokens.child(node, text[i]);
                if (node < 0) {
                    break;
                }
                if (tokens.has(node)) {
                    counts[at] = Math.min(counts[at], sum(1, counts[i + 1]));
                }
            }
        }
        return counts;
    }

    /**
     * Tokens that write so many characters of a JSON string, whichever: with every token that is
     * taken, up to the last, there is one of as many characters as are left.
     */
    public int ofCharacters(int number) {
        if (number <= 0) {
            return 0;
        }
        return characters == 0 ? NEVER : Math.min(NEVER, (number - 1) / characters + 1);
    }
}

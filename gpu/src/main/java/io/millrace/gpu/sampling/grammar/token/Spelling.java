package io.millrace.gpu.sampling.grammar.token;

import java.util.Arrays;
import java.util.BitSet;

/**
 * Counts the tokens of a vocabulary that are needed for a text. Sums saturate at {@link #NEVER},
 * which means that no tokens produce the text. Immutable.
 */
public final class Spelling {
    /** Larger than the number of tokens of any answer. */
    public static final int NEVER = 1 << 29;

    private final TokenTrie tokens;
    private final boolean[] single = new boolean[256];
    private final int characters;

    /**
     * @param tokens trie of a vocabulary's tokens
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

    /** Whether a byte is a character that needs no escape in a JSON string. */
    private static boolean isPlain(byte value) {
        return value >= ' ' && value < 0x7F && value != '"' && value != '\\';
    }

    /** The sum of two counts. */
    public static int sum(int a, int b) {
        return Math.min(NEVER, a + b);
    }

    /** The product of a number and a count. */
    public static int times(long number, int count) {
        return (int) Math.min(NEVER, Math.min(number, NEVER) * count);
    }

    /** Whether a single byte is a token. */
    public boolean has(int value) {
        return single[value];
    }

    /** Whether some single byte of a range is a token. */
    public boolean hasAny(int first, int last) {
        for (int value = first; value <= last; value++) {
            if (single[value]) {
                return true;
            }
        }
        return false;
    }

    /** Tokens needed for a text if each token is one byte. */
    public int ofBytes(byte[] text) {
        int count = 0;
        for (byte value : text) {
            count = sum(count, single[value & 0xFF] ? 1 : NEVER);
        }
        return count;
    }

    /** The node of the trie after a node and some bytes; -1 if there is none. */
    public int follow(int node, byte[] bytes) {
        int at = node;
        for (int i = 0; i < bytes.length && at >= 0; i++) {
            at = tokens.child(at, bytes[i]);
        }
        return at;
    }

    /** Whether a token ends at a node of the trie. */
    public boolean isToken(int node) {
        return tokens.has(node);
    }

    /** The fewest tokens of a text. */
    public int of(byte[] text) {
        return from(text)[0];
    }

    /**
     * The fewest tokens of each suffix of a text.
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
     * Tokens needed for {@code number} arbitrary characters of a JSON string: some token has each
     * number of characters up to the maximum that is used here.
     */
    public int ofCharacters(int number) {
        if (number <= 0) {
            return 0;
        }
        return characters == 0 ? NEVER : Math.min(NEVER, (number - 1) / characters + 1);
    }
}

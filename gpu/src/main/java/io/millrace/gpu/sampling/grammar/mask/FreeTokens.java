package io.millrace.gpu.sampling.grammar.mask;

import io.millrace.gpu.sampling.grammar.token.Spelling;
import io.millrace.gpu.sampling.grammar.token.TokenTrie;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Classifies the tokens below one node of the vocabulary's trie within an unrestricted JSON string:
 * tokens that stay in the string, and tokens that end it, by their bytes after the quote.
 */
final class FreeTokens {
    private final TokenTrie vocabulary;
    private final StateTable table;
    private final State free;
    private final int words;

    /**
     * A token that stays in the string.
     *
     * @param begun number of characters that begin in it
     * @param rise tokens needed to complete its last character
     */
    private record Staying(int token, int begun, int rise) {}

    private final List<TokenTrie.Entry> leaving = new ArrayList<>();
    private final List<Staying> staying = new ArrayList<>();
    private final List<Integer> leavingTokens = new ArrayList<>();
    private final List<Integer> before = new ArrayList<>();

    /** Mask of the tokens that stay. */
    final long[] all;

    /** The bytes of leaving tokens after the quote; values are indices into {@link #tokens}. */
    final TokenTrie ends;

    /** Tokens that leave. */
    final int[] tokens;

    /** Characters before the quote, by index into {@link #tokens}. */
    final int[] characters;

    /** Maximum of {@link Staying#begun}. */
    final int most;

    /** Maximum of {@link Staying#rise}. */
    final int mostRise;

    /** Mask of staying tokens that begin at most so many characters, by number; lazy. */
    private final long[][] within;

    /**
     * @param table states of the grammar of unrestricted strings
     * @param free its state between two characters of a string
     */
    FreeTokens(TokenTrie vocabulary, int node, StateTable table, State free, int words) {
        this.vocabulary = vocabulary;
        this.table = table;
        this.free = free;
        this.words = words;
        walk(node);
        all = new long[words];
        for (Staying one : staying) {
            set(all, one.token);
        }
        most = staying.stream().mapToInt(Staying::begun).max().orElse(0);
        mostRise = staying.stream().mapToInt(Staying::rise).max().orElse(0);
        within = new long[most + 1][];
        ends = new TokenTrie(leaving);
        tokens = leavingTokens.stream().mapToInt(Integer::intValue).toArray();
        characters = before.stream().mapToInt(Integer::intValue).toArray();
    }

    static void set(long[] mask, int token) {
        mask[token >> 6] |= 1L << token;
    }

    private void walk(int node) {
        int base = vocabulary.depths[node];
        State[] states = new State[vocabulary.deepest + 1];
        int[] read = new int[vocabulary.deepest + 1];
        states[base] = free;
        for (int at = node; at < vocabulary.ends[node]; ) {
            int depth = vocabulary.depths[at];
            if (at > node) {
                State state = table.next(states[depth - 1], vocabulary.labels[at] & 0xFF);
                if (state == State.DEAD) {
                    at = vocabulary.ends[at];
                    continue;
                }
                if (state.accepting) {
                    leave(at, read[depth - 1]);
                    at = vocabulary.ends[at];
                    continue;
                }
                states[depth] = state;
                read[depth] = read[depth - 1] + (state == free ? 1 : 0);
                for (int token : vocabulary.values[at]) {
                    int begun = read[depth] + (state == free ? 0 : 1);
                    staying.add(new Staying(token, begun, state.cost - free.cost));
                }
            }
            at++;
        }
    }

    private void leave(int quote, int characters) {
        int base = vocabulary.depths[quote];
        byte[] path = new byte[vocabulary.deepest];
        for (int at = quote; at < vocabulary.ends[quote]; at++) {
            int length = vocabulary.depths[at] - base;
            if (at > quote) {
                path[length - 1] = vocabulary.labels[at];
            }
            for (int token : vocabulary.values[at]) {
                byte[] rest = Arrays.copyOf(path, length);
                leaving.add(new TokenTrie.Entry(rest, leavingTokens.size()));
                leavingTokens.add(token);
                before.add(characters);
            }
        }
    }

    /** The staying tokens that begin at most {@code count} characters. */
    synchronized long[] within(int count) {
        if (count >= most) {
            return all;
        }
        if (within[count] == null) {
            within[count] = new long[words];
            for (Staying one : staying) {
                if (one.begun <= count) {
                    set(within[count], one.token);
                }
            }
        }
        return within[count];
    }

    /**
     * Adds the staying tokens after which the text can still end in time.
     *
     * @param needed minimum of further characters
     * @param remaining maximum of further characters
     * @param rest maximum of tokens after them, without those of the string's end
     */
    void add(long[] mask, int needed, int remaining, int rest, Spelling spelling) {
        int[] fewest = new int[most + 1];
        for (int begun = 0; begun <= most; begun++) {
            fewest[begun] = spelling.ofCharacters(Math.max(0, needed - begun));
        }
        for (Staying one : staying) {
            if (one.begun <= remaining && fewest[one.begun] + one.rise <= rest) {
                set(mask, one.token);
            }
        }
    }
}

package io.millrace.gpu.sampling.grammar.mask;

import io.millrace.gpu.sampling.grammar.token.Spelling;
import io.millrace.gpu.sampling.grammar.token.TokenTrie;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * What the tokens below one node of the vocabulary's tree do within a JSON string of any
 * characters: those that stay in it, and those that end it, by what they have behind the quote.
 */
final class FreeTokens {
    private final TokenTrie vocabulary;
    private final StateTable table;
    private final State free;
    private final int words;

    /**
     * A token that stays in the string.
     *
     * @param begun characters that it begins
     * @param rise tokens that its last character lacks
     */
    private record Staying(int token, int begun, int rise) {}

    private final List<TokenTrie.Entry> leaving = new ArrayList<>();
    private final List<Staying> staying = new ArrayList<>();
    private final List<Integer> leavingTokens = new ArrayList<>();
    private final List<Integer> before = new ArrayList<>();

    /** The tokens that stay. */
    final long[] all;

    /** What leaving tokens have behind the quote; values are places in {@link #tokens}. */
    final TokenTrie ends;

    /** Tokens that leave. */
    final int[] tokens;

    /** Of each of them, the characters before the quote. */
    final int[] characters;

    /** Most characters that a staying token begins. */
    final int most;

    /** Most tokens that a staying token's last character lacks. */
    final int mostRise;

    /** By number of characters, the tokens that begin no more; made when asked for. */
    private final long[][] within;

    /**
     * @param table of a grammar of strings
     * @param free its state within a string
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

    /** The staying tokens that begin at most so many characters. */
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
     * Adds the staying tokens that leave an end within reach.
     *
     * @param needed characters that must come
     * @param remaining characters that may come
     * @param rest tokens that may come after, without those of the string's end
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

package io.millrace.gpu.sampling.grammar.mask;

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
    private final List<TokenTrie.Entry> leaving = new ArrayList<>();
    private final List<Integer> staying = new ArrayList<>();
    private final List<Integer> begun = new ArrayList<>();
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
        int largest = 0;
        for (int i = 0; i < staying.size(); i++) {
            set(all, staying.get(i));
            largest = Math.max(largest, begun.get(i));
        }
        most = largest;
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
                    staying.add(token);
                    begun.add(read[depth] + (state == free ? 0 : 1));
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
            for (int i = 0; i < staying.size(); i++) {
                if (begun.get(i) <= count) {
                    set(within[count], staying.get(i));
                }
            }
        }
        return within[count];
    }
}

package io.millrace.gpu.sampling.grammar.mask;

import io.millrace.gpu.sampling.grammar.position.Position;
import io.millrace.gpu.sampling.grammar.token.TokenTrie;
import java.util.Arrays;

/**
 * Finds the tokens that may follow a state by a walk through the vocabulary's trie, which skips
 * subtrees that the grammar does not allow. Within a JSON string most tokens are allowed: these are
 * precomputed, and only tokens that end the string or that the string restricts are walked.
 */
final class TokenMasks {
    /** Number of nodes up to which a walk is faster than precomputed tokens. */
    private static final int SMALL = 128;

    /** Maximum tokens of a mask that is stored as a list. */
    private static final int FEW = 1024;

    private final Vocabulary vocabulary;
    private final TokenTrie trie;
    private final StateTable table;
    private final State[] path;
    private final State[] freePath;
    private final State[] endPath;
    private final long[] scratch;

    // Of the mask under construction: the maximum cost allowed, and the maximum found.
    private int limit;
    private int worst;

    TokenMasks(Vocabulary vocabulary, StateTable table) {
        this.vocabulary = vocabulary;
        this.trie = vocabulary.trie();
        this.table = table;
        path = new State[trie.deepest + 1];
        freePath = new State[trie.deepest + 1];
        endPath = new State[trie.deepest + 1];
        scratch = new long[vocabulary.words()];
    }

    /**
     * Sets the bits of the tokens that may follow the state and clears all others.
     *
     * @param maxCost maximum cost of the state after a token
     */
    void fill(State state, int maxCost, long[] out) {
        boolean known = state.few != null || state.many != null;
        if (known && state.worst <= maxCost) {
            copy(state, out);
            return;
        }
        State like = known ? state : table.like(state, vocabulary.longest());
        if (like != state) {
            fill(like, maxCost, out);
            return;
        }
        // Do not store masks of states that are many and cheap: strings with a maximum length.
        boolean kept = state.positions.length != 1 || state.positions[0].remaining() < 0;
        if (kept && !known) {
            make(state, Integer.MAX_VALUE, out);
            keep(state, out);
            if (worst <= maxCost) {
                return;
            }
        }
        make(state, maxCost, out);
    }

    private static void copy(State state, long[] out) {
        if (state.many != null) {
            System.arraycopy(state.many, 0, out, 0, state.many.length);
            return;
        }
        Arrays.fill(out, 0);
        for (int token : state.few) {
            FreeTokens.set(out, token);
        }
    }

    private void make(State state, int maxCost, long[] out) {
        Arrays.fill(out, 0);
        limit = maxCost;
        worst = 0;
        add(state, 0, out);
    }

    private void keep(State state, long[] mask) {
        int count = 0;
        for (long word : mask) {
            count += Long.bitCount(word);
        }
        if (count > FEW) {
            table.keep(state, null, mask.clone(), worst);
            return;
        }
        int[] few = new int[count];
        int size = 0;
        for (int w = 0; w < mask.length; w++) {
            for (long word = mask[w]; word != 0; word &= word - 1) {
                few[size++] = w << 6 | Long.numberOfTrailingZeros(word);
            }
        }
        table.keep(state, few, null, worst);
    }

    /** Adds the tokens below a node of the trie, at which the text is in the state. */
    private void add(State state, int node, long[] out) {
        int rest = 0;
        for (int p = 0; p < state.positions.length; p++) {
            if (!addKnown(state, p, node, out)) {
                rest++;
            }
        }
        if (rest == state.positions.length) {
            walk(state, node, out);
        } else if (rest > 0) {
            walk(table.some(state, TokenMasks::isWalked), node, out);
        }
    }

    private static boolean isWalked(Position position) {
        return position.free() == null
                || !position.isFreeText() && position.remaining() < 0 && !position.isNearlyFree();
    }

    /** Adds the tokens of a configuration by precomputed tokens; false if none apply. */
    private boolean addKnown(State state, int index, int node, long[] out) {
        Position position = state.positions[index];
        if (isWalked(position)) {
            return false;
        }
        FreeTokens tokens = vocabulary.freeTokens(node);
        State free = table.of(position.free(), state.stacks[index]);
        if (position.isFreeText()) {
            addStaying(free, tokens, out);
            addEnds(free, tokens, 0, Integer.MAX_VALUE, out);
        } else if (position.remaining() >= 0) {
            int highest = state.cost(index) + tokens.mostRise;
            worst = Math.max(worst, highest);
            int needed = position.needed();
            int remaining = position.remaining();
            if (highest <= limit) {
                or(out, tokens.within(remaining));
            } else {
                tokens.add(out, needed, remaining, limit - free.cost, vocabulary.spelling());
            }
            addEnds(free, tokens, needed, remaining, out);
        } else {
            Arrays.fill(scratch, 0);
            addStaying(free, tokens, scratch);
            addEnds(free, tokens, 0, Integer.MAX_VALUE, scratch);
            correct(table.of(position, state.stacks[index]), free, node, scratch);
            or(out, scratch);
        }
        return true;
    }

    /** Adds the tokens that stay in an unrestricted string. */
    private void addStaying(State free, FreeTokens tokens, long[] out) {
        worst = Math.max(worst, free.cost + tokens.mostRise);
        if (free.cost + tokens.mostRise <= limit) {
            or(out, tokens.all);
        } else {
            int any = Integer.MAX_VALUE;
            tokens.add(out, 0, any, limit - free.cost, vocabulary.spelling());
        }
    }

    /** Adds a token by the state after it. */
    private void put(State state, int token, long[] out) {
        worst = Math.max(worst, state.cost);
        if (state.cost <= limit) {
            FreeTokens.set(out, token);
        }
    }

    private static void or(long[] out, long[] more) {
        for (int i = 0; i < out.length; i++) {
            out[i] |= more[i];
        }
    }

    /** Adds the tokens that end a string, with a bounded number of characters before the quote. */
    private void addEnds(State free, FreeTokens tokens, int least, int most, long[] out) {
        TokenTrie ends = tokens.ends;
        endPath[0] = table.next(free, '"');
        for (int at = 0; at < ends.size(); ) {
            int depth = ends.depths[at];
            if (at > 0) {
                State state = table.next(endPath[depth - 1], ends.labels[at] & 0xFF);
                if (state == State.DEAD) {
                    at = ends.ends[at];
                    continue;
                }
                endPath[depth] = state;
            }
            for (int index : ends.values[at]) {
                int characters = tokens.characters[index];
                if (characters >= least && characters <= most) {
                    put(endPath[depth], tokens.tokens[index], out);
                }
            }
            at++;
        }
    }

    /** Corrects the mask of an unrestricted string for a state that differs in few tokens. */
    private void correct(State start, State free, int node, long[] mask) {
        int base = trie.depths[node];
        path[base] = start;
        freePath[base] = free;
        for (int at = node + 1; at < trie.ends[node]; ) {
            int depth = trie.depths[at];
            int label = trie.labels[at] & 0xFF;
            State state = table.next(path[depth - 1], label);
            State other = table.next(freePath[depth - 1], label);
            if (state == other) {
                at = trie.ends[at];
                continue;
            }
            if (state == State.DEAD) {
                for (int end = trie.ends[at]; at < end; at++) {
                    for (int token : trie.values[at]) {
                        mask[token >> 6] &= ~(1L << token);
                    }
                }
                continue;
            }
            for (int token : trie.values[at]) {
                mask[token >> 6] &= ~(1L << token);
                put(state, token, mask);
            }
            path[depth] = state;
            freePath[depth] = other;
            at++;
        }
    }

    private void walk(State start, int node, long[] out) {
        State[] states = path;
        int base = trie.depths[node];
        states[base] = start;
        int end = trie.ends[node];
        for (int at = node + 1; at < end; ) {
            int depth = trie.depths[at];
            State before = states[depth - 1];
            State state = before.next[trie.labels[at] & 0xFF];
            if (state == null) {
                state = table.next(before, trie.labels[at] & 0xFF);
            }
            if (state == State.DEAD) {
                at = trie.ends[at];
                continue;
            }
            for (int token : trie.values[at]) {
                put(state, token, out);
            }
            boolean quote = trie.labels[at] == '"';
            if (quote && state.hasKnown && trie.ends[at] - at > SMALL) {
                // The walks below the quote use the path below this depth only.
                add(state, at, out);
                at = trie.ends[at];
                continue;
            }
            states[depth] = state;
            at++;
        }
    }
}

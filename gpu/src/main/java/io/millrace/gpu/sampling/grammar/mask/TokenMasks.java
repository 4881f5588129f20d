package io.millrace.gpu.sampling.grammar.mask;

import io.millrace.gpu.sampling.grammar.position.Position;
import java.util.Arrays;

/**
 * Finds the tokens that may follow a state, by a walk through the vocabulary's tree in which what
 * the grammar does not allow is cut off early. Within a JSON string most tokens are allowed: these
 * are known beforehand, and only those are walked that end the string or that are not like the
 * others.
 */
final class TokenMasks {
    /** Nodes below which a walk is quicker than a look at what is known beforehand. */
    private static final int SMALL = 128;

    /** Most tokens of a mask that is kept as a list. */
    private static final int FEW = 1024;

    private final Vocabulary vocabulary;
    private final TokenTrie trie;
    private final StateTable table;
    private final State[] path;
    private final State[] freePath;
    private final State[] endPath;
    private final long[] scratch;

    TokenMasks(Vocabulary vocabulary, StateTable table) {
        this.vocabulary = vocabulary;
        this.trie = vocabulary.trie();
        this.table = table;
        path = new State[trie.deepest + 1];
        freePath = new State[trie.deepest + 1];
        endPath = new State[trie.deepest + 1];
        scratch = new long[vocabulary.words()];
    }

    /** Sets the tokens that may follow the state, and no others. */
    void fill(State state, long[] out) {
        if (state.few != null) {
            Arrays.fill(out, 0);
            for (int token : state.few) {
                FreeTokens.set(out, token);
            }
        } else if (state.many != null) {
            System.arraycopy(state.many, 0, out, 0, state.many.length);
        } else {
            State like = table.like(state, vocabulary.longest());
            if (like != state) {
                fill(like, out);
                return;
            }
            Arrays.fill(out, 0);
            add(state, 0, out);
            keep(state, out);
        }
    }

    private void keep(State state, long[] mask) {
        if (state.positions.length == 1 && state.positions[0].remaining() >= 0) {
            return; // One of many that are quickly made.
        }
        int count = 0;
        for (long word : mask) {
            count += Long.bitCount(word);
        }
        if (count > FEW) {
            state.many = mask.clone();
            table.spend(8L * mask.length);
            return;
        }
        int[] few = new int[count];
        int size = 0;
        for (int w = 0; w < mask.length; w++) {
            for (long word = mask[w]; word != 0; word &= word - 1) {
                few[size++] = w << 6 | Long.numberOfTrailingZeros(word);
            }
        }
        state.few = few;
        table.spend(4L * count);
    }

    /** Adds the tokens below a node at which the text is in the state. */
    private void add(State state, int node, long[] out) {
        int rest = 0;
        for (int p = 0; p < state.positions.length; p++) {
            if (!addKnown(state.positions[p], state.stacks[p], node, out)) {
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

    /** Adds the tokens of a place of which much is known; false where it is not. */
    private boolean addKnown(Position position, Stack stack, int node, long[] out) {
        if (isWalked(position)) {
            return false;
        }
        FreeTokens tokens = vocabulary.freeTokens(node);
        State free = table.of(position.free(), stack);
        if (position.isFreeText()) {
            or(out, tokens.all);
            addEnds(free, tokens, 0, Integer.MAX_VALUE, out);
        } else if (position.remaining() >= 0) {
            or(out, tokens.within(position.remaining()));
            addEnds(free, tokens, position.needed(), position.remaining(), out);
        } else {
            System.arraycopy(tokens.all, 0, scratch, 0, scratch.length);
            addEnds(free, tokens, 0, Integer.MAX_VALUE, scratch);
            correct(table.of(position, stack), free, node, scratch);
            or(out, scratch);
        }
        return true;
    }

    private static void or(long[] out, long[] more) {
        for (int i = 0; i < out.length; i++) {
            out[i] |= more[i];
        }
    }

    /** Adds the tokens that end a string, with some number of characters before its quote. */
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
                    FreeTokens.set(out, tokens.tokens[index]);
                }
            }
            at++;
        }
    }

    /** Makes of the mask of free text that of a state which is mostly like it. */
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
                FreeTokens.set(mask, token);
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
                FreeTokens.set(out, token);
            }
            boolean quote = trie.labels[at] == '"';
            if (quote && state.hasKnown && trie.ends[at] - at > SMALL) {
                // Below a quote: the walks in there use the path below this depth only.
                add(state, at, out);
                at = trie.ends[at];
                continue;
            }
            states[depth] = state;
            at++;
        }
    }
}

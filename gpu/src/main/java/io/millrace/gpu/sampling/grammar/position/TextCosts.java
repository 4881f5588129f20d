package io.millrace.gpu.sampling.grammar.position;

import io.millrace.gpu.sampling.grammar.automaton.CharDfa;
import io.millrace.gpu.sampling.grammar.token.Spelling;
import java.util.Arrays;

/**
 * The tokens needed from each state of an automaton to the end of some text. Considers one of the
 * texts with the fewest characters, among these one with the fewest bytes. Its tokens may span
 * characters and the closing quote.
 */
final class TextCosts {
    private static final byte[] QUOTE = {'"'};

    private final CharDfa texts;
    private final CharacterBytes bytes;
    private final Spelling spelling;
    private final boolean quoted;

    /** Characters to the end, by state; -1 if the state reaches none. */
    private final int[] characters;

    /** The encoding of the next character, by state. */
    private final byte[][] written;

    private final int[] next;

    private final int[] tokens;

    /**
     * @param quoted whether the texts are JSON strings without the opening quote
     */
    TextCosts(CharDfa texts, CharacterBytes bytes, boolean quoted) {
        this.texts = texts;
        this.bytes = bytes;
        this.spelling = bytes.spelling();
        this.quoted = quoted;
        int count = texts.states();
        characters = new int[count];
        written = new byte[count][];
        next = new int[count];
        tokens = new int[count];
        Arrays.fill(tokens, Spelling.NEVER);
        int[] order = order();
        int[] lengths = new int[count];
        for (int state : order) {
            if (characters[state] > 0) {
                choose(state, lengths);
            }
            tokens[state] = texts.accepts(state) ? end() : walk(state);
        }
    }

    /** Estimated bytes. */
    static long bytes(CharDfa texts) {
        return 40L * texts.states();
    }

    /** Tokens needed from a state to the end of a text, including the closing quote. */
    int of(int state) {
        return tokens[state];
    }

    private int end() {
        return !quoted ? 0 : spelling.has('"') ? 1 : Spelling.NEVER;
    }

    /** The states by ascending number of characters to the end. */
    private int[] order() {
        int count = texts.states();
        int[] heads = new int[count + 2];
        for (int s = 0; s < count; s++) {
            for (int r = 0; r < texts.ranges(s); r++) {
                if (texts.target(s, r) != CharDfa.DEAD) {
                    heads[texts.target(s, r) + 2]++;
                }
            }
        }
        for (int i = 2; i < heads.length; i++) {
            heads[i] += heads[i - 1];
        }
        int[] sources = new int[heads[count + 1]];
        for (int s = 0; s < count; s++) {
            for (int r = 0; r < texts.ranges(s); r++) {
                if (texts.target(s, r) != CharDfa.DEAD) {
                    sources[heads[texts.target(s, r) + 1]++] = s;
                }
            }
        }
        Arrays.fill(characters, -1);
        int[] order = new int[count];
        int end = 0;
        for (int s = 0; s < count; s++) {
            if (texts.accepts(s)) {
                characters[s] = 0;
                order[end++] = s;
            }
        }
        for (int i = 0; i < end; i++) {
            for (int k = heads[order[i]]; k < heads[order[i] + 1]; k++) {
                if (characters[sources[k]] < 0) {
                    characters[sources[k]] = characters[order[i]] + 1;
                    order[end++] = sources[k];
                }
            }
        }
        return Arrays.copyOf(order, end);
    }

    private void choose(int state, int[] lengths) {
        lengths[state] = Integer.MAX_VALUE;
        for (int r = 0; r < texts.ranges(state); r++) {
            int target = texts.target(state, r);
            if (target == CharDfa.DEAD || characters[target] != characters[state] - 1) {
                continue;
            }
            byte[] one = bytes.shortest(texts.first(state, r), texts.last(state, r), quoted);
            if (lengths[target] + one.length < lengths[state]) {
                lengths[state] = lengths[target] + one.length;
                written[state] = one;
                next[state] = target;
            }
        }
    }

    /** Tokens needed from a state that does not accept. */
    private int walk(int start) {
        int best = Spelling.sum(spelling.ofBytes(written[start]), tokens[next[start]]);
        int node = 0;
        int state = start;
        while (characters[state] > 0) {
            node = spelling.follow(node, written[state]);
            if (node < 0) {
                return best;
            }
            state = next[state];
            if (spelling.isToken(node)) {
                best = Math.min(best, Spelling.sum(1, tokens[state]));
            }
        }
        node = quoted ? spelling.follow(node, QUOTE) : -1;
        return node >= 0 && spelling.isToken(node) ? 1 : best;
    }

    /**
     * Tokens needed for the rest of a text of at least {@code least} characters, by characters read
     * (up to {@code least}) and state. Does not consider tokens that span characters.
     */
    int[][] atLeast(int least) {
        int count = texts.states();
        int[][] single = singles();
        int[][] table = new int[least + 1][];
        table[least] = tokens;
        int[] longer = characters;
        for (int read = least - 1; read >= 0; read--) {
            table[read] = new int[count];
            int[] now = new int[count];
            for (int s = 0; s < count; s++) {
                now[s] = -1;
                table[read][s] = Spelling.NEVER;
                for (int r = 0; r < single[s].length; r++) {
                    int target = texts.target(s, r);
                    if (target == CharDfa.DEAD || longer[target] < 0) {
                        continue;
                    }
                    int cost = Spelling.sum(single[s][r], table[read + 1][target]);
                    boolean shorter = now[s] < 0 || longer[target] + 1 < now[s];
                    if (shorter || longer[target] + 1 == now[s] && cost < table[read][s]) {
                        now[s] = longer[target] + 1;
                        table[read][s] = cost;
                    }
                }
            }
            longer = now;
        }
        return table;
    }

    private int[][] singles() {
        int[][] single = new int[texts.states()][];
        for (int s = 0; s < single.length; s++) {
            single[s] = new int[texts.ranges(s)];
            for (int r = 0; r < single[s].length; r++) {
                if (texts.target(s, r) != CharDfa.DEAD) {
                    byte[] one = bytes.shortest(texts.first(s, r), texts.last(s, r), quoted);
                    single[s][r] = spelling.ofBytes(one);
                }
            }
        }
        return single;
    }
}

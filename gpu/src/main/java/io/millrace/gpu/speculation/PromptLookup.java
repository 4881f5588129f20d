package io.millrace.gpu.speculation;

import java.util.Arrays;

/**
 * Finds where the last tokens of a growing text occurred before. What followed there is the guess
 * of what follows now.
 *
 * <pre>
 * text     a b c d e f a b c          the last three occurred before: match 3, next 3
 *          0 1 2 3 4 5 6 7 8
 * guess                      d e f a b c d ...
 * </pre>
 *
 * Of earlier places, that with the longest match is taken, of equal ones the latest. Matches longer
 * than the longest n-gram are equal. Occurrences of each shortest n-gram are chained, the latest
 * first.
 */
final class PromptLookup {
    /** Earlier places that are compared for a token at most. */
    private static final int MOST_PLACES = 16;

    private static final int NONE = -1;

    /** Tokens of the shortest match. */
    private final int shortest;

    /** Tokens of the longest match that counts. */
    private final int longest;

    private int[] tokens = new int[64];
    private int size;

    /** Last position of the latest n-gram by hash; {@link #NONE} for none. A power of two. */
    private int[] latest = new int[0];

    /** By last position of an n-gram: that of the one before with this hash. */
    private int[] before = new int[64];

    private int match;
    private int next = NONE;

    /**
     * @param longest tokens of the longest n-gram, at least 1
     */
    PromptLookup(int longest) {
        this.longest = longest;
        shortest = Math.min(2, longest);
    }

    int size() {
        return size;
    }

    /** Tokens that the present match has; 0 if there is none. */
    int match() {
        return match;
    }

    /**
     * A guess of the token that is {@code ahead} tokens behind the text's end; there must be a
     * match.
     */
    int guess(int ahead) {
        // A match that overlaps the end repeats.
        int period = size - next;
        return tokens[next + ahead % period];
    }

    /** Appends a token, and finds the match of the text with it. */
    void add(int token) {
        if (size == tokens.length) {
            tokens = Arrays.copyOf(tokens, 2 * size);
            before = Arrays.copyOf(before, 2 * size);
        }
        tokens[size++] = token;
        if (size > latest.length) {
            rebuild();
        } else {
            link(size - 1);
        }
        boolean goesOn = match > 0 && tokens[next] == token;
        if (goesOn && match >= longest) {
            next++;
        } else {
            search();
        }
    }

    private void rebuild() {
        latest = new int[Math.max(128, 2 * latest.length)];
        Arrays.fill(latest, NONE);
        for (int last = 0; last < size; last++) {
            link(last);
        }
    }

    private void link(int last) {
        if (last + 1 >= shortest) {
            int slot = slot(last);
            before[last] = latest[slot];
            latest[slot] = last;
        } else {
            before[last] = NONE;
        }
    }

    private int slot(int last) {
        int hash = 0;
        for (int i = 0; i < shortest; i++) {
            hash = (hash + tokens[last - i]) * 0x9E3779B9;
        }
        return (hash ^ hash >>> 15) & latest.length - 1;
    }

    private void search() {
        match = 0;
        next = NONE;
        int place = before[size - 1];
        for (int i = 0; i < MOST_PLACES && place != NONE && match < longest; i++) {
            int same = same(place);
            if (same > match) {
                match = same;
                next = place + 1;
            }
            place = before[place];
        }
        if (match < shortest) {
            match = 0;
        }
    }

    /** Tokens that are the same before that position and before the end, up to the longest. */
    private int same(int last) {
        int most = Math.min(longest, last + 1);
        int same = 0;
        while (same < most && tokens[last - same] == tokens[size - 1 - same]) {
            same++;
        }
        return same;
    }
}

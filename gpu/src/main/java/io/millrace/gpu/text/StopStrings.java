package io.millrace.gpu.text;

import java.util.BitSet;
import java.util.Collection;
import java.util.List;
import java.util.Set;

/**
 * Collects the text of one completion and ends it before the first stop string, which may be spread
 * over tokens.
 *
 * <p>The first is the one whose last character comes first; of several that end with the same
 * character, the longest. The end thus depends on the text only, not on how it is split into
 * pieces.
 *
 * <p>The text is without special tokens. A stop string that contains one is searched in the text
 * with them:
 *
 * <pre>
 *   tokens      ab  &lt;|im_end|&gt;  c          text   abc
 *   searched    "bc" in  abc                "b&lt;|im_end|&gt;" in  ab&lt;|im_end|&gt;c
 * </pre>
 */
public final class StopStrings {
    private final String[] stops;

    /** By stop string and matched length: the longest shorter match, as in Knuth-Morris-Pratt. */
    private final int[][] fallback;

    /** Characters of each stop string that the text ends with. */
    private final int[] matched;

    /** By stop string: whether it is searched in the text with special tokens. */
    private final boolean[] spansSpecials;

    private final boolean anySpansSpecials;
    private final StringBuilder text = new StringBuilder();
    private boolean found;

    /**
     * Characters seen, those of special tokens included, and which of them are of special tokens.
     */
    private int seen;

    private final BitSet hidden = new BitSet();

    /** For a tokenizer without special tokens. */
    public StopStrings(List<String> stops) {
        this(stops, Set.of());
    }

    /**
     * @param stops none empty
     * @param specials texts of the special tokens
     */
    public StopStrings(List<String> stops, Collection<String> specials) {
        this.stops = stops.toArray(new String[0]);
        this.spansSpecials = new boolean[this.stops.length];
        this.fallback = new int[this.stops.length][];
        this.matched = new int[this.stops.length];
        boolean any = false;
        for (int i = 0; i < this.stops.length; i++) {
            if (this.stops[i].isEmpty()) {
                throw new IllegalArgumentException("A stop string is empty.");
            }
            fallback[i] = fallback(this.stops[i]);
            spansSpecials[i] = specials.stream().anyMatch(this.stops[i]::contains);
            any |= spansSpecials[i];
        }
        anySpansSpecials = any;
    }

    /** Whether {@link #addSpecial} must be called for special tokens. */
    public boolean spansSpecials() {
        return anySpansSpecials;
    }

    /**
     * Adds a piece of the text, which is ignored after a stop string.
     *
     * @return whether a stop string was found, now or before
     */
    public boolean add(String piece) {
        for (int i = 0; i < piece.length() && !found; i++) {
            text.append(piece.charAt(i));
            take(piece.charAt(i), true);
        }
        return found;
    }

    /**
     * Adds a special token, which is not part of the text.
     *
     * @param token its text
     * @param held text before it that will come as a later piece, or in another form: the first
     *     bytes of a character
     * @return whether a stop string was found, now or before
     */
    public boolean addSpecial(String token, String held) {
        if (found || !anySpansSpecials) {
            return found;
        }
        int end = text.length();
        text.append(held);
        for (int i = 0; i < held.length() && !found; i++) {
            take(held.charAt(i), false);
        }
        for (int i = 0; i < token.length() && !found; i++) {
            hidden.set(seen);
            take(token.charAt(i), false);
        }
        if (!found) {
            text.setLength(end);
        }
        return found;
    }

    /**
     * @param all whether the character counts for all stop strings, or only for those with special
     *     tokens
     */
    private void take(char c, boolean all) {
        seen++;
        int longest = -1;
        for (int s = 0; s < stops.length; s++) {
            if ((all || spansSpecials[s]) && matches(s, c)) {
                longest = Math.max(longest, visible(s));
            }
        }
        if (longest >= 0) {
            found = true;
            text.setLength(Math.max(0, text.length() - longest));
        }
    }

    /** Characters of a stop string, just matched, that are part of the text. */
    private int visible(int s) {
        int length = stops[s].length();
        return spansSpecials[s] ? length - hidden.get(seen - length, seen).cardinality() : length;
    }

    /** The text so far; ends before the stop string once one is found. */
    public String text() {
        return text.toString();
    }

    private boolean matches(int s, char c) {
        String stop = stops[s];
        int length = matched[s];
        while (length > 0 && stop.charAt(length) != c) {
            length = fallback[s][length];
        }
        if (stop.charAt(length) == c) {
            length++;
        }
        matched[s] = length;
        return length == stop.length();
    }

    /** The failure table of Knuth, Morris and Pratt. */
    private static int[] fallback(String stop) {
        int[] table = new int[stop.length() + 1];
        int length = 0;
        for (int i = 1; i < stop.length(); i++) {
            while (length > 0 && stop.charAt(length) != stop.charAt(i)) {
                length = table[length];
            }
            if (stop.charAt(length) == stop.charAt(i)) {
                length++;
            }
            table[i + 1] = length;
        }
        return table;
    }
}

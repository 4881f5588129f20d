package io.millrace.gpu.text;

import java.util.List;

/**
 * Collects one completion's text and ends it before the first stop string, however that is spread
 * over tokens.
 *
 * <p>The first is the one whose last character comes first; of several that end with the same
 * character, the longest. So the cut depends on the text alone, not on the pieces that it came in.
 */
public final class StopStrings {
    private final String[] stops;

    /** By stop string and length matched: the longest shorter match to fall back to. */
    private final int[][] fallback;

    /** Characters of each stop string that the text ends with. */
    private final int[] matched;

    private final StringBuilder text = new StringBuilder();
    private boolean found;

    /**
     * @param stops none empty
     */
    public StopStrings(List<String> stops) {
        this.stops = stops.toArray(new String[0]);
        this.fallback = new int[this.stops.length][];
        this.matched = new int[this.stops.length];
        for (int i = 0; i < this.stops.length; i++) {
            if (this.stops[i].isEmpty()) {
                throw new IllegalArgumentException("A stop string is empty.");
            }
            fallback[i] = fallback(this.stops[i]);
        }
    }

    /**
     * Takes a further piece of the text; after a stop string, all is ignored.
     *
     * @return whether a stop string was found, now or before
     */
    public boolean add(String piece) {
        for (int i = 0; i < piece.length() && !found; i++) {
            char c = piece.charAt(i);
            text.append(c);
            int longest = 0;
            for (int s = 0; s < stops.length; s++) {
                if (matches(s, c)) {
                    longest = Math.max(longest, stops[s].length());
                }
            }
            if (longest > 0) {
                found = true;
                text.setLength(text.length() - longest);
            }
        }
        return found;
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

    /** The table of Knuth, Morris and Pratt. */
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

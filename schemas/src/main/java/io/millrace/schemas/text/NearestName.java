package io.millrace.schemas.text;

import java.util.Locale;

/** Finds the known name nearest to a misspelled one. */
public final class NearestName {

    /** Maximum length of a misspelled name. */
    private static final int LONGEST = 64;

    private NearestName() {}

    /** The nearest of the known names, or null if none is near. */
    public static String of(String name, Iterable<String> known) {
        if (name.length() > LONGEST) {
            return null;
        }
        String wanted = bare(name);
        String nearest = null;
        int best = Math.max(2, wanted.length() / 3) + 1;
        for (String candidate : known) {
            int distance = distance(wanted, bare(candidate));
            if (distance < best) {
                best = distance;
                nearest = candidate;
            }
        }
        return nearest;
    }

    /**
     * The name without case and separators: {@code maxTokens}, {@code max-tokens} and {@code
     * max_tokens} are equal.
     */
    private static String bare(String name) {
        return name.toLowerCase(Locale.ROOT).replace("_", "").replace("-", "");
    }

    /** Edits (insert, delete, replace) from one to the other: Levenshtein's distance. */
    public static int distance(String a, String b) {
        int[] row = new int[b.length() + 1];
        for (int j = 0; j <= b.length(); j++) {
            row[j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.length(); j++) {
                int substituted = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.min(substituted, 1 + Math.min(row[j - 1], row[j]));
            }
        }
        return row[b.length()];
    }
}

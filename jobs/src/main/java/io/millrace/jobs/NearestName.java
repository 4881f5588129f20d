package io.millrace.jobs;

import java.util.Collection;
import java.util.Comparator;
import java.util.List;

/** Finds the names that a mistyped one most likely meant. */
final class NearestName {
    private NearestName() {}

    /** Names near to {@code typed}, nearest first; empty where none is near. */
    static List<String> of(String typed, Collection<String> names) {
        int end = typed.indexOf('=');
        String name = end < 0 ? typed : typed.substring(0, end);
        int limit = Math.max(2, name.length() / 3);
        return names.stream()
                .filter(candidate -> distance(name, candidate) <= limit)
                .sorted(Comparator.comparingInt(candidate -> distance(name, candidate)))
                .toList();
    }

    /** Edits (insert, delete, replace) from one to the other. */
    private static int distance(String a, String b) {
        int[] row = new int[b.length() + 1];
        for (int j = 0; j <= b.length(); j++) {
            row[j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.length(); j++) {
                int replace = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.min(replace, Math.min(row[j], row[j - 1]) + 1);
            }
        }
        return row[b.length()];
    }
}

package io.millrace.jobs;

import static io.millrace.schemas.text.NearestName.distance;

import java.util.Collection;
import java.util.Comparator;
import java.util.List;

/** Finds the names that are nearest to a mistyped one. */
final class NearestName {
    private NearestName() {}

    /** Names near to {@code typed}, nearest first; empty if none is near. */
    public static List<String> of(String typed, Collection<String> names) {
        int end = typed.indexOf('=');
        String name = end < 0 ? typed : typed.substring(0, end);
        int limit = Math.max(2, name.length() / 3);
        return names.stream()
                .filter(candidate -> distance(name, candidate) <= limit)
                .sorted(Comparator.comparingInt(candidate -> distance(name, candidate)))
                .toList();
    }
}

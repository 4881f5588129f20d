package io.millrace.gpu.sampling.grammar.automaton;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** A set of Unicode scalar values as sorted, disjoint ranges. Surrogates are in no set. */
public final class CharSet {
    public static final int LARGEST = 0x10FFFF;
    static final int FIRST_SURROGATE = 0xD800;
    static final int LAST_SURROGATE = 0xDFFF;

    public static final CharSet NONE = new CharSet(new int[0]);
    public static final CharSet ALL = of(0, LARGEST);

    /** First and last of each range. */
    private final int[] bounds;

    private CharSet(int[] bounds) {
        this.bounds = bounds;
    }

    /** The characters from {@code first} to {@code last}, both included. */
    public static CharSet of(int first, int last) {
        if (last < FIRST_SURROGATE || first > LAST_SURROGATE) {
            return first > last ? NONE : new CharSet(new int[] {first, last});
        }
        int[] parts = new int[4];
        int size = 0;
        if (first < FIRST_SURROGATE) {
            parts[size++] = first;
            parts[size++] = FIRST_SURROGATE - 1;
        }
        if (last > LAST_SURROGATE) {
            parts[size++] = LAST_SURROGATE + 1;
            parts[size++] = last;
        }
        return new CharSet(Arrays.copyOf(parts, size));
    }

    /** The characters of the text. */
    public static CharSet of(String characters) {
        return characters.codePoints().mapToObj(c -> of(c, c)).reduce(NONE, CharSet::or);
    }

    public int ranges() {
        return bounds.length / 2;
    }

    public int first(int range) {
        return bounds[2 * range];
    }

    public int last(int range) {
        return bounds[2 * range + 1];
    }

    public boolean isEmpty() {
        return bounds.length == 0;
    }

    public boolean contains(int character) {
        int at = Arrays.binarySearch(bounds, character);
        // An odd insertion point is within a range.
        return at >= 0 || (-at - 1) % 2 != 0;
    }

    /** The union of the sets. */
    public CharSet or(CharSet other) {
        int[] merged = new int[bounds.length + other.bounds.length];
        int size = 0;
        int a = 0;
        int b = 0;
        while (a < bounds.length || b < other.bounds.length) {
            boolean mine =
                    b == other.bounds.length || a < bounds.length && bounds[a] <= other.bounds[b];
            int first = mine ? bounds[a] : other.bounds[b];
            int last = mine ? bounds[a + 1] : other.bounds[b + 1];
            if (mine) {
                a += 2;
            } else {
                b += 2;
            }
            if (size > 0 && first <= merged[size - 1] + 1) {
                merged[size - 1] = Math.max(merged[size - 1], last);
            } else {
                merged[size++] = first;
                merged[size++] = last;
            }
        }
        return new CharSet(Arrays.copyOf(merged, size));
    }

    /** The complement of the set. */
    public CharSet not() {
        Builder rest = new Builder();
        int next = 0;
        for (int i = 0; i < bounds.length; i += 2) {
            rest.add(next, bounds[i] - 1);
            next = bounds[i + 1] + 1;
        }
        rest.add(next, LARGEST);
        return rest.build();
    }

    /** The intersection of the sets. */
    public CharSet and(CharSet other) {
        return not().or(other.not()).not();
    }

    /** Collects ranges in ascending order. */
    public static final class Builder {
        private final List<Integer> bounds = new ArrayList<>();

        /** Adds the characters from {@code first} to {@code last}, above those added before. */
        public void add(int first, int last) {
            CharSet range = of(first, last);
            for (int bound : range.bounds) {
                bounds.add(bound);
            }
        }

        public CharSet build() {
            return new CharSet(bounds.stream().mapToInt(Integer::intValue).toArray());
        }
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof CharSet set && Arrays.equals(bounds, set.bounds);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(bounds);
    }
}

package io.millrace.gpu.sampling.grammar.position;

import io.millrace.gpu.sampling.grammar.automaton.CharDfa;
import io.millrace.gpu.sampling.grammar.position.BytesPosition.Range;
import io.millrace.gpu.sampling.grammar.schema.JsonText;
import io.millrace.gpu.sampling.grammar.token.Spelling;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Encodes characters of JSON strings as bytes: UTF-8, or escapes with a backslash. */
final class CharacterBytes {
    private static final String SHORT = "\b\t\n\f\r\"\\";
    private static final String SHORT_LETTERS = "btnfr\"\\";

    /** Last code points of one, two and three bytes. */
    private static final int[] LAST_OF_LENGTH = {0x7F, 0x7FF, 0xFFFF};

    private static final int FIRST_SURROGATE = 0xD800;
    private static final int LAST_SURROGATE = 0xDFFF;

    private final Spelling spelling;
    private final Map<List<Range>, Position> shared = new HashMap<>();
    private final Map<CharDfa, TextCosts> costs = new IdentityHashMap<>();

    /**
     * @param spelling token counts of the vocabulary
     */
    CharacterBytes(Spelling spelling) {
        this.spelling = spelling;
    }

    Spelling spelling() {
        return spelling;
    }

    /** The costs of JSON strings of a set of texts. */
    TextCosts costs(CharDfa texts) {
        return costs.computeIfAbsent(texts, t -> new TextCosts(t, this, true));
    }

    /** Drops all positions. */
    void forget() {
        shared.clear();
    }

    Collector collector() {
        return new Collector();
    }

    private Position position(List<Range> ranges) {
        return shared.computeIfAbsent(ranges, r -> new BytesPosition(r, this));
    }

    /**
     * The shortest encoding of a character of a range.
     *
     * @param quoted whether the character is within a JSON string
     */
    byte[] shortest(int first, int last, boolean quoted) {
        int c = first;
        if (quoted && c < ' ' && last >= ' ') {
            c = ' ';
        }
        while (quoted && (c == '"' || c == '\\') && c < last) {
            c++;
        }
        if (quoted && last < ' ') {
            for (int one = first; one <= last; one++) {
                c = SHORT.indexOf(one) >= 0 ? one : c;
            }
        }
        String text = quoted ? JsonText.escaped(Character.toString(c)) : Character.toString(c);
        return text.getBytes(StandardCharsets.UTF_8);
    }

    /** The byte sequences of a range of characters: a range per byte. */
    private record Sequence(int[] first, int[] last, int at, Position target) {
        boolean isLast() {
            return at + 1 == first.length;
        }
    }

    /** Collects the characters that may come next. */
    final class Collector {
        private final List<Sequence> sequences = new ArrayList<>();
        private final List<Range> plain = new ArrayList<>();
        private final List<Range> escaped = new ArrayList<>();

        /** Adds characters and the position after them. */
        void add(int first, int last, Position target) {
            addAscii(first, Math.min(last, 0x7F), target);
            addSequences(Math.max(first, 0x80), Math.min(last, FIRST_SURROGATE - 1), target);
            addSequences(Math.max(first, LAST_SURROGATE + 1), last, target);
        }

        /** Adds characters that are never escaped. */
        void addPlain(int first, int last, Position target) {
            if (first <= 0x7F) {
                plain.add(new Range(first, Math.min(last, 0x7F), target));
            }
            addSequences(Math.max(first, 0x80), Math.min(last, FIRST_SURROGATE - 1), target);
            addSequences(Math.max(first, LAST_SURROGATE + 1), last, target);
        }

        private void addAscii(int first, int last, Position target) {
            int start = Math.max(first, ' ');
            for (int c = start; c <= last; c++) {
                if (c == '"' || c == '\\') {
                    if (start < c) {
                        plain.add(new Range(start, c - 1, target));
                    }
                    start = c + 1;
                    escaped.add(new Range(c, c, target));
                }
            }
            if (start <= last) {
                plain.add(new Range(start, last, target));
            }
            for (int c = first; c <= last && c < ' '; c++) {
                escaped.add(new Range(c, c, target));
            }
        }

        private void addSequences(int first, int last, Position target) {
            int from = first;
            while (from <= last) {
                int to = last;
                for (int end : LAST_OF_LENGTH) {
                    to = from <= end ? Math.min(to, end) : to;
                }
                // Split where the continuation bytes do not cover their whole range.
                int length = length(from);
                for (int i = 1; i < length; i++) {
                    int low = (1 << 6 * i) - 1;
                    if ((from & ~low) != (to & ~low)) {
                        if ((from & low) != 0) {
                            to = from | low;
                        } else if ((to & low) != low) {
                            to = (to & ~low) - 1;
                        }
                    }
                }
                sequences.add(new Sequence(bytes(from, length), bytes(to, length), 0, target));
                from = to + 1;
            }
        }

        /**
         * Adds the collected characters to edges.
         *
         * @param any the position after any character; null if some characters are not allowed
         */
        void addTo(Edges edges, Position any) {
            edges.hold(2 * sequences.size() + escaped.size());
            for (Range range : plain) {
                edges.add(range.first(), range.last(), range.target());
            }
            for (Range range : ranges(sequences)) {
                edges.add(range.first(), range.last(), range.target());
            }
            if (any != null) {
                edges.add('\\', allEscapes(any));
            } else if (!escaped.isEmpty()) {
                edges.add('\\', escapes(escaped));
            }
        }
    }

    private static int length(int c) {
        return c <= LAST_OF_LENGTH[0]
                ? 1
                : c <= LAST_OF_LENGTH[1] ? 2 : c <= LAST_OF_LENGTH[2] ? 3 : 4;
    }

    private static int[] bytes(int c, int length) {
        int[] bytes = new int[length];
        for (int i = length - 1; i > 0; i--) {
            bytes[i] = 0x80 | c >> 6 * (length - 1 - i) & 0x3F;
        }
        bytes[0] = 0xF00 >> length & 0xFF | c >> 6 * (length - 1);
        return bytes;
    }

    /** Merges sequences by first byte; their ranges of first bytes are equal or disjoint. */
    private List<Range> ranges(List<Sequence> sequences) {
        Map<Integer, List<Sequence>> byFirst = new LinkedHashMap<>();
        for (Sequence s : sequences) {
            int key = s.first[s.at] << 8 | s.last[s.at];
            byFirst.computeIfAbsent(key, any -> new ArrayList<>()).add(s);
        }
        List<Range> ranges = new ArrayList<>();
        byFirst.forEach(
                (key, group) -> {
                    Position target =
                            group.get(0).isLast()
                                    ? group.get(0).target
                                    : position(ranges(group.stream().map(this::rest).toList()));
                    ranges.add(new Range(key >> 8, key & 0xFF, target));
                });
        return ranges;
    }

    private Sequence rest(Sequence s) {
        return new Sequence(s.first, s.last, s.at + 1, s.target);
    }

    /** After a backslash, if each character has one encoding. */
    private Position escapes(List<Range> characters) {
        List<Range> ranges = new ArrayList<>();
        Map<Integer, List<Range>> byHigh = new TreeMap<>();
        for (Range range : characters) {
            int c = range.first();
            int known = SHORT.indexOf(c);
            if (known >= 0) {
                char letter = SHORT_LETTERS.charAt(known);
                ranges.add(new Range(letter, letter, range.target()));
            } else {
                char low = Character.forDigit(c & 15, 16);
                byHigh.computeIfAbsent(c >> 4, any -> new ArrayList<>())
                        .add(new Range(low, low, range.target()));
            }
        }
        if (!byHigh.isEmpty()) {
            List<Range> high = new ArrayList<>();
            byHigh.forEach(
                    (digit, low) -> high.add(new Range('0' + digit, '0' + digit, position(low))));
            Position zero = position(List.of(new Range('0', '0', position(high))));
            ranges.add(new Range('u', 'u', position(List.of(new Range('0', '0', zero)))));
        }
        return position(ranges);
    }

    /** After a backslash, if any character may come in any encoding. */
    private Position allEscapes(Position any) {
        Position one = hex(any);
        Position two = hex(one);
        Position three = hex(two);
        Position afterD = hex(hex(lowPair(any)));
        List<Range> first = new ArrayList<>();
        first.add(new Range('0', '9', three));
        addLetters(first, 'a', 'c', three);
        addLetters(first, 'e', 'f', three);
        addLetters(first, 'd', 'd', withLow(afterD, two));
        List<Range> ranges = new ArrayList<>();
        for (char letter : "\"\\/bfnrt".toCharArray()) {
            ranges.add(new Range(letter, letter, any));
        }
        ranges.add(new Range('u', 'u', position(first)));
        return position(ranges);
    }

    /** The second digit after a D: 0 to 7 for a character, 8 to B for a high surrogate. */
    private Position withLow(Position surrogate, Position two) {
        List<Range> ranges = new ArrayList<>();
        ranges.add(new Range('0', '7', two));
        ranges.add(new Range('8', '9', surrogate));
        addLetters(ranges, 'a', 'b', surrogate);
        return position(ranges);
    }

    private static List<Range> low(Position next) {
        List<Range> ranges = new ArrayList<>();
        ranges.add(new Range('0', '9', next));
        addLetters(ranges, 'a', 'f', next);
        return ranges;
    }

    private Position hex(Position next) {
        return position(low(next));
    }

    /** The low surrogate of a pair. */
    private Position lowPair(Position any) {
        List<Range> second = new ArrayList<>();
        addLetters(second, 'c', 'f', hex(hex(any)));
        List<Range> first = new ArrayList<>();
        addLetters(first, 'd', 'd', position(second));
        Position u = position(List.of(new Range('u', 'u', position(first))));
        return position(List.of(new Range('\\', '\\', u)));
    }

    private static void addLetters(List<Range> ranges, char first, char last, Position next) {
        ranges.add(new Range(first, last, next));
        ranges.add(new Range(Character.toUpperCase(first), Character.toUpperCase(last), next));
    }
}

package io.millrace.gpu.sampling.grammar.position;

import io.millrace.gpu.sampling.grammar.automaton.BoundedDfa;
import io.millrace.gpu.sampling.grammar.automaton.CharDfa;
import io.millrace.gpu.sampling.grammar.token.Spelling;
import java.util.HashMap;
import java.util.Map;

/**
 * The positions within a JSON string, after its opening quote. Where any characters may follow,
 * every escape of JSON is allowed; elsewhere each character has one encoding, which is an escape
 * only if it needs one.
 */
final class StringPositions {
    private final BoundedDfa texts;
    private final CharDfa dfa;
    private final Position next;
    private final Position free;
    private final CharacterBytes bytes;
    private StringPositions unbounded;

    /** Tokens needed, by characters read (up to the minimum) and state; lazy. */
    private int[][] costs;

    private final Map<Long, Position> positions = new HashMap<>();

    /**
     * @param next position after the closing quote
     * @param free position within an unrestricted string with the same {@code next}; null if these
     *     strings are unrestricted
     */
    StringPositions(BoundedDfa texts, Position next, Position free, CharacterBytes bytes) {
        this.texts = texts;
        this.dfa = texts.texts();
        this.next = next;
        this.free = free;
        this.bytes = bytes;
    }

    Position start() {
        return at(0, 0);
    }

    private Position at(int state, int read) {
        boolean bounded = texts.most() != BoundedDfa.NO_LIMIT;
        int count = bounded ? read : Math.min(read, texts.least());
        if (free != null && !bounded && count >= texts.least() && dfa.isUniversal(state)) {
            return free;
        }
        return positions.computeIfAbsent(
                (long) state << 32 | count, key -> new StringPosition(state, count));
    }

    private int tokens(int state, int count) {
        if (dfa.isAny()) {
            int needed = bytes.spelling().ofCharacters(texts.least() - count);
            return Spelling.sum(needed, bytes.spelling().has('"') ? 1 : Spelling.NEVER);
        }
        if (costs == null) {
            costs = bytes.costs(dfa).atLeast(texts.least());
        }
        return costs[Math.min(count, texts.least())][state];
    }

    private final class StringPosition extends Position {
        private final int state;
        private final int count;

        StringPosition(int state, int count) {
            this.state = state;
            this.count = count;
        }

        @Override
        public boolean isFreeText() {
            return free == null;
        }

        @Override
        public Position free() {
            return free == null ? this : free;
        }

        @Override
        public boolean isNearlyFree() {
            if (free == null || texts.most() != BoundedDfa.NO_LIMIT) {
                return false;
            }
            int target = dfa.target(state, dfa.ranges(state) - 1);
            return target != CharDfa.DEAD && at(target, count + 1) == free;
        }

        @Override
        public int remaining() {
            return free != null && dfa.isAny() ? texts.most() - count : -1;
        }

        @Override
        public int needed() {
            return Math.max(0, texts.least() - count);
        }

        @Override
        public Position like(int characters) {
            boolean bounded = texts.most() != BoundedDfa.NO_LIMIT || texts.least() > 0;
            if (!bounded || !texts.isUnbounded(count, characters)) {
                return this;
            }
            if (dfa.isAny()) {
                return free;
            }
            if (unbounded == null) {
                BoundedDfa all = new BoundedDfa(dfa, 0, BoundedDfa.NO_LIMIT);
                unbounded = new StringPositions(all, next, free, bytes);
            }
            return unbounded.at(state, 0);
        }

        @Override
        void forget() {
            positions.clear();
            unbounded = null;
            bytes.forget();
        }

        @Override
        int fewestTokens() {
            return Spelling.sum(tokens(state, count), next.cost());
        }

        @Override
        void addTo(Edges edges) {
            CharacterBytes.Collector collector = bytes.collector();
            int last = count == Integer.MAX_VALUE ? count : count + 1;
            for (int r = 0; r < dfa.ranges(state); r++) {
                int target = dfa.target(state, r);
                if (texts.isAlive(target, last)) {
                    collector.add(dfa.first(state, r), dfa.last(state, r), at(target, last));
                }
            }
            if (texts.accepts(state, count)) {
                edges.add('"', next);
            }
            boolean any = dfa.isAny() && texts.isAlive(state, last);
            collector.addTo(edges, any ? at(state, last) : null);
        }
    }
}

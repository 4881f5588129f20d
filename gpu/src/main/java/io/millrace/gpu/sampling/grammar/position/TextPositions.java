package io.millrace.gpu.sampling.grammar.position;

import io.millrace.gpu.sampling.grammar.automaton.CharDfa;
import io.millrace.gpu.sampling.grammar.token.Spelling;

/** The positions within a text that is not a JSON string: a number, or the whole answer. */
final class TextPositions {
    private final CharDfa texts;
    private final Position[] positions;
    private final CharacterBytes bytes;
    private TextCosts costs;

    TextPositions(CharDfa texts, Spelling spelling) {
        this.texts = texts;
        this.bytes = new CharacterBytes(spelling);
        positions = new Position[texts.states()];
    }

    Position at(int state) {
        if (positions[state] == null) {
            positions[state] = new TextPosition(state);
        }
        return positions[state];
    }

    private final class TextPosition extends Position {
        private final int state;

        TextPosition(int state) {
            this.state = state;
        }

        @Override
        void forget() {
            positions[state] = null;
            bytes.forget();
        }

        @Override
        int fewestTokens() {
            if (costs == null) {
                costs = new TextCosts(texts, bytes, false);
            }
            return costs.of(state);
        }

        @Override
        void addTo(Edges edges) {
            CharacterBytes.Collector collector = bytes.collector();
            for (int r = 0; r < texts.ranges(state); r++) {
                if (texts.target(state, r) != CharDfa.DEAD) {
                    collector.addPlain(
                            texts.first(state, r),
                            texts.last(state, r),
                            at(texts.target(state, r)));
                }
            }
            collector.addTo(edges, null);
            if (texts.accepts(state)) {
                edges.end();
            }
        }
    }
}

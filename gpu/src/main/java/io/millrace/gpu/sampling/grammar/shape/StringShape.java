package io.millrace.gpu.sampling.grammar.shape;

import io.millrace.gpu.sampling.grammar.automaton.Budget;
import io.millrace.gpu.sampling.grammar.automaton.CharDfa;
import java.util.ArrayList;
import java.util.List;

/**
 * The strings of a regular set with a length within bounds.
 *
 * @param least minimum number of characters
 * @param most maximum number of characters, or {@link #NO_LIMIT}
 */
public record StringShape(CharDfa texts, int least, int most) {
    public static final int NO_LIMIT = Integer.MAX_VALUE;

    public static final StringShape ALL = new StringShape(CharDfa.ANY, 0, NO_LIMIT);

    public StringShape and(StringShape other, Budget budget) {
        return new StringShape(
                texts.and(other.texts, budget),
                Math.max(least, other.least),
                Math.min(most, other.most));
    }

    /** The complement, as a union. */
    public List<StringShape> not() {
        List<StringShape> others = new ArrayList<>();
        if (!texts.isAny()) {
            others.add(new StringShape(texts.not(), 0, NO_LIMIT));
        }
        if (least > 0) {
            others.add(new StringShape(CharDfa.ANY, 0, least - 1));
        }
        if (most < NO_LIMIT) {
            others.add(new StringShape(CharDfa.ANY, most + 1, NO_LIMIT));
        }
        return others;
    }

    public boolean isPlainlyEmpty() {
        return texts.isEmpty() || least > most;
    }

    /** Whether lengths are not bounded. */
    public boolean hasAnyLength() {
        return least == 0 && most == NO_LIMIT;
    }
}

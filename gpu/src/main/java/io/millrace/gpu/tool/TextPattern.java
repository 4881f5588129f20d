package io.millrace.gpu.tool;

import io.millrace.gpu.sampling.grammar.automaton.AutomatonTooLargeException;
import io.millrace.gpu.sampling.grammar.automaton.Budget;
import io.millrace.gpu.sampling.grammar.automaton.CharDfa;
import io.millrace.gpu.sampling.grammar.regex.Regex;
import io.millrace.gpu.sampling.grammar.regex.RegexException;
import java.util.function.Function;

/**
 * A {@code pattern} of JSON Schema (ECMA-262), by the automata of constraints: a text is checked in
 * a time that grows with its length alone. Immutable and safe for any thread.
 */
public final class TextPattern {
    /** As constraints have it. */
    private static final int STATES = 10_000;

    /** Of all patterns together: some hundredths of a second, and megabytes of automata. */
    private static final long STEPS = 2_000_000;

    private final CharDfa automaton;

    private TextPattern(CharDfa automaton) {
        this.automaton = automaton;
    }

    /**
     * Makes a compiler of patterns that are kept together, whose automata are bounded together. It
     * throws an IllegalArgumentException where one is no pattern, not supported, or too large. Safe
     * for any thread.
     */
    public static Function<String, TextPattern> compiler() {
        Budget budget = new Budget(STATES, STEPS);
        return pattern -> {
            synchronized (budget) {
                try {
                    return new TextPattern(Regex.search(pattern, budget));
                } catch (RegexException | AutomatonTooLargeException e) {
                    throw new IllegalArgumentException(e.getMessage(), e);
                }
            }
        };
    }

    /** Whether a text contains a match. */
    public boolean find(String text) {
        return automaton.accepts(text);
    }
}

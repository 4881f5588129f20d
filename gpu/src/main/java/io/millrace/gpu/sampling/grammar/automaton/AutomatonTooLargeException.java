package io.millrace.gpu.sampling.grammar.automaton;

/** An automaton would have more states than its limit. */
public final class AutomatonTooLargeException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public AutomatonTooLargeException(int limit) {
        super("its automaton would have more than %,d states".formatted(limit));
    }
}

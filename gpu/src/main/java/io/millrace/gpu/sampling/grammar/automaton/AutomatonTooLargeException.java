package io.millrace.gpu.sampling.grammar.automaton;

/** Automata would exceed their limit of states or steps. */
public final class AutomatonTooLargeException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public AutomatonTooLargeException(int states) {
        this("its automaton would have more than %,d states".formatted(states));
    }

    AutomatonTooLargeException(String reason) {
        super(reason + "; ask for fewer repetitions, shorter lengths or fewer alternatives");
    }
}

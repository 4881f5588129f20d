package io.millrace.gpu.sampling.grammar.regex;

/** A regular expression that is wrong, or that no automaton can stand for. */
public final class RegexException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    RegexException(String message) {
        super(message);
    }
}

package io.millrace.gpu.sampling.grammar.regex;

/** A regular expression is invalid, or no automaton exists for it. */
public final class RegexException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    RegexException(String message) {
        super(message);
    }
}

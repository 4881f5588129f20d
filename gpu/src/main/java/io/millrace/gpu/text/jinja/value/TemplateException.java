package io.millrace.gpu.text.jinja.value;

/**
 * A chat template that cannot be parsed, or cannot render these messages. The message is one
 * sentence; it names the construct and, unless the template raised it, the line.
 */
public final class TemplateException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** What kind of error it is. */
    private enum Kind {
        ERROR,
        LIMIT,
        RAISED
    }

    private final String problem;
    private final Kind kind;
    private final int line;

    private TemplateException(String problem, Kind kind, int line) {
        super(
                kind != Kind.RAISED && line > 0
                        ? "chat template, line " + line + ": " + problem
                        : problem,
                null,
                false,
                true);
        this.problem = problem;
        this.kind = kind;
        this.line = line;
    }

    /** An error with its line. */
    public static TemplateException at(int line, String problem) {
        return new TemplateException(shortened(problem), Kind.ERROR, line);
    }

    /** An error whose line the renderer adds. */
    public static TemplateException of(String problem) {
        return new TemplateException(shortened(problem), Kind.ERROR, 0);
    }

    /** A limit of the rendering was reached; the renderer adds the line. */
    static TemplateException limit(String problem) {
        return new TemplateException(shortened(problem), Kind.LIMIT, 0);
    }

    /** The template called raise_exception. */
    public static TemplateException raisedBy(int line, String message) {
        return new TemplateException(shortened(message), Kind.RAISED, line);
    }

    public TemplateException withLine(int where) {
        return line > 0 ? this : new TemplateException(problem, kind, where);
    }

    /** The message without the line. */
    public String problem() {
        return problem;
    }

    /** Whether a limit of the rendering was reached. */
    public boolean isLimit() {
        return kind == Kind.LIMIT;
    }

    /** Whether the template itself refused the messages, by raise_exception. */
    public boolean isRaised() {
        return kind == Kind.RAISED;
    }

    /** The line of the template, from 1. */
    public int line() {
        return line;
    }

    /**
     * Shortens a message: names and values in it come from templates and requests, and may be huge.
     */
    private static String shortened(String problem) {
        return problem.length() <= 500 ? problem : problem.substring(0, 500) + "...";
    }
}

package io.millrace.gpu.text.jinja.value;

/**
 * A chat template that cannot be parsed, or cannot render these messages. The message is one
 * sentence; it names the construct and, unless the template raised it, the line.
 */
public final class TemplateException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final boolean raised;
    private final int line;

    private TemplateException(String message, boolean raised, int line) {
        super(message, null, false, true);
        this.raised = raised;
        this.line = line;
    }

    /** An error with its line. */
    public static TemplateException at(int line, String problem) {
        return new TemplateException(
                "chat template, line " + line + ": " + shortened(problem), false, line);
    }

    /** An error whose line the renderer adds. */
    public static TemplateException of(String problem) {
        return new TemplateException(shortened(problem), false, 0);
    }

    /** The template called raise_exception. */
    public static TemplateException raisedBy(int line, String message) {
        return new TemplateException(shortened(message), true, line);
    }

    public TemplateException withLine(int where) {
        return line > 0 ? this : at(where, getMessage());
    }

    /** Whether the template itself refused the messages, by raise_exception. */
    public boolean isRaised() {
        return raised;
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

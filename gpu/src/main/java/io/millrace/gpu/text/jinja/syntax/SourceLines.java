package io.millrace.gpu.text.jinja.syntax;

import io.millrace.gpu.text.jinja.value.TemplateException;

/** The line numbers of a template's source, counted once while it is read from left to right. */
final class SourceLines {
    private final String source;
    private int line = 1;
    private int counted;

    SourceLines(String source) {
        this.source = source;
    }

    /** The line of a position; of a position before the last one, the line of the last one. */
    int at(int position) {
        while (counted < position) {
            if (source.charAt(counted++) == '\n') {
                line++;
            }
        }
        return line;
    }

    /** The error at a position. */
    TemplateException problem(int position, String problem) {
        return TemplateException.at(at(position), problem);
    }
}

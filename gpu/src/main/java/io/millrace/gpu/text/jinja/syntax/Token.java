package io.millrace.gpu.text.jinja.syntax;

import io.millrace.gpu.text.jinja.value.PythonText;

/**
 * One piece of a template.
 *
 * @param kind what it is
 * @param text the text itself; of a string, what it stands for
 * @param line where it begins, from 1
 */
record Token(Kind kind, String text, int line) {

    enum Kind {
        DATA,
        PRINT_BEGIN,
        PRINT_END,
        BLOCK_BEGIN,
        BLOCK_END,
        NAME,
        STRING,
        INTEGER,
        FLOAT,
        OPERATOR,
        END
    }

    boolean is(Kind wanted, String value) {
        return kind == wanted && text.equals(value);
    }

    boolean isOperator(String value) {
        return is(Kind.OPERATOR, value);
    }

    boolean isName(String value) {
        return is(Kind.NAME, value);
    }

    /** For messages. */
    @Override
    public String toString() {
        return switch (kind) {
            case PRINT_BEGIN -> "'{{'";
            case PRINT_END -> "'}}'";
            case BLOCK_BEGIN -> "'{%'";
            case BLOCK_END -> "'%}'";
            case END -> "the end of the template";
            case STRING -> "the string " + PythonText.quoted(text);
            case DATA -> "text";
            default -> "'" + text + "'";
        };
    }
}

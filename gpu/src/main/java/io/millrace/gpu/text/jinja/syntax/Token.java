package io.millrace.gpu.text.jinja.syntax;

import io.millrace.gpu.text.jinja.value.PythonText;

/**
 * A token of a template.
 *
 * @param kind its kind
 * @param text the text; for a string, its value
 * @param line the line of its beginning, from 1
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

package io.millrace.gpu.text.jinja.syntax;

/** Reads one string literal of a template with Python's escapes. */
final class StringLiteral {
    private final String source;
    private final SourceLines lines;
    private final StringBuilder text = new StringBuilder();
    private int position;

    /**
     * @param start position of the quote that begins it
     */
    StringLiteral(String source, SourceLines lines, int start) {
        this.source = source;
        this.lines = lines;
        this.position = start;
        read();
    }

    /** The value of the literal. */
    String text() {
        return text.toString();
    }

    /** The position after the closing quote. */
    int end() {
        return position;
    }

    private void read() {
        int start = position;
        char quote = source.charAt(start);
        for (position++; position < source.length(); position++) {
            char c = source.charAt(position);
            if (c == quote) {
                position++;
                return;
            }
            if (c == '\\' && position + 1 < source.length()) {
                position++;
                escape();
            } else {
                text.append(c);
            }
        }
        throw lines.problem(start, "the string that begins with " + quote + " is not closed");
    }

    /** Reads an escape after its backslash; leaves the position at its last character. */
    private void escape() {
        char c = source.charAt(position);
        switch (c) {
            case 'n' -> text.append('\n');
            case 't' -> text.append('\t');
            case 'r' -> text.append('\r');
            case 'a' -> text.append('\u0007');
            case 'b' -> text.append('\b');
            case 'f' -> text.append('\f');
            case 'v' -> text.append('\u000B');
            case '\\', '\'', '"' -> text.append(c);
            case '\n' -> {}
            case 'x' -> hexadecimal(2);
            case 'u' -> hexadecimal(4);
            case 'U' -> hexadecimal(8);
            case 'N' -> throw lines.problem(position, "named characters, '\\N', are not supported");
            case '0', '1', '2', '3', '4', '5', '6', '7' -> {
                int value = 0;
                int end = Math.min(position + 3, source.length());
                while (position < end && Character.digit(source.charAt(position), 8) >= 0) {
                    value = value * 8 + Character.digit(source.charAt(position++), 8);
                }
                position--;
                text.append((char) value);
            }
            default -> text.append('\\').append(c);
        }
    }

    private void hexadecimal(int length) {
        int value = 0;
        for (int i = 1; i <= length; i++) {
            int at = position + i;
            int digit = at < source.length() ? hexadecimalDigit(source.charAt(at)) : -1;
            if (digit < 0 || value > Character.MAX_CODE_POINT >> 4) {
                throw lines.problem(
                        position,
                        "'\\" + source.charAt(position) + "' wants " + length + " hex digits");
            }
            value = value * 16 + digit;
        }
        if (value > Character.MAX_CODE_POINT) {
            throw lines.problem(position, "there is no character " + Integer.toHexString(value));
        }
        text.appendCodePoint(value);
        position += length;
    }

    private static int hexadecimalDigit(char c) {
        return c < 128 ? Character.digit(c, 16) : -1;
    }
}

package io.millrace.gpu.text.jinja.syntax;

import io.millrace.gpu.text.jinja.syntax.Token.Kind;
import io.millrace.gpu.text.jinja.value.PythonText;
import io.millrace.gpu.text.jinja.value.TemplateException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/**
 * Splits a template into tokens, with trim_blocks and lstrip_blocks on, as chat templates require.
 *
 * <pre>
 *   text  {%- ... -%}  text     a minus strips all white space on its side
 *   text  {%+ ... +%}  text     a plus keeps it
 *   text  {%  ...  %}\n         else: a line's indent before a block or comment goes (not before {{),
 *                               and so does the one line end behind it
 * </pre>
 */
final class Lexer {
    private static final String[] OPERATORS = {
        "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{",
        "}", ">", "<", "=", ".", ":", "|", ",", ";"
    };

    private final String source;
    private final SourceLines lines;
    private final List<Token> tokens = new ArrayList<>();
    private int position;

    private Lexer(String source) {
        this.source = source;
        this.lines = new SourceLines(source);
    }

    static List<Token> tokens(String source) {
        String lines = source.replace("\r\n", "\n").replace('\r', '\n');
        if (lines.endsWith("\n")) {
            lines = lines.substring(0, lines.length() - 1);
        }
        Lexer lexer = new Lexer(lines);
        lexer.run();
        return lexer.tokens;
    }

    private void run() {
        while (true) {
            int tag = nextTag(position);
            if (tag < 0) {
                data(position, source.length());
                position = source.length();
                add(Kind.END, "");
                return;
            }
            text(tag);
            switch (source.charAt(tag + 1)) {
                case '#' -> comment();
                case '{' -> expression(Kind.PRINT_BEGIN, Kind.PRINT_END, "}}", false);
                default -> {
                    if (!raw()) {
                        expression(Kind.BLOCK_BEGIN, Kind.BLOCK_END, "%}", true);
                    }
                }
            }
        }
    }

    private int nextTag(int from) {
        for (int at = source.indexOf('{', from); at >= 0; at = source.indexOf('{', at + 1)) {
            if (at + 1 < source.length() && "{%#".indexOf(source.charAt(at + 1)) >= 0) {
                return at;
            }
        }
        return -1;
    }

    /** Adds the text up to a tag, stripped by its signs, and moves to the tag. */
    private void text(int tag) {
        int start = position;
        int end = tag;
        char sign = tag + 2 < source.length() ? source.charAt(tag + 2) : ' ';
        if (sign == '-') {
            while (end > start && PythonText.isSpace(source.charAt(end - 1))) {
                end--;
            }
        } else if (sign != '+' && source.charAt(tag + 1) != '{') {
            int indent = tag;
            while (indent > start && isIndent(source.charAt(indent - 1))) {
                indent--;
            }
            if (indent == 0 || source.charAt(indent - 1) == '\n') {
                end = indent;
            }
        }
        data(start, end);
        position = tag;
    }

    private static boolean isIndent(char c) {
        return c != '\n' && PythonText.isSpace(c);
    }

    private void data(int start, int end) {
        if (end > start) {
            tokens.add(new Token(Kind.DATA, source.substring(start, end), lines.at(start)));
        }
    }

    private void comment() {
        int opened = lines.at(position);
        skipOpening();
        int end = source.indexOf("#}", position);
        if (end < 0) {
            throw TemplateException.at(opened, "the comment '{#' is not closed");
        }
        char sign = end > position ? source.charAt(end - 1) : ' ';
        position = end + 2;
        closing(sign, true);
    }

    /** Skips the two characters of an opening tag and its sign. */
    private void skipOpening() {
        position += 2;
        if (position < source.length() && "+-".indexOf(source.charAt(position)) >= 0) {
            position++;
        }
    }

    /** Skips the white space that a closed tag strips. */
    private void closing(char sign, boolean trimsLine) {
        if (sign == '-') {
            skipSpace();
        } else if (sign != '+'
                && trimsLine
                && position < source.length()
                && source.charAt(position) == '\n') {
            position++;
        }
    }

    private void skipSpace() {
        while (position < source.length() && PythonText.isSpace(source.charAt(position))) {
            position++;
        }
    }

    /** Reads {% raw %} to its end, if it is at this position. */
    private boolean raw() {
        int opened = lines.at(position);
        int back = position;
        if (!keywordTag("raw")) {
            return false;
        }
        closing(source.charAt(position - 3), false);
        int start = position;
        for (int tag = source.indexOf("{%", start); tag >= 0; tag = source.indexOf("{%", tag + 1)) {
            position = tag;
            if (keywordTag("endraw")) {
                int behind = position;
                position = start;
                text(tag);
                position = behind;
                closing(source.charAt(position - 3), true);
                return true;
            }
        }
        position = back;
        throw TemplateException.at(opened, "'{% raw %}' is not closed by '{% endraw %}'");
    }

    /** Skips a tag that consists of one keyword, with its '%}'. */
    private boolean keywordTag(String keyword) {
        int back = position;
        skipOpening();
        skipSpace();
        if (source.startsWith(keyword, position)) {
            position += keyword.length();
            skipSpace();
            boolean signed =
                    source.startsWith("-%}", position)
                            || (source.startsWith("+%}", position) && keyword.startsWith("end"));
            if (signed || source.startsWith("%}", position)) {
                position += signed ? 3 : 2;
                return true;
            }
        }
        position = back;
        return false;
    }

    private void expression(Kind begin, Kind end, String close, boolean isBlock) {
        int opened = lines.at(position);
        add(begin, "");
        skipOpening();
        Deque<Character> brackets = new ArrayDeque<>();
        while (true) {
            skipSpace();
            if (position >= source.length()) {
                throw TemplateException.at(opened, notClosed(begin));
            }
            if (brackets.isEmpty()) {
                char sign = source.charAt(position);
                boolean signed =
                        (sign == '-' || (sign == '+' && isBlock))
                                && source.startsWith(close, position + 1);
                if (signed || source.startsWith(close, position)) {
                    add(end, "");
                    position += signed ? 3 : 2;
                    closing(signed ? sign : ' ', isBlock);
                    return;
                }
            }
            token(brackets);
        }
    }

    private static String notClosed(Kind begin) {
        return begin == Kind.PRINT_BEGIN ? "'{{' is not closed" : "'{%' is not closed";
    }

    private void token(Deque<Character> brackets) {
        char c = source.charAt(position);
        int codePoint = source.codePointAt(position);
        if (c >= '0' && c <= '9') {
            number();
        } else if (Character.isUnicodeIdentifierStart(codePoint) || c == '_') {
            int start = position;
            while (position < source.length()
                    && Character.isUnicodeIdentifierPart(source.codePointAt(position))
                    && !Character.isIdentifierIgnorable(source.codePointAt(position))) {
                position += Character.charCount(source.codePointAt(position));
            }
            addAt(Kind.NAME, source.substring(start, position), start);
        } else if (c == '\'' || c == '"') {
            StringLiteral literal = new StringLiteral(source, lines, position);
            addAt(Kind.STRING, literal.text(), position);
            position = literal.end();
        } else {
            for (String operator : OPERATORS) {
                if (source.startsWith(operator, position)) {
                    balance(operator.charAt(0), brackets);
                    add(Kind.OPERATOR, operator);
                    position += operator.length();
                    return;
                }
            }
            throw problem("unexpected character '" + Character.toString(codePoint) + "'");
        }
    }

    private void balance(char c, Deque<Character> brackets) {
        switch (c) {
            case '{' -> brackets.push('}');
            case '(' -> brackets.push(')');
            case '[' -> brackets.push(']');
            case '}', ')', ']' -> {
                if (brackets.isEmpty()) {
                    throw problem("unexpected '" + c + "'");
                }
                char expected = brackets.pop();
                if (expected != c) {
                    throw problem("unexpected '" + c + "', expected '" + expected + "'");
                }
            }
            default -> {}
        }
    }

    /**
     * The position after digits with single underscores between them; {@code from} if there are
     * none.
     */
    private int digits(int from) {
        int at = from;
        while (isDigit(at) || (at > from && isCharacter(at, '_') && isDigit(at + 1))) {
            at++;
        }
        return at;
    }

    private boolean isDigit(int at) {
        return at < source.length() && source.charAt(at) >= '0' && source.charAt(at) <= '9';
    }

    private boolean isCharacter(int at, char c) {
        return at < source.length() && source.charAt(at) == c;
    }

    private void number() {
        int start = position;
        int end = digits(start);
        boolean isFloat = false;
        // After a dot a number is an index: list.0.1 has no 0.1.
        if (start == 0 || source.charAt(start - 1) != '.') {
            if (isCharacter(end, '.') && isDigit(end + 1)) {
                end = digits(end + 1);
                isFloat = true;
            }
            if (isCharacter(end, 'e') || isCharacter(end, 'E')) {
                int sign = isCharacter(end + 1, '+') || isCharacter(end + 1, '-') ? 1 : 0;
                if (isDigit(end + 1 + sign)) {
                    end = digits(end + 1 + sign);
                    isFloat = true;
                }
            }
        }
        position = end;
        String text = source.substring(start, end);
        boolean zeros = text.chars().allMatch(c -> c == '0' || c == '_');
        if (!isFloat && text.length() > 1 && text.charAt(0) == '0' && !zeros) {
            throw problem("the number " + text + " begins with a zero");
        }
        addAt(isFloat ? Kind.FLOAT : Kind.INTEGER, text.replace("_", ""), start);
    }

    private void add(Kind kind, String text) {
        addAt(kind, text, position);
    }

    private void addAt(Kind kind, String text, int at) {
        tokens.add(new Token(kind, text, lines.at(at)));
    }

    private TemplateException problem(String problem) {
        return lines.problem(position, problem);
    }
}

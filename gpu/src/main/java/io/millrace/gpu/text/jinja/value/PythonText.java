package io.millrace.gpu.text.jinja.value;

import java.util.Locale;

/**
 * Python's string functions: characters are code points, white space is Unicode's, and a string in
 * a list has quotes.
 */
public final class PythonText {
    private PythonText() {}

    public static boolean isSpace(int c) {
        return switch (c) {
            case ' ',
                    '\t',
                    '\n',
                    0x0B,
                    '\f',
                    '\r',
                    0x1C,
                    0x1D,
                    0x1E,
                    0x1F,
                    0x85,
                    0xA0,
                    0x1680,
                    0x2028,
                    0x2029,
                    0x202F,
                    0x205F,
                    0x3000 ->
                    true;
            default -> c >= 0x2000 && c <= 0x200A;
        };
    }

    public static boolean isLineEnd(int c) {
        return (c >= '\n' && c <= '\r')
                || (c >= 0x1C && c <= 0x1E)
                || c == 0x85
                || c == 0x2028
                || c == 0x2029;
    }

    public static int length(String text) {
        return text.codePointCount(0, text.length());
    }

    /** Java's index of a code point, from 0 to the length. */
    public static int offset(String text, int codePoint) {
        return length(text) == text.length() ? codePoint : text.offsetByCodePoints(0, codePoint);
    }

    public static String slice(String text, int start, int stop) {
        return start >= stop ? "" : text.substring(offset(text, start), offset(text, stop));
    }

    /** Strips the characters of a set (null: white space) on the given sides. */
    public static String strip(String text, String characters, boolean left, boolean right) {
        int start = 0;
        int end = text.length();
        while (left && start < end && isIn(text.codePointAt(start), characters)) {
            start += Character.charCount(text.codePointAt(start));
        }
        while (right && end > start && isIn(text.codePointBefore(end), characters)) {
            end -= Character.charCount(text.codePointBefore(end));
        }
        return text.substring(start, end);
    }

    private static boolean isIn(int c, String characters) {
        return characters == null ? isSpace(c) : characters.indexOf(c) >= 0;
    }

    public static String capitalize(String text) {
        if (text.isEmpty()) {
            return text;
        }
        int first = Character.charCount(text.codePointAt(0));
        return titled(text.substring(0, first)) + lower(text.substring(first));
    }

    /** Each run of cased letters begins with a capital. */
    public static String title(String text) {
        StringBuilder result = new StringBuilder(text.length());
        boolean inWord = false;
        for (int at = 0; at < text.length(); ) {
            int c = text.codePointAt(at);
            String one = Character.toString(c);
            result.append(inWord ? lowered(text, at, one) : titled(one));
            inWord = isCased(c);
            at += Character.charCount(c);
        }
        return result.toString();
    }

    /** A character in title case; if it becomes several characters, only the first is a capital. */
    private static String titled(String one) {
        String upper = upper(one);
        if (upper.length() == one.length()) {
            return Character.toString(Character.toTitleCase(one.codePointAt(0)));
        }
        int capital = 0;
        while (capital < upper.length() - 1 && !isCased(upper.charAt(capital))) {
            capital++;
        }
        return upper.substring(0, capital + 1) + lower(upper.substring(capital + 1));
    }

    /** A character in lower case, with the final form of a sigma that ends a word. */
    private static String lowered(String text, int at, String one) {
        int next = at + one.length();
        boolean endsWord =
                at > 0
                        && Character.isLetter(text.codePointBefore(at))
                        && (next == text.length() || !Character.isLetter(text.codePointAt(next)));
        return one.charAt(0) == '\u03A3' && endsWord ? "\u03C2" : lower(one);
    }

    public static boolean isCased(int c) {
        return Character.isUpperCase(c) || Character.isLowerCase(c) || Character.isTitleCase(c);
    }

    public static String lower(String text) {
        return text.toLowerCase(Locale.ROOT);
    }

    public static String upper(String text) {
        return text.toUpperCase(Locale.ROOT);
    }

    public static String swapCase(String text) {
        StringBuilder result = new StringBuilder(text.length());
        for (int at = 0; at < text.length(); ) {
            String one = Character.toString(text.codePointAt(at));
            boolean isUpper = Character.isUpperCase(text.codePointAt(at));
            result.append(isUpper ? lowered(text, at, one) : upper(one));
            at += one.length();
        }
        return result.toString();
    }

    /** Python's repr of a string. */
    public static String quoted(String text) {
        char quote = text.indexOf('\'') >= 0 && text.indexOf('"') < 0 ? '"' : '\'';
        StringBuilder result = new StringBuilder(text.length() + 2).append(quote);
        text.codePoints().forEach(c -> quoteOne(c, quote, result));
        return result.append(quote).toString();
    }

    private static void quoteOne(int c, char quote, StringBuilder result) {
        if (c == quote || c == '\\') {
            result.append('\\').appendCodePoint(c);
        } else if (c == '\n') {
            result.append("\\n");
        } else if (c == '\r') {
            result.append("\\r");
        } else if (c == '\t') {
            result.append("\\t");
        } else if (isPrintable(c)) {
            result.appendCodePoint(c);
        } else if (c < 0x100) {
            result.append(String.format("\\x%02x", c));
        } else if (c < 0x10000) {
            result.append(String.format("\\u%04x", c));
        } else {
            result.append(String.format("\\U%08x", c));
        }
    }

    private static boolean isPrintable(int c) {
        return switch (Character.getType(c)) {
            case Character.CONTROL,
                    Character.FORMAT,
                    Character.SURROGATE,
                    Character.PRIVATE_USE,
                    Character.UNASSIGNED,
                    Character.LINE_SEPARATOR,
                    Character.PARAGRAPH_SEPARATOR ->
                    false;
            case Character.SPACE_SEPARATOR -> c == ' ';
            default -> true;
        };
    }

    /** Compares by code points, whose order differs from Java's for surrogates. */
    static int compare(String a, String b) {
        int shorter = Math.min(a.length(), b.length());
        for (int i = 0; i < shorter; i++) {
            char left = a.charAt(i);
            char right = b.charAt(i);
            if (left != right) {
                boolean leftHigh = Character.isSurrogate(left);
                boolean rightHigh = Character.isSurrogate(right);
                return leftHigh == rightHigh ? left - right : leftHigh ? 1 : -1;
            }
        }
        return a.length() - b.length();
    }

    /** The result of the filter escape. */
    public static String escaped(String text) {
        StringBuilder result = new StringBuilder(text.length() + 16);
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            switch (c) {
                case '&' -> result.append("&amp;");
                case '<' -> result.append("&lt;");
                case '>' -> result.append("&gt;");
                case '\'' -> result.append("&#39;");
                case '"' -> result.append("&#34;");
                default -> result.append(c);
            }
        }
        return result.toString();
    }
}

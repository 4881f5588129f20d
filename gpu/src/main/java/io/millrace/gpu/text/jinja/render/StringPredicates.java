package io.millrace.gpu.text.jinja.render;

import io.millrace.gpu.text.jinja.value.PythonText;
import io.millrace.gpu.text.jinja.value.TemplateException;
import java.util.function.IntPredicate;

/** Python's string predicates: isalpha and similar methods. */
final class StringPredicates {
    private StringPredicates() {}

    /** The result of the predicate of a name for a text. */
    static boolean is(String name, String text) {
        return switch (name) {
            case "isalpha" -> all(text, Character::isLetter);
            case "isdecimal" -> all(text, Character::isDigit);
            case "isdigit" -> all(text, c -> Character.isDigit(c) || isSuperscript(c));
            case "isnumeric" -> all(text, StringPredicates::isNumeric);
            case "isalnum" -> all(text, c -> Character.isLetter(c) || isNumeric(c));
            case "isspace" -> all(text, PythonText::isSpace);
            case "isascii" -> text.chars().allMatch(c -> c < 128);
            case "isupper" ->
                    text.codePoints().anyMatch(PythonText::isCased)
                            && text.codePoints()
                                    .noneMatch(
                                            c ->
                                                    PythonText.isCased(c)
                                                            && !Character.isUpperCase(c));
            case "islower" ->
                    text.codePoints().anyMatch(PythonText::isCased)
                            && text.codePoints()
                                    .noneMatch(
                                            c ->
                                                    PythonText.isCased(c)
                                                            && !Character.isLowerCase(c));
            default -> throw TemplateException.of("strings have no method " + name);
        };
    }

    private static boolean all(String text, IntPredicate predicate) {
        return !text.isEmpty() && text.codePoints().allMatch(predicate);
    }

    private static boolean isNumeric(int c) {
        int type = Character.getType(c);
        return type == Character.DECIMAL_DIGIT_NUMBER
                || type == Character.LETTER_NUMBER
                || type == Character.OTHER_NUMBER;
    }

    private static boolean isSuperscript(int c) {
        return c == 0xB2 || c == 0xB3 || c == 0xB9 || c == 0x2070 || (c >= 0x2074 && c <= 0x2079);
    }
}

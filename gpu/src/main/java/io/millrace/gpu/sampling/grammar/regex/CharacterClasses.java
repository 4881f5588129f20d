package io.millrace.gpu.sampling.grammar.regex;

import io.millrace.gpu.sampling.grammar.automaton.CharSet;
import java.util.Locale;
import java.util.function.IntPredicate;

/** The named character classes of ECMA-262. */
final class CharacterClasses {
    private static final CharSet LINE_ENDS = CharSet.of("\n\r\u2028\u2029");

    /** All characters but line terminators. */
    static final CharSet DOT = LINE_ENDS.not();

    private static final CharSet DIGIT = CharSet.of('0', '9');
    private static final CharSet WORD =
            DIGIT.or(CharSet.of('a', 'z')).or(CharSet.of('A', 'Z')).or(CharSet.of("_"));

    /** White space and line terminators, including U+00A0 and U+FEFF. */
    private static final CharSet SPACE =
            LINE_ENDS
                    .or(CharSet.of("\t\u000B\f \u00A0\u1680\u202F\u205F\u3000\uFEFF"))
                    .or(CharSet.of(0x2000, 0x200A));

    private CharacterClasses() {}

    /** The class of an escape such as {@code \d}; null if the letter names none. */
    static CharSet ofEscape(int letter) {
        return switch (letter) {
            case 'd' -> DIGIT;
            case 'D' -> DIGIT.not();
            case 'w' -> WORD;
            case 'W' -> WORD.not();
            case 's' -> SPACE;
            case 'S' -> SPACE.not();
            case 't' -> CharSet.of("\t");
            case 'n' -> CharSet.of("\n");
            case 'v' -> CharSet.of("\u000B");
            case 'f' -> CharSet.of("\f");
            case 'r' -> CharSet.of("\r");
            default -> null;
        };
    }

    /**
     * The characters of a general category, given by its short or long name.
     *
     * @throws RegexException another property, which is not supported
     */
    static CharSet ofProperty(String name) {
        String category = name;
        for (String prefix : new String[] {"General_Category=", "gc="}) {
            if (category.startsWith(prefix)) {
                category = category.substring(prefix.length());
            }
        }
        return switch (category) {
            case "L", "Letter" -> where(Character::isLetter);
            case "Lu", "Uppercase_Letter" -> ofType(Character.UPPERCASE_LETTER);
            case "Ll", "Lowercase_Letter" -> ofType(Character.LOWERCASE_LETTER);
            case "Lt", "Titlecase_Letter" -> ofType(Character.TITLECASE_LETTER);
            case "Lm", "Modifier_Letter" -> ofType(Character.MODIFIER_LETTER);
            case "Lo", "Other_Letter" -> ofType(Character.OTHER_LETTER);
            case "N", "Number" ->
                    ofType(
                            Character.DECIMAL_DIGIT_NUMBER,
                            Character.LETTER_NUMBER,
                            Character.OTHER_NUMBER);
            case "Nd", "Decimal_Number", "digit" -> ofType(Character.DECIMAL_DIGIT_NUMBER);
            case "M", "Mark" ->
                    ofType(
                            Character.NON_SPACING_MARK,
                            Character.COMBINING_SPACING_MARK,
                            Character.ENCLOSING_MARK);
            case "P", "Punctuation", "punct" ->
                    ofType(
                            Character.DASH_PUNCTUATION,
                            Character.START_PUNCTUATION,
                            Character.END_PUNCTUATION,
                            Character.CONNECTOR_PUNCTUATION,
                            Character.OTHER_PUNCTUATION,
                            Character.INITIAL_QUOTE_PUNCTUATION,
                            Character.FINAL_QUOTE_PUNCTUATION);
            case "S", "Symbol" ->
                    ofType(
                            Character.MATH_SYMBOL,
                            Character.CURRENCY_SYMBOL,
                            Character.MODIFIER_SYMBOL,
                            Character.OTHER_SYMBOL);
            case "Z", "Separator" ->
                    ofType(
                            Character.SPACE_SEPARATOR,
                            Character.LINE_SEPARATOR,
                            Character.PARAGRAPH_SEPARATOR);
            case "ASCII" -> CharSet.of(0, 127);
            case "Any" -> CharSet.ALL;
            default ->
                    throw new RegexException(
                            String.format(Locale.ROOT, "\\p{%s} is not supported", name));
        };
    }

    private static CharSet ofType(int... types) {
        long wanted = 0;
        for (int type : types) {
            wanted |= 1L << type;
        }
        long mask = wanted;
        return where(c -> (mask >> Character.getType(c) & 1) != 0);
    }

    private static CharSet where(IntPredicate has) {
        CharSet.Builder set = new CharSet.Builder();
        for (int c = 0; c <= CharSet.LARGEST; c++) {
            int first = c;
            while (c <= CharSet.LARGEST && has.test(c)) {
                c++;
            }
            if (c > first) {
                set.add(first, c - 1);
            }
        }
        return set.build();
    }
}

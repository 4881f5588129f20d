package io.millrace.gpu.sampling.grammar.regex;

import io.millrace.gpu.sampling.grammar.automaton.Budget;
import io.millrace.gpu.sampling.grammar.automaton.CharSet;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Parses a regular expression of ECMA-262 by code points (the {@code u} flag), with the identity
 * escapes that annex B allows.
 */
final class RegexParser {
    private static final int MAX_DEPTH = 200;
    private static final int MAX_COUNT = 100_000;

    private final int[] text;
    private final Budget budget;
    private final Map<String, CharSet> properties = new HashMap<>();
    private int at;
    private int depth;

    RegexParser(String pattern, Budget budget) {
        this.budget = budget;
        text = pattern.codePoints().toArray();
    }

    /**
     * @throws RegexException the pattern is invalid, or uses a lookbehind or a back reference
     */
    RegexNode parse() {
        RegexNode all = choice();
        if (at < text.length) {
            throw new RegexException("')' at %d closes nothing".formatted(at));
        }
        return all;
    }

    private RegexNode choice() {
        if (++depth > MAX_DEPTH) {
            throw new RegexException("groups are nested deeper than " + MAX_DEPTH);
        }
        List<RegexNode> options = new ArrayList<>();
        options.add(sequence());
        while (take('|')) {
            options.add(sequence());
        }
        depth--;
        return options.size() == 1 ? options.get(0) : new RegexNode.Choice(options);
    }

    private RegexNode sequence() {
        List<RegexNode> parts = new ArrayList<>();
        while (at < text.length && text[at] != '|' && text[at] != ')') {
            parts.add(term());
        }
        return parts.size() == 1 ? parts.get(0) : new RegexNode.Sequence(parts);
    }

    private RegexNode term() {
        int begin = at;
        RegexNode atom = atom();
        int[] count = count();
        if (count == null) {
            return atom;
        }
        boolean assertion =
                text[begin] == '^' || text[begin] == '$' || atom instanceof RegexNode.Lookahead;
        if (assertion) {
            throw new RegexException("the assertion at %d is repeated".formatted(begin));
        }
        take('?'); // A lazy quantifier matches the same texts.
        return new RegexNode.Repeat(atom, count[0], count[1]);
    }

    /** Minimum and maximum of a quantifier; null if there is none. */
    private int[] count() {
        if (at == text.length) {
            return null;
        }
        switch (text[at]) {
            case '*':
                at++;
                return new int[] {0, -1};
            case '+':
                at++;
                return new int[] {1, -1};
            case '?':
                at++;
                return new int[] {0, 1};
            case '{':
                return braces();
            default:
                return null;
        }
    }

    private int[] braces() {
        int begin = at++;
        int least = number();
        int most = least;
        if (least >= 0 && take(',')) {
            most = at < text.length && text[at] == '}' ? -1 : number();
            if (most == -2) {
                least = -2;
            }
        }
        if (least < 0 || !take('}')) {
            at = begin; // The brace is a literal character.
            return null;
        }
        if (most >= 0 && most < least) {
            throw new RegexException("the count at %d ends before it begins".formatted(begin));
        }
        return new int[] {least, most};
    }

    /** A decimal number; -2 if there is none. */
    private int number() {
        long number = -2;
        while (at < text.length && text[at] >= '0' && text[at] <= '9') {
            number = Math.max(number, 0) * 10 + text[at++] - '0';
            if (number > MAX_COUNT) {
                throw new RegexException("a count is larger than " + MAX_COUNT);
            }
        }
        return (int) number;
    }

    private RegexNode atom() {
        int c = text[at++];
        switch (c) {
            case '^':
                return new RegexNode.Start();
            case '$':
                return new RegexNode.End();
            case '.':
                return new RegexNode.Characters(CharacterClasses.DOT);
            case '(':
                return group();
            case '[':
                return new RegexNode.Characters(brackets());
            case '\\':
                return new RegexNode.Characters(escape(false));
            case '*', '+', '?':
                throw new RegexException("'%c' at %d repeats nothing".formatted(c, at - 1));
            default:
                return new RegexNode.Characters(CharSet.of(c, c));
        }
    }

    private RegexNode group() {
        int begin = at - 1;
        RegexNode body;
        if (!take('?')) {
            body = choice();
        } else if (take(':')) {
            body = choice();
        } else if (take('=')) {
            body = new RegexNode.Lookahead(choice(), false);
        } else if (take('!')) {
            body = new RegexNode.Lookahead(choice(), true);
        } else if (take('<') && at < text.length && text[at] != '=' && text[at] != '!') {
            while (at < text.length && text[at] != '>') {
                at++;
            }
            if (!take('>')) {
                throw new RegexException("the group's name at %d does not end".formatted(begin));
            }
            body = choice();
        } else {
            throw new RegexException(
                    "the kind of the group at %d is not supported".formatted(begin));
        }
        if (!take(')')) {
            throw new RegexException("the group at %d does not end".formatted(begin));
        }
        return body;
    }

    private CharSet brackets() {
        int begin = at - 1;
        boolean negated = take('^');
        CharSet set = CharSet.NONE;
        while (at < text.length && text[at] != ']') {
            int from = at;
            CharSet first = classAtom();
            boolean range = at + 1 < text.length && text[at] == '-' && text[at + 1] != ']';
            if (range && isOne(first)) {
                int back = at++;
                CharSet last = classAtom();
                if (isOne(last)) {
                    if (last.first(0) < first.first(0)) {
                        throw new RegexException(
                                "the range at %d ends before it begins".formatted(from));
                    }
                    first = CharSet.of(first.first(0), last.first(0));
                } else {
                    at = back; // The hyphen before a class is a literal character.
                }
            }
            budget.spend(set.ranges() + first.ranges());
            set = set.or(first);
        }
        if (!take(']')) {
            throw new RegexException("the class at %d does not end".formatted(begin));
        }
        return negated ? set.not() : set;
    }

    private static boolean isOne(CharSet set) {
        return set.ranges() == 1 && set.first(0) == set.last(0);
    }

    private CharSet classAtom() {
        int c = text[at++];
        return c == '\\' ? escape(true) : CharSet.of(c, c);
    }

    private CharSet escape(boolean inClass) {
        if (at == text.length) {
            throw new RegexException("it ends with a backslash");
        }
        int c = text[at++];
        CharSet named = CharacterClasses.ofEscape(c);
        if (named != null) {
            return named;
        }
        return switch (c) {
            case 'p', 'P' -> property(c == 'P');
            case 'x' -> one(hex(2));
            case 'u' -> one(unicode());
            case 'c' -> one(control());
            case 'b' -> {
                if (!inClass) {
                    throw new RegexException("\\b is not supported");
                }
                yield one('\b');
            }
            case '0' -> one(0);
            default -> {
                if (c < 128 && Character.isLetterOrDigit(c)) {
                    throw new RegexException("\\%c is not supported".formatted(c));
                }
                yield one(c);
            }
        };
    }

    private static CharSet one(int c) {
        return CharSet.of(c, c);
    }

    private int control() {
        if (at == text.length || !Character.isLetter(text[at]) || text[at] >= 128) {
            throw new RegexException("\\c needs a letter");
        }
        return text[at++] % 32;
    }

    private int hex(int digits) {
        int value = 0;
        for (int i = 0; i < digits; i++) {
            int digit = at < text.length ? Character.digit(text[at], 16) : -1;
            if (digit < 0) {
                throw new RegexException(
                        "%d hexadecimal digits are needed at %d".formatted(digits, at));
            }
            value = 16 * value + digit;
            at++;
        }
        return value;
    }

    private int unicode() {
        if (take('{')) {
            int value = 0;
            while (at < text.length && text[at] != '}' && value <= CharSet.LARGEST) {
                value = 16 * value + hex(1);
            }
            if (!take('}') || value > CharSet.LARGEST) {
                throw new RegexException("\\u{} is not a character");
            }
            return value;
        }
        int first = hex(4);
        boolean pair =
                Character.isHighSurrogate((char) first)
                        && at + 1 < text.length
                        && text[at] == '\\'
                        && text[at + 1] == 'u';
        if (pair) {
            int back = at;
            at += 2;
            int second = hex(4);
            if (Character.isLowSurrogate((char) second)) {
                return Character.toCodePoint((char) first, (char) second);
            }
            at = back;
        }
        return first;
    }

    private CharSet property(boolean negated) {
        StringBuilder name = new StringBuilder();
        if (!take('{')) {
            throw new RegexException("\\p needs a name in braces");
        }
        while (at < text.length && text[at] != '}') {
            name.appendCodePoint(text[at++]);
        }
        if (!take('}')) {
            throw new RegexException("\\p{%s does not end".formatted(name));
        }
        CharSet set = properties.get(name.toString());
        if (set == null) {
            budget.spend(CharSet.LARGEST);
            set = CharacterClasses.ofProperty(name.toString());
            properties.put(name.toString(), set);
        }
        return negated ? set.not() : set;
    }

    private boolean take(int c) {
        if (at < text.length && text[at] == c) {
            at++;
            return true;
        }
        return false;
    }
}

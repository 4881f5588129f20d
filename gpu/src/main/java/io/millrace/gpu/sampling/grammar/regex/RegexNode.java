package io.millrace.gpu.sampling.grammar.regex;

import io.millrace.gpu.sampling.grammar.automaton.CharSet;
import java.util.List;

/** A node of a regular expression's syntax tree. */
sealed interface RegexNode {
    /** One character. */
    record Characters(CharSet set) implements RegexNode {}

    /** A concatenation; the empty one matches the empty text. */
    record Sequence(List<RegexNode> parts) implements RegexNode {}

    record Choice(List<RegexNode> options) implements RegexNode {}

    /**
     * @param most -1 for any number
     */
    record Repeat(RegexNode body, int least, int most) implements RegexNode {}

    record Start() implements RegexNode {}

    record End() implements RegexNode {}

    /** Requires that the rest of the text begins with the body, or does not. */
    record Lookahead(RegexNode body, boolean negative) implements RegexNode {}
}

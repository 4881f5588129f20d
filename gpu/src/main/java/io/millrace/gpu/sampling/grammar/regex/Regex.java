package io.millrace.gpu.sampling.grammar.regex;

import io.millrace.gpu.sampling.grammar.automaton.AutomatonTooLargeException;
import io.millrace.gpu.sampling.grammar.automaton.Budget;
import io.millrace.gpu.sampling.grammar.automaton.CharDfa;
import io.millrace.gpu.sampling.grammar.automaton.CharNfa;
import io.millrace.gpu.sampling.grammar.automaton.CharNfa.Where;
import io.millrace.gpu.sampling.grammar.automaton.CharSet;
import java.util.List;

/**
 * Compiles a regular expression of ECMA-262 to an automaton. A lookahead is an intersection with
 * the rest of the expression, and is not supported within a repeated group.
 */
public final class Regex {
    /** Steps per part of a sequence with lookaheads, whose options repeat the rest. */
    private static final int PART_STEPS = 100;

    private final Budget budget;

    private Regex(Budget budget) {
        this.budget = budget;
    }

    /**
     * The texts that contain a match of the pattern, as JSON Schema defines {@code pattern}.
     *
     * @param budget limits all automata of the compilation together
     * @throws RegexException the pattern is invalid or not regular
     * @throws AutomatonTooLargeException the budget is exceeded
     */
    public static CharDfa search(String pattern, Budget budget) {
        RegexNode node = new RegexParser(pattern, budget).parse();
        RegexNode any = new RegexNode.Repeat(new RegexNode.Characters(CharSet.ALL), 0, -1);
        return new Regex(budget).automaton(List.of(any, node, any));
    }

    /** The texts that the pattern matches as a whole. */
    public static CharDfa match(String pattern, Budget budget) {
        return new Regex(budget).automaton(List.of(new RegexParser(pattern, budget).parse()));
    }

    private CharDfa automaton(List<RegexNode> parts) {
        CharNfa nfa = new CharNfa(budget);
        int first = nfa.state();
        nfa.jump(nfa.start(), Where.ANYWHERE, first);
        int end = nfa.state();
        nfa.accept(end);
        // A lookahead is intersected with the rest of the whole expression, so sequences and
        // choices around it are flattened, which makes their rest known.
        top(nfa, flattened(parts), first, end);
        return nfa.determinize();
    }

    private static List<RegexNode> flattened(List<RegexNode> parts) {
        return parts.stream()
                .flatMap(
                        part ->
                                part instanceof RegexNode.Sequence sequence
                                        ? flattened(sequence.parts()).stream()
                                        : java.util.stream.Stream.of(part))
                .toList();
    }

    /** Adds a sequence that ends where the text ends; it can contain lookaheads. */
    private void top(CharNfa nfa, List<RegexNode> parts, int from, int end) {
        budget.spend(PART_STEPS * (parts.size() + 1L));
        int state = from;
        for (int i = 0; i < parts.size(); i++) {
            RegexNode part = parts.get(i);
            List<RegexNode> rest = parts.subList(i + 1, parts.size());
            if (part instanceof RegexNode.Lookahead lookahead) {
                if (hasStart(rest) || hasStart(List.of(lookahead.body()))) {
                    throw new RegexException("'^' in or after a lookahead is not supported");
                }
                nfa.embed(state, lookahead(lookahead, rest), end);
                return;
            }
            if (part instanceof RegexNode.Choice choice && hasLookahead(choice)) {
                for (RegexNode option : choice.options()) {
                    List<RegexNode> whole =
                            java.util.stream.Stream.concat(
                                            flattened(List.of(option)).stream(), rest.stream())
                                    .toList();
                    top(nfa, whole, state, end);
                }
                return;
            }
            int next = i + 1 == parts.size() ? end : nfa.state();
            add(nfa, part, state, next);
            state = next;
        }
        if (parts.isEmpty()) {
            nfa.jump(from, Where.ANYWHERE, end);
        }
    }

    private CharDfa lookahead(RegexNode.Lookahead lookahead, List<RegexNode> rest) {
        RegexNode any = new RegexNode.Repeat(new RegexNode.Characters(CharSet.ALL), 0, -1);
        CharDfa follows = automaton(rest);
        CharDfa begins = automaton(List.of(lookahead.body(), any));
        return lookahead.negative() ? follows.minus(begins, budget) : follows.and(begins, budget);
    }

    private static boolean hasStart(List<RegexNode> parts) {
        return parts.stream()
                .anyMatch(part -> part instanceof RegexNode.Start || hasStart(children(part)));
    }

    private static boolean hasLookahead(RegexNode node) {
        return node instanceof RegexNode.Lookahead
                || children(node).stream().anyMatch(Regex::hasLookahead);
    }

    private static List<RegexNode> children(RegexNode node) {
        if (node instanceof RegexNode.Sequence sequence) {
            return sequence.parts();
        }
        if (node instanceof RegexNode.Choice choice) {
            return choice.options();
        }
        if (node instanceof RegexNode.Repeat repeat) {
            return List.of(repeat.body());
        }
        return node instanceof RegexNode.Lookahead lookahead
                ? List.of(lookahead.body())
                : List.of();
    }

    private void add(CharNfa nfa, RegexNode node, int from, int to) {
        if (node instanceof RegexNode.Characters characters) {
            nfa.edge(from, characters.set(), to);
        } else if (node instanceof RegexNode.Sequence sequence) {
            addAll(nfa, sequence.parts(), from, to);
        } else if (node instanceof RegexNode.Choice choice) {
            for (RegexNode option : choice.options()) {
                add(nfa, option, from, to);
            }
        } else if (node instanceof RegexNode.Repeat repeat) {
            addRepeat(nfa, repeat, from, to);
        } else if (node instanceof RegexNode.Start) {
            nfa.jump(from, Where.AT_START, to);
        } else if (node instanceof RegexNode.End) {
            nfa.jump(from, Where.AT_END, to);
        } else {
            throw new RegexException("a lookahead in a group is not supported");
        }
    }

    private void addAll(CharNfa nfa, List<RegexNode> parts, int from, int to) {
        int state = from;
        for (int i = 0; i + 1 < parts.size(); i++) {
            int next = nfa.state();
            add(nfa, parts.get(i), state, next);
            state = next;
        }
        if (parts.isEmpty()) {
            nfa.jump(state, Where.ANYWHERE, to);
        } else {
            add(nfa, parts.get(parts.size() - 1), state, to);
        }
    }

    private void addRepeat(CharNfa nfa, RegexNode.Repeat repeat, int from, int to) {
        int state = from;
        for (int i = 0; i < repeat.least(); i++) {
            int next = nfa.state();
            add(nfa, repeat.body(), state, next);
            state = next;
        }
        if (repeat.most() < 0) {
            int loop = nfa.state();
            int back = nfa.state();
            nfa.jump(state, Where.ANYWHERE, loop);
            add(nfa, repeat.body(), loop, back);
            nfa.jump(back, Where.ANYWHERE, loop);
            nfa.jump(loop, Where.ANYWHERE, to);
            return;
        }
        for (int i = repeat.least(); i < repeat.most(); i++) {
            nfa.jump(state, Where.ANYWHERE, to);
            int next = nfa.state();
            add(nfa, repeat.body(), state, next);
            state = next;
        }
        nfa.jump(state, Where.ANYWHERE, to);
    }
}

package io.millrace.gpu.sampling.grammar.shape;

/**
 * Bounds of what one schema may cost.
 *
 * @param states most states of an automaton of texts
 * @param demands most sets of schemas that hold together
 * @param shapes most alternatives of one place
 * @param work most pairs of alternatives that are combined
 * @param steps most steps of making automata and of combining members and items
 */
public record SchemaLimits(int states, int demands, int shapes, int work, long steps) {
    public static final SchemaLimits DEFAULT =
            new SchemaLimits(10_000, 20_000, 512, 200_000, 10_000_000);
}

package io.millrace.gpu.sampling.grammar.shape;

/**
 * Limits of the compilation of one schema.
 *
 * @param states maximum states of an automaton of texts
 * @param demands maximum number of demands, which are combinations of schemas
 * @param shapes maximum alternatives of one demand
 * @param work maximum pairs of alternatives that are combined
 * @param steps maximum steps of building automata and of combining members and items
 */
public record SchemaLimits(int states, int demands, int shapes, int work, long steps) {
    public static final SchemaLimits DEFAULT =
            new SchemaLimits(10_000, 20_000, 512, 200_000, 10_000_000);
}

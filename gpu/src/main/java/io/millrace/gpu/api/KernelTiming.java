package io.millrace.gpu.api;

/**
 * How long one op of a model takes on a GPU, and the least it has to do.
 *
 * @param shape of its weight (outputs x inputs), or of what it works on, for people
 * @param tokens in the step
 * @param positions of each row, the step's included; 0 where the op does not look at K and V
 * @param perStep how often a step has it
 * @param micros microseconds of one
 * @param bytes that one moves at least: each input read once, each output written once
 * @param operations of one, a multiply-add being two
 */
public record KernelTiming(
        Op op,
        String shape,
        int tokens,
        int positions,
        int perStep,
        double micros,
        double bytes,
        double operations) {

    /** What is timed. */
    public enum Op {
        /** Projection to queries, keys and values, with all that is done to them. */
        QKV("qkv"),
        /** Projection of what attention gives, added to the residual stream. */
        OUTPUT("o"),
        /** First product of a gated feed-forward part. */
        GATED_UP("gate+up"),
        /** First product of a feed-forward part without a gate. */
        UP("up"),
        /** Second product of a feed-forward part, added to the residual stream. */
        DOWN("down"),
        /** Last norm and product with the head, of one token a row. */
        HEAD("head"),
        NORM("norm"),
        /** Attention of rows with one token each. */
        DECODE_ATTENTION("decode attention"),
        /** Attention of rows with many tokens. */
        PREFILL_ATTENTION("prefill attention"),
        /** Greedy draws from the logits, and their way to the host. */
        SAMPLING("sampling"),
        /** All ops of a step that decodes, one behind the other. */
        STEP("step");

        private final String label;

        Op(String label) {
            this.label = label;
        }

        /** For people. */
        public String label() {
            return label;
        }
    }
}

package io.millrace.gpu.api;

/**
 * The time of one op of a model on a GPU, and its minimal bytes and operations.
 *
 * @param shape display text: shape of its weight (outputs x inputs) or of its input
 * @param tokens in the step
 * @param positions positions of each row, the step's included; 0 if the op does not read K and V
 * @param perStep launches of the op per step
 * @param micros microseconds per op
 * @param bytes minimal bytes per op: each input read once, each output written once
 * @param operations operations per op; a multiply-add counts as two
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

    /** The ops that are timed. */
    public enum Op {
        /** Projection to queries, keys and values, with its epilogue. */
        QKV("qkv"),
        /** Projection of the attention output, added to the residual stream. */
        OUTPUT("o"),
        /** First matmul of a gated feed-forward layer. */
        GATED_UP("gate+up"),
        /** First matmul of a feed-forward layer without a gate. */
        UP("up"),
        /** Second matmul of a feed-forward layer, added to the residual stream. */
        DOWN("down"),
        /** Last norm and matmul with the head, of one token per row. */
        HEAD("head"),
        NORM("norm"),
        /** Attention of rows with one token each. */
        DECODE_ATTENTION("decode attention"),
        /** Attention of rows with many tokens. */
        PREFILL_ATTENTION("prefill attention"),
        /** Greedy sampling from the logits, and the copy to the host. */
        SAMPLING("sampling"),
        /** All ops of a decoding step, in order. */
        STEP("step");

        private final String label;

        Op(String label) {
            this.label = label;
        }

        /** Display name. */
        public String label() {
            return label;
        }
    }
}

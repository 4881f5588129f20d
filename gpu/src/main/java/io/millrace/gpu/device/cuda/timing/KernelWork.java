package io.millrace.gpu.device.cuda.timing;

import io.millrace.gpu.api.KernelTiming.Op;
import io.millrace.gpu.device.AttentionShape;
import io.millrace.gpu.device.cuda.kernel.Numerics;
import io.millrace.gpu.device.cuda.kernel.SampleLaunches;
import io.millrace.gpu.device.cuda.struct.SampleParamsHeader.HeadTile;

/**
 * The least work of an op: each input is read from the GPU's memory once and each output written
 * once. Data between two kernels of the op are not counted.
 *
 * @param shape display text
 * @param bytes bytes read and written
 * @param operations arithmetic operations; a multiply-add is two
 */
record KernelWork(String shape, double bytes, double operations) {

    /**
     * A matmul with its epilogue.
     *
     * @param rows outputs; for a gated weight those of gate and up
     * @param k inputs
     * @param element bytes per element of the weight
     */
    static KernelWork matmul(Op op, int rows, int k, int tokens, int element) {
        double each =
                switch (op) {
                    // The residual stream, FP32, is read and written.
                    case OUTPUT, DOWN -> 2.0 * Float.BYTES * rows;
                    case GATED_UP -> (double) element * rows / 2;
                    // Its input is the residual stream; logits are FP32.
                    case HEAD -> (double) Float.BYTES * (rows + k) - (double) element * k;
                    default -> (double) element * rows;
                };
        return new KernelWork(
                "%d x %d".formatted(rows, k),
                (double) element * rows * k + tokens * (each + (double) element * k),
                2.0 * tokens * rows * k);
    }

    /** A norm of the residual stream. */
    static KernelWork norm(int width, int tokens, int element) {
        return new KernelWork(
                width + " wide",
                (double) tokens * width * (Float.BYTES + element),
                4.0 * tokens * width);
    }

    /**
     * Attention in one layer.
     *
     * @param window positions that a token sees
     * @param element bytes of an element of K, V, queries and output
     */
    static KernelWork attention(AttentionShape shape, KernelCase step, int window, int element) {
        double width = (double) shape.heads() * shape.headSize();
        double kv = 2.0 * shape.kvHeads() * shape.headSize();
        return new KernelWork(
                "%d/%d heads of %d".formatted(shape.heads(), shape.kvHeads(), shape.headSize()),
                element * (step.rows() * kv * step.looked(window) + 2 * width * step.stepTokens()),
                4 * width * step.rows() * step.seen(window));
    }

    /** A head that samples greedily: of each tile of logits it writes the largest. */
    static KernelWork samplingHead(int rows, int k, int tokens, int element) {
        KernelWork matmul = matmul(Op.HEAD, rows, k, tokens, element);
        double logits = (double) Float.BYTES * rows;
        return matmul.plus(tokens * (headTileBytes(rows) - logits), 0);
    }

    /**
     * A greedy sample per row.
     *
     * @param fromHead whether the head has sampled from its tiles
     */
    static KernelWork sampling(int vocabulary, int rows, boolean fromHead) {
        return new KernelWork(
                vocabulary + " logits",
                rows * (fromHead ? headTileBytes(vocabulary) : (double) Float.BYTES * vocabulary),
                (double) rows * vocabulary);
    }

    /** Of one row. */
    private static double headTileBytes(int vocabulary) {
        return (double) Numerics.pad(vocabulary) / SampleLaunches.HEAD_TILE * HeadTile.BYTES;
    }

    /** So much more of the same kind. */
    KernelWork plus(double moreBytes, double moreOperations) {
        return new KernelWork(shape, bytes + moreBytes, operations + moreOperations);
    }
}

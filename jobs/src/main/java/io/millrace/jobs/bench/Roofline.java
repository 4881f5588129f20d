package io.millrace.jobs.bench;

import io.millrace.gpu.api.KernelTiming;
import io.millrace.gpu.api.KernelTiming.Op;
import io.millrace.jobs.bench.StandardWorkload.Counted;
import io.millrace.jobs.bench.StandardWorkload.Lengths;
import java.util.List;

/**
 * The roofline of a GPU: every weight and every K and V is read once per step, every matmul runs at
 * the full rate, without time between kernels, and with chunks of prompts packed without gaps.
 *
 * @param bandwidth bytes per second
 * @param flops BF16 operations of matmuls per second
 * @param attention64 operations per second of prefill attention, head size 64
 * @param attention128 the same, head size 128
 */
record Roofline(double bandwidth, double flops, double attention64, double attention128) {
    private static final int BYTES = 2;

    /** One H100 80GB HBM3; bandwidth and flops were measured, attention is the best published. */
    static final Roofline H100 = new Roofline(3.0e12, 798e12, 400e12, 600e12);

    /**
     * One H200, measured in the same way; attention is that of the H100, which has the same chip.
     */
    static final Roofline H200 = new Roofline(4.3e12, 788e12, 400e12, 600e12);

    /** The roofline of a device; null if unknown. */
    static Roofline of(String device) {
        return device.contains("H100") ? H100 : device.contains("H200") ? H200 : null;
    }

    /**
     * Minimum seconds of one op, by bytes or by operations. The bound of a whole step is {@link
     * #decodeStep}, which leaves out data that can stay on the chip.
     */
    double kernel(BenchShape shape, KernelTiming timing) {
        if (timing.op() == Op.STEP) {
            double context = (double) timing.tokens() * timing.positions();
            return decodeStep(shape, timing.tokens(), context, 0);
        }
        double rate = timing.op() == Op.PREFILL_ATTENTION ? attention(shape) : flops;
        return Math.max(timing.bytes() / bandwidth, timing.operations() / rate);
    }

    private double attention(BenchShape shape) {
        return shape.headSize() <= 64 ? attention64 : attention128;
    }

    /**
     * Minimum seconds of a decoding step of {@code rows} rows with {@code context} positions in
     * total.
     */
    double decodeStep(BenchShape shape, int rows, double context, int shared) {
        double layers = product(shape.layerWeights(), rows);
        double head = product(shape.headWeights(), rows);
        double bytes = (context + shared) * shape.kvBytes() / bandwidth;
        double positions = context + (double) rows * shared;
        double operations =
                4 * positions * shape.layers() * shape.heads() * shape.headSize() / flops;
        return layers + head + Math.max(bytes, operations);
    }

    private double product(long weights, int rows) {
        return Math.max(weights * (double) BYTES / bandwidth, 2.0 * rows * weights / flops);
    }

    /** Minimum seconds to prefill prompts that share their first {@code shared} tokens. */
    private double prompts(BenchShape shape, List<Lengths> requests, int shared) {
        double each = 2.0 * shape.layers() * shape.heads() * shape.headSize() / attention(shape);
        double tokens = shared;
        double pairs = (double) shared * shared;
        for (Lengths request : requests) {
            tokens += request.prompt();
            // Twice the mean context of its tokens; the causal mask halves a prompt's own square.
            pairs += request.prompt() * (2.0 * shared + request.prompt());
        }
        return tokens * 2 * shape.layerWeights() / flops + pairs * each;
    }

    /** The maximum rate of a workload, in its unit. */
    double perSecond(BenchShape shape, StandardWorkload workload) {
        return workload.counted() == Counted.PROMPTS
                ? promptsPerSecond(shape, workload)
                : outputPerSecond(shape, workload);
    }

    private double promptsPerSecond(BenchShape shape, StandardWorkload workload) {
        double tokens = workload.shared();
        for (Lengths request : workload.requests()) {
            tokens += request.prompt();
        }
        double heads = product(shape.headWeights(), workload.requests().size());
        return tokens / (prompts(shape, workload.requests(), workload.shared()) + heads);
    }

    /** Maximum output tokens per second of a workload, by simulating its steps as requests end. */
    private double outputPerSecond(BenchShape shape, StandardWorkload workload) {
        double seconds =
                workload.counted() == Counted.DECODE
                        ? 0
                        : prompts(shape, workload.requests(), workload.shared());
        int longest = workload.requests().stream().mapToInt(Lengths::output).max().orElse(0);
        long output = 0;
        for (int step = 0; step < longest; step++) {
            int rows = 0;
            double context = 0;
            for (Lengths request : workload.requests()) {
                if (request.output() > step) {
                    rows++;
                    context += request.prompt() + step;
                }
            }
            output += rows;
            seconds += decodeStep(shape, rows, context, workload.shared());
        }
        return output / seconds;
    }
}

package io.millrace.jobs.bench;

import io.millrace.gpu.api.KernelTiming;
import io.millrace.gpu.api.KernelTiming.Op;
import io.millrace.gpu.bench.KernelTimings;
import io.millrace.jobs.bench.result.KernelFigure;
import io.millrace.jobs.bench.result.KernelFigure.Kind;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Makes result rows of kernel times: each with its share of the roofline, and the shares of kernels
 * in a decoding step.
 *
 * <pre>
 * gate+up, 64 tokens, 9728 x 896                  9.8 us     60 % of the roofline
 * step, 64 tokens, 512 positions, 24 layers       ...
 * share of a step of 64 tokens, products          41 %
 * </pre>
 */
final class KernelRows {
    private static final String REST = "rest";

    private KernelRows() {}

    /**
     * @param roofline the GPU's roofline; null if unknown
     */
    static void add(KernelTimings timings, BenchShape shape, Roofline roofline, BenchRows to) {
        for (KernelTiming timing : timings.all()) {
            Double percent =
                    roofline == null
                            ? null
                            : 100 * roofline.kernel(shape, timing) * 1e6 / timing.micros();
            to.addKernel(figure(timing), metric(timing), timing.micros(), "us", percent);
        }
        for (KernelTiming step : timings.all()) {
            if (step.op() == Op.STEP) {
                shares(step, timings.all())
                        .forEach(
                                (kind, share) ->
                                        to.addKernel(
                                                new KernelFigure(
                                                        Kind.SHARE, kind, step.tokens(), 0),
                                                "share of a step of %s, %s"
                                                        .formatted(tokens(step), kind),
                                                100 * share,
                                                "%",
                                                null));
            }
        }
    }

    private static KernelFigure figure(KernelTiming timing) {
        return timing.op() == Op.STEP
                ? new KernelFigure(Kind.STEP, null, timing.tokens(), timing.positions())
                : new KernelFigure(
                        Kind.KERNEL, timing.op().label(), timing.tokens(), timing.positions());
    }

    private static String metric(KernelTiming timing) {
        List<String> parts = new ArrayList<>();
        parts.add(timing.op().label());
        parts.add(tokens(timing));
        if (timing.positions() > 0) {
            parts.add(timing.positions() + " positions");
        }
        parts.add(timing.shape());
        return String.join(", ", parts);
    }

    private static String tokens(KernelTiming timing) {
        return timing.tokens() == 1 ? "1 token" : timing.tokens() + " tokens";
    }

    /** Shares of the whole time by kind of op, the rest last. */
    private static Map<String, Double> shares(KernelTiming step, List<KernelTiming> all) {
        Map<String, Double> shares = new LinkedHashMap<>();
        double rest = 1;
        for (KernelTiming timing : all) {
            String kind = kind(timing.op());
            boolean part =
                    timing.tokens() == step.tokens()
                            && (timing.positions() == 0 || timing.positions() == step.positions());
            if (part && kind != null) {
                double share = timing.micros() * timing.perStep() / step.micros();
                shares.merge(kind, share, Double::sum);
                rest -= share;
            }
        }
        shares.put(REST, rest);
        return shares;
    }

    /** The kind of an op; null if it is not part of a decoding step. */
    private static String kind(Op op) {
        return switch (op) {
            case QKV, OUTPUT, GATED_UP, UP, DOWN -> "products";
            case DECODE_ATTENTION -> "attention";
            case HEAD -> "head";
            case NORM -> "norms";
            case SAMPLING -> "sampling";
            case PREFILL_ATTENTION, STEP -> null;
        };
    }
}

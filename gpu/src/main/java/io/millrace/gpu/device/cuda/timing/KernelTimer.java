package io.millrace.gpu.device.cuda.timing;

import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.KernelTiming;
import io.millrace.gpu.api.KernelTiming.Op;
import io.millrace.gpu.api.LoadProgress;
import io.millrace.gpu.api.SamplingParameters;
import io.millrace.gpu.common.Scope;
import io.millrace.gpu.device.AttentionShape;
import io.millrace.gpu.device.cuda.CudaModelRunner;
import io.millrace.gpu.device.cuda.OneOpBackend;
import io.millrace.gpu.device.cuda.driver.PinnedMemory;
import io.millrace.gpu.device.cuda.kernel.CudaMatrix;
import io.millrace.gpu.device.cuda.kernel.Segmentation;
import io.millrace.gpu.model.ModelFolder;
import io.millrace.gpu.program.StepBatch;
import io.millrace.gpu.program.StepOutput;
import io.millrace.gpu.sampling.SamplingRow;
import io.millrace.gpu.tensor.DType;
import io.millrace.gpu.tensor.InvalidModelException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Times the ops of one model on one GPU, in steps of a few sizes. K and V of earlier positions are
 * random; all other data are computed by the model from random tokens.
 *
 * <p>Each op runs as in a step, layer after layer: weights, K and V are read from the GPU's memory,
 * and data that a step has in the L2 cache from there. The results are checked before: outputs that
 * were NaN are finite, and first, middle and last row have the same bits as alone. One thread.
 */
public final class KernelTimer implements AutoCloseable {
    /** Bytes of random K and V that are made on the host, and then repeated. */
    private static final int NOISE_BYTES = 16 << 20;

    /** Passes in one graph, for an op that a step has once. */
    private static final int PASSES = 4;

    private final ModelFolder folder;
    private final AttentionShape shape;
    private final CudaModelRunner runner;
    private final OneOpBackend backend;
    private final GraphTimer timer;
    private final List<KernelCase> steps;
    private final SplittableRandom random = new SplittableRandom(1);

    private KernelTimer(
            ModelFolder folder, CudaModelRunner runner, GraphTimer timer, List<KernelCase> steps) {
        this.folder = folder;
        this.runner = runner;
        this.timer = timer;
        this.steps = steps;
        shape = folder.attentionShape();
        backend = (OneOpBackend) runner.backend();
    }

    /**
     * Loads the weights, and allocates KV blocks for the steps that will be timed, if there is
     * memory for them. Lengths and sizes in the options are not used.
     *
     * @throws GpuException a GPU that cannot be used, or too little of its memory
     * @throws InvalidModelException a model that cannot be run
     */
    public static KernelTimer open(ModelFolder folder, EngineOptions options, LoadProgress progress)
            throws IOException {
        return open(folder, options, KernelCase.STANDARD, progress);
    }

    /** For other steps. */
    static KernelTimer open(
            ModelFolder folder,
            EngineOptions options,
            List<KernelCase> steps,
            LoadProgress progress)
            throws IOException {
        int positions = steps.stream().mapToInt(KernelCase::positions).max().orElseThrow();
        EngineOptions sized =
                options.withMaxModelLen(Math.min(positions, folder.maxPositions()))
                        .withMaxBatchedTokens(
                                steps.stream().mapToInt(KernelCase::stepTokens).max().orElseThrow())
                        .withMaxSequences(
                                steps.stream().mapToInt(KernelCase::rows).max().orElseThrow())
                        .withKvCacheBytes(0);
        Scope scope = new Scope();
        try {
            CudaModelRunner runner =
                    scope.add(
                            CudaModelRunner.open(
                                    folder,
                                    sized,
                                    Segmentation.CONTRACT,
                                    0,
                                    progress,
                                    OneOpBackend::new));
            GraphTimer timer = scope.add(new GraphTimer(runner.context()));
            KernelTimer made = new KernelTimer(folder, runner, timer, steps);
            made.fillCache();
            return made;
        } catch (Throwable t) {
            scope.closeAfter(t);
            throw t;
        }
    }

    private void fillCache() {
        try (PinnedMemory noise = new PinnedMemory(runner.context(), NOISE_BYTES)) {
            write(noise.buffer(), backend.type(), random);
            backend.fillArena(noise);
            runner.context().synchronize("Filling the KV cache");
        }
    }

    /** Random numbers of a type from 1/2 to 1, and from -1/2 to -1. */
    static void write(ByteBuffer to, DType type, SplittableRandom random) {
        for (int at = 0; at < to.capacity(); at += Integer.BYTES) {
            int bits = random.nextInt();
            to.putInt(
                    at,
                    switch (type) {
                        case BF16 -> bits & 0x807f807f | 0x3f003f00;
                        case F16 -> bits & 0x83ff83ff | 0x38003800;
                        default -> bits & 0x807fffff | 0x3f000000;
                    });
        }
    }

    /** Display name of the GPU. */
    public String device() {
        return runner.device();
    }

    /**
     * Checks the steps' results, then times their ops. Steps that are longer than the model's
     * context, or whose KV blocks do not fit, are left out.
     *
     * @param repeats number of times that each op is timed; the median is reported
     * @throws IllegalStateException a result is wrong
     */
    public List<KernelTiming> time(int repeats) {
        List<KernelTiming> timings = new ArrayList<>();
        for (KernelCase step : steps) {
            long blocks = (long) step.rows() * blocks(step);
            if (step.positions() <= folder.maxPositions() && blocks < runner.kvBlocks()) {
                check(batch(step));
                time(step, repeats, timings);
            }
        }
        return timings;
    }

    /** KV blocks of a row. */
    private int blocks(KernelCase step) {
        return (step.positions() + runner.blockSize() - 1) / runner.blockSize();
    }

    private StepBatch batch(KernelCase step) {
        StepBatch batch = new StepBatch(step.stepTokens(), step.rows());
        batch.tokens = step.stepTokens();
        batch.rows = step.rows();
        for (int row = 0; row < step.rows(); row++) {
            int first = row * step.tokens();
            batch.rowStart[row + 1] = first + step.tokens();
            batch.sample(row, 1, greedy());
            batch.blockTables[row] = new int[blocks(step)];
            for (int i = 0; i < batch.blockTables[row].length; i++) {
                // A row's blocks are apart, as those of rows that grow together.
                batch.blockTables[row][i] = 1 + i * step.rows() + row;
            }
            for (int i = 0; i < step.tokens(); i++) {
                batch.tokenIds[first + i] = random.nextInt(folder.vocabularySize());
                batch.positions[first + i] = step.before() + i;
            }
        }
        return batch;
    }

    private static SamplingRow greedy() {
        return new SamplingRow(SamplingParameters.greedy(1), 0, 0, new int[0]);
    }

    /** Checks a step; afterwards the whole batch is the last step that ran. */
    private void check(StepBatch batch) {
        runner.keepLogits(true);
        int[] sampled;
        try {
            sampled = checkLogits(batch);
        } finally {
            runner.keepLogits(Boolean.getBoolean(CudaModelRunner.KEEP_LOGITS_PROPERTY));
        }
        if (!Arrays.equals(sampled, run(batch))) {
            throw new IllegalStateException(
                    "A step of %d tokens in %d rows samples other tokens than from its logits: nothing was timed."
                            .formatted(batch.tokens, batch.rows));
        }
    }

    private int[] checkLogits(StepBatch batch) {
        int[] rows = {0, batch.rows / 2, batch.rows - 1};
        float[][] alone = new float[rows.length][];
        for (int i = 0; i < rows.length; i++) {
            run(alone(batch, rows[i]));
            alone[i] = runner.lastLogits(0);
        }
        // The sampler rejects logits that are not finite.
        int[] sampled = run(batch);
        for (int i = 0; i < rows.length; i++) {
            float[] logits = runner.lastLogits(rows[i]);
            if (!Arrays.equals(alone[i], logits) || sampled[rows[i]] != best(logits)) {
                throw new IllegalStateException(
                        "Row %d of a step of %d tokens in %d rows has other bits than alone: nothing was timed."
                                .formatted(rows[i], batch.tokens, batch.rows));
            }
        }
        return sampled;
    }

    private static StepBatch alone(StepBatch of, int row) {
        int first = of.rowStart[row];
        int tokens = of.rowStart[row + 1] - first;
        StepBatch alone = new StepBatch(tokens, 1);
        alone.tokens = tokens;
        alone.rows = 1;
        alone.rowStart[1] = tokens;
        alone.blockTables[0] = of.blockTables[row];
        alone.sample(0, 1, greedy());
        System.arraycopy(of.tokenIds, first, alone.tokenIds, 0, tokens);
        System.arraycopy(of.positions, first, alone.positions, 0, tokens);
        return alone;
    }

    private int[] run(StepBatch batch) {
        StepOutput output = new StepOutput(batch.rows);
        backend.poison();
        runner.run(batch, output);
        for (int row = 0; row < batch.rows; row++) {
            if (output.tokenIds[row] < 0) {
                throw new IllegalStateException(
                        "Row %d of a step of %d tokens in %d rows has no finite logits: nothing was timed."
                                .formatted(row, batch.tokens, batch.rows));
            }
        }
        return output.tokenIds;
    }

    private static int best(float[] logits) {
        int best = 0;
        for (int i = 1; i < logits.length; i++) {
            best = logits[i] > logits[best] ? i : best;
        }
        return best;
    }

    /** Times the step that ran last. */
    private void time(KernelCase step, int repeats, List<KernelTiming> to) {
        int layers = shape.layers();
        List<KernelTiming> parts = new ArrayList<>();
        if (step.whole()) {
            for (Op op : List.of(Op.QKV, Op.OUTPUT, Op.GATED_UP, Op.UP, Op.DOWN)) {
                if (backend.weight(op) != null) {
                    parts.add(timed(op, matmul(op, step), step, layers, repeats));
                }
            }
            int width = backend.weight(Op.QKV).k();
            KernelWork norm = KernelWork.norm(width, step.stepTokens(), element());
            parts.add(timed(Op.NORM, norm, step, 2 * layers, repeats));
        }
        Op attention = step.isDecode() ? Op.DECODE_ATTENTION : Op.PREFILL_ATTENTION;
        parts.add(timed(attention, attention(step), step, layers, repeats));
        if (step.whole() && step.isDecode()) {
            parts.add(timed(Op.HEAD, matmul(Op.HEAD, step), step, 1, repeats));
            KernelWork sampling =
                    KernelWork.sampling(
                            folder.vocabularySize(), step.rows(), backend.samplesInHead());
            parts.add(timed(Op.SAMPLING, sampling, step, 1, repeats));
            KernelWork all = new KernelWork(layers + " layers", 0, 0);
            for (KernelTiming part : parts) {
                all = all.plus(part.bytes() * part.perStep(), part.operations() * part.perStep());
            }
            parts.add(timed(Op.STEP, all, step, 1, repeats));
        }
        to.addAll(parts);
    }

    private int element() {
        return backend.type().bytes();
    }

    private KernelWork matmul(Op op, KernelCase step) {
        CudaMatrix weight = backend.weight(op);
        if (op == Op.HEAD && backend.samplesInHead()) {
            return KernelWork.samplingHead(weight.rows(), weight.k(), step.stepTokens(), element());
        }
        return KernelWork.matmul(op, weight.rows(), weight.k(), step.stepTokens(), element());
    }

    /** The mean over the layers, whose windows may differ. */
    private KernelWork attention(KernelCase step) {
        int layers = shape.layers();
        double bytes = 0;
        double operations = 0;
        KernelWork work = null;
        for (int layer = 0; layer < layers; layer++) {
            work = KernelWork.attention(shape, step, backend.window(layer), element());
            bytes += work.bytes() / layers;
            operations += work.operations() / layers;
        }
        return new KernelWork(work.shape(), bytes, operations);
    }

    private KernelTiming timed(Op op, KernelWork work, KernelCase step, int perStep, int repeats) {
        Runnable launches =
                switch (op) {
                    case SAMPLING -> backend::sampleRows;
                    case STEP ->
                            () -> {
                                compute();
                                backend.sampleRows();
                            };
                    default -> this::compute;
                };
        backend.only(op == Op.STEP ? null : op);
        double micros;
        try {
            micros = timer.micros(launches, perStep == 1 ? PASSES : 1, repeats);
        } finally {
            backend.only(null);
        }
        boolean looksBack =
                op == Op.DECODE_ATTENTION || op == Op.PREFILL_ATTENTION || op == Op.STEP;
        return new KernelTiming(
                op,
                work.shape(),
                step.stepTokens(),
                looksBack ? step.positions() : 0,
                perStep,
                micros / perStep,
                work.bytes(),
                work.operations());
    }

    private void compute() {
        backend.again();
        runner.compute();
    }

    @Override
    public void close() {
        // All timed work is complete.
        timer.close();
        runner.close();
    }
}

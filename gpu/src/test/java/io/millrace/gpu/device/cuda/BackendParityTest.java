package io.millrace.gpu.device.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.gpu.api.SamplingParameters;
import io.millrace.gpu.device.AttentionShape;
import io.millrace.gpu.device.Backend;
import io.millrace.gpu.device.Backend.Use;
import io.millrace.gpu.device.Norm;
import io.millrace.gpu.device.QkvProjection;
import io.millrace.gpu.device.ReferenceBackend;
import io.millrace.gpu.device.RotaryTable;
import io.millrace.gpu.device.cuda.driver.CudaContext;
import io.millrace.gpu.device.cuda.driver.DeviceLimits;
import io.millrace.gpu.device.cuda.driver.DeviceMemory;
import io.millrace.gpu.device.cuda.driver.KernelLaunch;
import io.millrace.gpu.device.cuda.driver.PinnedMemory;
import io.millrace.gpu.device.cuda.driver.RequiresGpu;
import io.millrace.gpu.device.cuda.kernel.CudaMatrix;
import io.millrace.gpu.device.cuda.kernel.KernelIndex;
import io.millrace.gpu.device.cuda.kernel.Numerics;
import io.millrace.gpu.device.cuda.kernel.Segmentation;
import io.millrace.gpu.device.cuda.kernel.TileLayout;
import io.millrace.gpu.device.cuda.struct.KernelParams;
import io.millrace.gpu.program.StepBatch;
import io.millrace.gpu.sampling.SamplingRow;
import io.millrace.gpu.tensor.DType;
import io.millrace.gpu.tensor.Tensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every op on odd shapes and all types: the kernels have the bits of their oracles, and both are
 * near plain loops in double over the same inputs.
 */
@RequiresGpu
class BackendParityTest {
    private static final int VOCABULARY = 197;
    private static final int POSITIONS = 700;
    private static final int MAX_TOKENS = 640;
    private static final int MAX_ROWS = 9;
    private static final int BLOCKS = 200;
    private static final int PREFIX = 512;

    /** Steps of rows, each of (first position, tokens); a row goes on where it ended. */
    private static final int[][][] STEPS = {
        {{0, 97}, {0, 1}, {0, 17}, {0, 510}},
        {{97, 1}, {1, 54}, {17, 1}, {510, 3}},
        {{98, 1}, {55, 1}, {18, 1}, {513, 1}},
        {{99, 17}, {56, 1}, {19, 97}, {514, 1}},
    };

    /**
     * Row 3 and two more that share its first blocks: attention's first chunk, if it ends with one.
     */
    private static int[][][] behindOnePrefix(int blockSize) {
        int first = PREFIX / blockSize * blockSize;
        return new int[][][] {
            {{116, 1}, {57, 1}, {116, 1}, {515, 1}, {first, 513 - first}, {first, 514 - first}},
            {{117, 1}, {58, 1}, {117, 1}, {516, 1}, {513, 1}, {514, 1}},
        };
    }

    /** Odd sizes of a model. */
    private record Model(
            int hidden,
            int inner,
            AttentionShape attention,
            int blockSize,
            int window,
            boolean biases,
            boolean headNorms) {}

    private static final List<Model> MODELS =
            List.of(
                    model(97, 54, 7, 1, 64, 16, Backend.NO_WINDOW, true, false),
                    model(54, 97, 4, 2, 24, 8, 17, false, true),
                    model(130, 1023, 3, 3, 96, 24, 130, true, true),
                    // Products of several segments: 4 and 8.
                    model(300, 4100, 20, 1, 128, 16, Backend.NO_WINDOW, false, true),
                    // Products of two segments for queries, keys and values.
                    model(912, 1900, 14, 2, 64, 16, Backend.NO_WINDOW, true, true));

    private static Model model(
            int hidden,
            int inner,
            int heads,
            int kvHeads,
            int headSize,
            int blockSize,
            int window,
            boolean biases,
            boolean headNorms) {
        AttentionShape attention = new AttentionShape(1, heads, kvHeads, headSize);
        return new Model(hidden, inner, attention, blockSize, window, biases, headNorms);
    }

    /** Shared memory of a CTA: what the GPU has, and what smaller ones have. */
    private static final int ALL = Integer.MAX_VALUE;

    private static final int LITTLE = 99 << 10;

    static Stream<Arguments> grid() {
        return Stream.of(DType.BF16, DType.F16, DType.F32)
                .flatMap(
                        type ->
                                MODELS.stream()
                                        .flatMap(
                                                model ->
                                                        Stream.of(ALL, LITTLE)
                                                                .map(
                                                                        shared ->
                                                                                Arguments.of(
                                                                                        type, model,
                                                                                        shared))));
    }

    /** The backend on a GPU that may pass for a smaller one; its launches are those it lists. */
    private static final class ListedBackend extends CudaBackend {
        private final DeviceLimits limits;
        private Set<KernelLaunch> listed;

        ListedBackend(CudaContext context, Model model, RotaryTable rotary, int sharedBytes)
                throws IOException {
            super(
                    context,
                    KernelIndex.read(),
                    new ModelSizes(model.attention, rotary, Set.of(model.window), VOCABULARY),
                    new StepLimits(MAX_TOKENS, MAX_ROWS, 0),
                    Segmentation.CONTRACT);
            DeviceLimits all = context.limits();
            limits = all.withSharedBytes(Math.min(all.sharedBytes(), sharedBytes));
        }

        @Override
        DeviceLimits limits() {
            return limits;
        }

        @Override
        void launch(String op, KernelLaunch launch, KernelParams with) {
            if (listed == null) {
                listed = launches();
            }
            assertThat(listed).contains(launch);
            super.launch(op, launch, with);
        }
    }

    @TempDir Path dir;

    @ParameterizedTest
    @MethodSource("grid")
    void opsHaveTheBitsOfTheirOraclesAndAreNearTheReference(
            DType type, Model model, int sharedBytes) throws IOException {
        double[] frequencies = new double[model.attention.headSize() / 2];
        for (int i = 0; i < frequencies.length; i++) {
            frequencies[i] = Math.pow(10_000, -(double) i / frequencies.length);
        }
        RotaryTable rotary = new RotaryTable(frequencies, POSITIONS);
        TestingWeights weights = new TestingWeights(dir, type);
        Set<Integer> windows = Set.of(model.window);
        try (CudaContext context = CudaContext.open(0)) {
            try (CudaBackend fast = new ListedBackend(context, model, rotary, sharedBytes);
                    CudaBackend oracle =
                            new OracleBackend(
                                    context,
                                    model.attention,
                                    rotary,
                                    windows,
                                    VOCABULARY,
                                    MAX_TOKENS,
                                    MAX_ROWS)) {
                ReferenceBackend reference =
                        new ReferenceBackend(
                                model.attention, rotary, MAX_TOKENS, model.blockSize, false);
                fast.keepLogits(true);
                fast.shareFrom(0);
                oracle.keepLogits(true);
                Parity parity =
                        new Parity(
                                context,
                                type,
                                new Ops<>(fast, model, weights),
                                new Ops<>(oracle, model, weights),
                                new Ops<>(reference, model, weights));
                for (CudaBackend each : List.of(fast, oracle)) {
                    each.finishLoading();
                    each.allocateScratch(model.blockSize);
                    each.allocateArena(BLOCKS, model.blockSize);
                    each.fillArena(0xff);
                }
                for (int[][] step : STEPS) {
                    parity.step(batch(step, model.blockSize));
                }
                for (int[][] step : behindOnePrefix(model.blockSize)) {
                    parity.step(batch(step, model.blockSize));
                }
            }
        }
    }

    @Test
    void whatIsAddedToAWideResidualStreamIsCutInTwo() throws IOException {
        TestingWeights weights = new TestingWeights(dir, DType.BF16);
        List<Tensor> wide = List.of(weights.matrix("wide", 6200, 896));
        AttentionShape shape = new AttentionShape(1, 1, 1, 64);
        RotaryTable rotary = new RotaryTable(new double[32], 1);
        try (CudaContext context = CudaContext.open(0);
                CudaBackend backend =
                        new CudaBackend(
                                context,
                                KernelIndex.read(),
                                new ModelSizes(
                                        shape, rotary, Set.of(Backend.NO_WINDOW), VOCABULARY),
                                new StepLimits(1, 1, 0),
                                Segmentation.CONTRACT)) {
            assertThat(backend.matrix(wide).segments()).isEqualTo(1);
            assertThat(backend.addedMatrix(wide).segments()).isEqualTo(2);
            backend.finishLoading();
        }
    }

    private static StepBatch batch(int[][] rows, int blockSize) {
        StepBatch batch = new StepBatch(MAX_TOKENS, MAX_ROWS);
        for (int[] row : rows) {
            batch.rowStart[batch.rows] = batch.tokens;
            int[] blocks = new int[(row[0] + row[1] + blockSize - 1) / blockSize];
            int shared = PREFIX / blockSize;
            for (int i = 0; i < blocks.length; i++) {
                // Scattered; rows 0 to 2 are short, row 3 is long, others go on where it is.
                blocks[i] =
                        batch.rows < 3
                                ? 1 + 3 * i + batch.rows
                                : batch.rows == 3 || i < shared
                                        ? BLOCKS - 1 - i
                                        : 60 + 10 * batch.rows + i - shared;
            }
            batch.blockTables[batch.rows] = blocks;
            for (int i = 0; i < row[1]; i++) {
                batch.tokenIds[batch.tokens] = (row[0] + i) * 31 % VOCABULARY;
                batch.positions[batch.tokens++] = row[0] + i;
            }
            SamplingRow how =
                    batch.rows == 1
                            ? null
                            : new SamplingRow(SamplingParameters.greedy(1), 0, 0, new int[0]);
            batch.sample(batch.rows++, how == null ? 0 : 1, how);
        }
        batch.rowStart[batch.rows] = batch.tokens;
        return batch;
    }

    /** One layer of each kind of op on one backend. */
    private static final class Ops<M, V, A> {
        final Backend<M, V, A> backend;
        final Model model;
        final M table;
        final M positions;
        final Norm<V> rms;
        final float[] rmsWeight;
        final Norm<V> layer;
        final QkvProjection<M, V> qkv;
        final M output;
        final V outputBias;
        final M gateUp;
        final M up;
        final V upBias;
        final M down;
        A residual;
        A normed;
        A queries;
        A attended;
        A inner;

        Ops(Backend<M, V, A> backend, Model model, TestingWeights weights) throws IOException {
            this.backend = backend;
            this.model = model;
            int hidden = model.hidden;
            int size = model.attention.headSize();
            int heads = model.attention.heads() * size;
            int kv = model.attention.kvHeads() * size;
            table = backend.matrix(List.of(weights.matrix("table", VOCABULARY, hidden)));
            positions = backend.matrix(List.of(weights.matrix("positions", POSITIONS, hidden)));
            rms = new Norm<>(vector(weights, "rms", hidden), null, 1e-6f);
            rmsWeight = weights.vector("rms", hidden).readFloats();
            layer =
                    new Norm<>(
                            vector(weights, "layer", hidden),
                            vector(weights, "layer bias", hidden),
                            1e-5f);
            Norm<V> head =
                    model.headNorms ? new Norm<>(vector(weights, "head", size), null, 1e-6f) : null;
            qkv =
                    new QkvProjection<>(
                            backend.matrix(
                                    List.of(
                                            weights.matrix("q", heads, hidden),
                                            weights.matrix("k", kv, hidden),
                                            weights.matrix("v", kv, hidden))),
                            model.biases ? vector(weights, "qkv bias", heads + 2 * kv) : null,
                            head,
                            head);
            output = backend.addedMatrix(List.of(weights.matrix("output", hidden, heads)));
            outputBias = model.biases ? vector(weights, "output bias", hidden) : null;
            Tensor gate = weights.matrix("gate", model.inner, hidden);
            Tensor rise = weights.matrix("up", model.inner, hidden);
            gateUp = backend.gatedMatrix(gate, rise);
            up = backend.matrix(List.of(rise));
            upBias = vector(weights, "up bias", model.inner);
            down = backend.addedMatrix(List.of(weights.matrix("down", hidden, model.inner)));
        }

        private V vector(TestingWeights weights, String name, int length) throws IOException {
            return backend.vector(List.of(weights.vector(name, length)));
        }

        void allocate() {
            int heads = model.attention.heads() * model.attention.headSize();
            residual = backend.activation(Use.RESIDUAL, model.hidden);
            normed = backend.activation(Use.INPUT, model.hidden);
            queries = backend.activation(Use.QUERIES, heads);
            attended = backend.activation(Use.INPUT, heads);
            inner = backend.activation(Use.INPUT, model.inner);
        }
    }

    /** What an op reads or writes. */
    private enum Part {
        RESIDUAL,
        NORMED,
        QUERIES,
        ATTENDED,
        INNER
    }

    /** In the order of a layer. */
    private enum Op {
        EMBED(Part.RESIDUAL),
        NORM(Part.NORMED),
        QKV(Part.QUERIES),
        ATTENTION(Part.ATTENDED),
        OUTPUT(Part.RESIDUAL),
        LAYER_NORM(Part.NORMED),
        GATED(Part.INNER),
        DOWN(Part.RESIDUAL),
        GELU(Part.INNER);

        final Part written;

        Op(Part written) {
            this.written = written;
        }

        <M, V, A> void run(Ops<M, V, A> on) {
            Backend<M, V, A> backend = on.backend;
            switch (this) {
                case EMBED -> backend.embed(on.table, on.positions, on.residual);
                case NORM -> backend.norm(on.residual, on.rms, on.normed);
                case QKV -> backend.qkvProjectRopeStoreKv(on.normed, on.qkv, 0, on.queries);
                case ATTENTION -> backend.attention(on.queries, 0, on.model.window, on.attended);
                case OUTPUT ->
                        backend.matmulAdd(on.attended, on.output, on.outputBias, on.residual);
                case LAYER_NORM -> backend.norm(on.residual, on.layer, on.normed);
                case GATED -> backend.matmulGated(on.normed, on.gateUp, on.inner);
                case DOWN -> backend.matmulAdd(on.inner, on.down, null, on.residual);
                case GELU -> backend.matmulGelu(on.normed, on.up, on.upBias, on.inner);
                default -> throw new AssertionError(this);
            }
        }

        /** Relative error that one rounding to the type and the order of sums explain. */
        double bound(DType type) {
            return switch (this) {
                case EMBED -> 1e-7;
                case OUTPUT, DOWN -> 2e-5;
                // The reference keeps K and V unrounded.
                case ATTENTION -> 4 * rounding(type);
                default -> rounding(type);
            };
        }
    }

    private static double rounding(DType type) {
        return switch (type) {
            case BF16 -> 3e-3;
            case F16 -> 4e-4;
            case F32 -> 1e-6;
            default -> throw new IllegalArgumentException(type.name());
        };
    }

    /** Runs ops on the GPU's two sets of kernels and on the reference, from equal inputs. */
    private static final class Parity {
        private final CudaContext context;
        private final DType type;
        private final Ops<CudaMatrix, DeviceMemory, CudaBackend.Activation> fast;
        private final Ops<CudaMatrix, DeviceMemory, CudaBackend.Activation> oracle;
        private final Ops<ReferenceBackend.Matrix, double[], double[][]> reference;
        private int tokens;
        private boolean allocated;

        Parity(
                CudaContext context,
                DType type,
                Ops<CudaMatrix, DeviceMemory, CudaBackend.Activation> fast,
                Ops<CudaMatrix, DeviceMemory, CudaBackend.Activation> oracle,
                Ops<ReferenceBackend.Matrix, double[], double[][]> reference) {
            this.context = context;
            this.type = type;
            this.fast = fast;
            this.oracle = oracle;
            this.reference = reference;
        }

        void step(StepBatch batch) {
            if (!allocated) {
                fast.allocate();
                oracle.allocate();
                reference.allocate();
                allocated = true;
            }
            tokens = batch.tokens;
            fast.backend.begin(batch);
            oracle.backend.begin(batch);
            ((CudaBackend) fast.backend).resolve();
            ((CudaBackend) oracle.backend).resolve();
            reference.backend.begin(batch);
            for (Op op : Op.values()) {
                check(op);
            }
            checkLogits();
        }

        private void check(Op op) {
            for (Part part : Part.values()) {
                copyToReference(part);
            }
            op.run(fast);
            op.run(oracle);
            op.run(reference);
            assertThat(stored(fast, op.written))
                    .as(op + " and its oracle")
                    .isDeepEqualTo(stored(oracle, op.written));
            boolean unscaled = type == DType.BF16 && op == Op.NORM;
            assertThat(activation(fast, op.written).input().inverse() != null).isEqualTo(unscaled);
            if (unscaled) {
                checkUnscaled();
            }
            float[][] got = read(fast, op.written);
            assertNear(op.name(), got, activation(reference, op.written), op.bound(type));
        }

        /** RMSNorm in BF16 has the very bits that the contract's plain loops have on a CPU. */
        private void checkUnscaled() {
            float[][] x = stored(fast, Part.RESIDUAL);
            float[][] normed = stored(fast, Part.NORMED);
            float[] scales = scales(fast, Part.NORMED);
            assertThat(scales).isEqualTo(scales(oracle, Part.NORMED));
            float[] weight = fast.rmsWeight;
            for (int token = 0; token < tokens; token++) {
                assertThat(scales[token])
                        .isEqualTo(UnscaledNorm.inverse(x[token], fast.rms.epsilon()));
                assertThat(normed[token]).isEqualTo(UnscaledNorm.unscaled(x[token], weight));
            }
        }

        /** The reference starts from what the GPU's kernels start from. */
        private void copyToReference(Part part) {
            double[][] to = activation(reference, part);
            float[][] from = read(fast, part);
            for (int token = 0; token < tokens; token++) {
                for (int i = 0; i < from[token].length; i++) {
                    to[token][i] = from[token][i];
                }
            }
        }

        private void checkLogits() {
            copyToReference(Part.RESIDUAL);
            fast.backend.logits(fast.residual, fast.rms, fast.table);
            oracle.backend.logits(oracle.residual, oracle.rms, oracle.table);
            reference.backend.logits(reference.residual, reference.rms, reference.table);
            List<double[]> want = ((ReferenceBackend) reference.backend).logits;
            float[][] got = new float[want.size()][];
            float[][] literal = new float[want.size()][];
            for (int i = 0; i < got.length; i++) {
                got[i] = ((CudaBackend) fast.backend).lastLogits(i);
                literal[i] = ((CudaBackend) oracle.backend).lastLogits(i);
            }
            assertThat(got).as("logits and their oracle").isDeepEqualTo(literal);
            assertNear("logits", got, want.toArray(double[][]::new), 2 * rounding(type));
        }

        private static <A> A activation(Ops<?, ?, A> ops, Part part) {
            return switch (part) {
                case RESIDUAL -> ops.residual;
                case NORMED -> ops.normed;
                case QUERIES -> ops.queries;
                case ATTENDED -> ops.attended;
                case INNER -> ops.inner;
            };
        }

        /** What an activation stands for. */
        private float[][] read(
                Ops<CudaMatrix, DeviceMemory, CudaBackend.Activation> ops, Part part) {
            float[][] rows = stored(ops, part);
            if (activation(ops, part).input().inverse() != null) {
                float[] scales = scales(ops, part);
                for (int token = 0; token < tokens; token++) {
                    for (int i = 0; i < rows[token].length; i++) {
                        rows[token][i] *= scales[token];
                    }
                }
            }
            return rows;
        }

        private float[] scales(
                Ops<CudaMatrix, DeviceMemory, CudaBackend.Activation> ops, Part part) {
            DeviceMemory memory = activation(ops, part).input().inverse();
            try (PinnedMemory copy = new PinnedMemory(context, Math.toIntExact(memory.bytes()))) {
                memory.copyTo(copy, 0, memory.bytes());
                context.synchronize("Reading the scales of " + part);
                float[] scales = new float[tokens];
                copy.buffer().asFloatBuffer().get(scales);
                return scales;
            }
        }

        private float[][] stored(
                Ops<CudaMatrix, DeviceMemory, CudaBackend.Activation> ops, Part part) {
            CudaBackend.Activation from = activation(ops, part);
            DeviceMemory memory = from.memory();
            try (PinnedMemory copy = new PinnedMemory(context, Math.toIntExact(memory.bytes()))) {
                memory.copyTo(copy, 0, memory.bytes());
                context.synchronize("Reading " + part);
                float[][] rows = new float[tokens][from.width()];
                for (int token = 0; token < tokens; token++) {
                    for (int i = 0; i < from.width(); i++) {
                        rows[token][i] = element(copy.buffer(), part, from.width(), token, i);
                    }
                }
                return rows;
            }
        }

        private float element(ByteBuffer from, Part part, int width, int token, int i) {
            if (part == Part.RESIDUAL) {
                return from.getFloat((token * Numerics.pad(width) + i) * Float.BYTES);
            }
            AttentionShape shape = fast.model.attention;
            int bytes = type.bytes();
            long at =
                    part == Part.QUERIES
                            ? ((long) (token * shape.heads() + i / shape.headSize())
                                                    * TileLayout.paddedHead(shape.headSize())
                                            + i % shape.headSize())
                                    * bytes
                            : TileLayout.tileOffset(token, i, width, bytes);
            int index = Math.toIntExact(at);
            return type.toFloat(
                    type == DType.F32 ? from.getInt(index) : from.getShort(index) & 0xffff);
        }

        private static void assertNear(String name, float[][] got, double[][] want, double bound) {
            double error = 0;
            double size = 0;
            for (int row = 0; row < got.length; row++) {
                for (int i = 0; i < got[row].length; i++) {
                    double difference = got[row][i] - want[row][i];
                    error += difference * difference;
                    size += want[row][i] * want[row][i];
                }
            }
            assertThat(Math.sqrt(error / size)).as(name + " and the reference").isLessThan(bound);
        }
    }
}

package io.millrace.gpu.device.cuda;

import static io.millrace.gpu.device.cuda.driver.CudaDriver.check;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.LoadProgress;
import io.millrace.gpu.api.SamplingParameters;
import io.millrace.gpu.common.Scope;
import io.millrace.gpu.device.AttentionShape;
import io.millrace.gpu.device.cuda.driver.CudaContext;
import io.millrace.gpu.device.cuda.driver.DeviceMemory;
import io.millrace.gpu.device.cuda.driver.GraphEdges;
import io.millrace.gpu.device.cuda.driver.KernelLaunch;
import io.millrace.gpu.device.cuda.driver.KernelQueue;
import io.millrace.gpu.device.cuda.driver.PinnedMemory;
import io.millrace.gpu.device.cuda.driver.RecordedGraph;
import io.millrace.gpu.device.cuda.driver.RequiresGpu;
import io.millrace.gpu.device.cuda.kernel.Segmentation;
import io.millrace.gpu.device.cuda.kernel.TileLayout;
import io.millrace.gpu.model.ModelFolder;
import io.millrace.gpu.model.TinyModels;
import io.millrace.gpu.program.StepBatch;
import io.millrace.gpu.program.StepOutput;
import io.millrace.gpu.sampling.SamplingRow;
import io.millrace.gpu.tensor.DType;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import jcuda.Pointer;
import jcuda.driver.CUfunction;
import jcuda.driver.CUmodule;
import jcuda.driver.JCudaDriver;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Kernels that begin before the one before them has ended compute what they compute one after the
 * other. Before each kernel in turn stands one that lets it begin, sleeps, and only then stores all
 * that the step has computed so far, which is NaN until then: who reads too early reads that, and
 * what is written too early is overwritten. K and V of positions that the step does not compute are
 * there all the time.
 */
@RequiresGpu
class DependentLaunchTest {
    private static final int POISON = 0xff;
    private static final int CONTEXT = 1200;
    private static final int MAX_TOKENS = 128;
    private static final int MAX_ROWS = 8;
    private static final int SLEEP_NANOS = 100_000;

    /** Of work, for each window of a model. */
    private static final int LISTS = 6;

    /** Tokens of each row in cache, and in the step. */
    private static final int[][] DECODE = {{3, 1}, {130, 1}, {600, 1}, {1100, 1}, {17, 1}};

    private static final int[][] MIXED = {{0, 59}, {40, 1}, {600, 33}, {1000, 1}};

    /** Rows that have their first chunk in common, but for those that are shorter. */
    private static final int[][] SHARED = {{700, 1}, {1100, 1}, {3, 1}, {513, 1}, {40, 7}};

    private static final int BLOCK = 16;

    @TempDir Path dir;

    @ParameterizedTest
    @CsvSource({
        "segments, BF16",
        "qwen3, BF16",
        "window, BF16",
        "gpt2, BF16",
        "qwen3, F16",
        "gpt2, F16",
        "llama, F32"
    })
    void everyKernelWaitsForTheOneBeforeIt(String model, DType type) throws Exception {
        try (Steps steps = new Steps(model(model), type, dir)) {
            assumeTrue(steps.queue.overlaps(), "Kernels begin one after the other here.");
            for (int[][] rows : List.of(DECODE, MIXED, SHARED)) {
                for (boolean plain : new boolean[] {true, false}) {
                    String step =
                            "%s step of %d rows"
                                    .formatted(plain ? "plain" : "general", rows.length);
                    steps.run(rows, plain);
                    steps.queue.overlap(false);
                    byte[][] expected = steps.compute(-1);
                    assertThat(steps.edges.programmatic()).isZero();
                    steps.queue.overlap(true);
                    for (int kernel = -1; kernel < steps.queue.launches; kernel++) {
                        byte[][] found = steps.compute(kernel);
                        for (int i = 0; i < expected.length; i++) {
                            assertThat(Arrays.mismatch(found[i], expected[i]))
                                    .as(
                                            "%s, sleeper before kernel %d, %s: first wrong byte of piece %d of %d bytes",
                                            step, kernel, steps.queue.name, i, expected[i].length)
                                    .isEqualTo(-1);
                        }
                    }
                }
            }
        }
    }

    /** First a kernel of its own, then all layers. */
    @Test
    void allEdgesOfARecordedStepAreProgrammaticButTheFirstLayersFirst() throws Exception {
        try (Steps steps = new Steps(model("qwen3"), DType.BF16, dir)) {
            assumeTrue(steps.queue.overlaps(), "Kernels begin one after the other here.");
            steps.run(DECODE, true);
            steps.queue.launches = 0;
            try (RecordedGraph graph = RecordedGraph.record(steps.context, steps::layers)) {
                int kernels = steps.queue.launches;
                assertThat(kernels).isGreaterThan(3 + 2 * 7);
                assertThat(graph.edges()).isEqualTo(new GraphEdges(kernels - 1, kernels - 2));
            }
        }
    }

    @Test
    void aKernelThatDoesNotWaitIsFound() throws Exception {
        try (CudaContext context = CudaContext.open(0)) {
            Sleepers queue = new Sleepers(context);
            assumeTrue(queue.overlaps(), "Kernels begin one after the other here.");
            context.queue(queue);
            try (DeviceMemory from = context.allocate("A test", 4096, "no remedy");
                    DeviceMemory middle = context.allocate("A test", 4096, "no remedy");
                    DeviceMemory to = context.allocate("A test", 4096, "no remedy");
                    Pieces slow = new Pieces(context, List.of(middle), List.of(from));
                    Pieces early = new Pieces(context, List.of(to), List.of(middle))) {
                Runnable both =
                        () -> {
                            queue.plain(queue.sleeper, slow.params);
                            check(
                                    queue.launch(queue.hasty, Sleepers.LAUNCH, early.params),
                                    "hasty");
                        };
                from.fill(1);
                middle.fill(POISON);
                try (RecordedGraph graph = RecordedGraph.record(context, both)) {
                    assertThat(graph.edges()).isEqualTo(new GraphEdges(1, 1));
                    graph.launch();
                }
                context.synchronize("A test");
                assertThat(bytes(context, to)).containsOnly((byte) POISON);
                assertThat(bytes(context, middle)).containsOnly((byte) 1);
            } finally {
                queue.close();
            }
        }
    }

    private static TinyModels model(String name) {
        return switch (name) {
            // Products of two and of eight segments.
            case "segments" -> TinyModels.qwen2().hidden(897).intermediate(3601).heads(7, 1, 64);
            case "qwen3" -> TinyModels.qwen3().hidden(192).intermediate(330).heads(4, 2, 128);
            case "window" -> TinyModels.mistral(100).hidden(130).heads(4, 2, 40);
            case "gpt2" -> TinyModels.gpt2().hidden(128).heads(4, 4, 32);
            default -> TinyModels.llama().hidden(96).heads(3, 1, 32);
        };
    }

    private static byte[] bytes(CudaContext context, DeviceMemory memory) {
        byte[] bytes = new byte[Math.toIntExact(memory.bytes())];
        try (PinnedMemory back = new PinnedMemory(context, bytes.length)) {
            memory.copyTo(back, 0, bytes.length);
            context.synchronize("A test");
            back.buffer().get(0, bytes);
        }
        return bytes;
    }

    /** What a sleeper copies, as it is told. */
    private static final class Pieces implements AutoCloseable {
        private final DeviceMemory table;
        private final ByteBuffer params =
                ByteBuffer.allocateDirect(16).order(ByteOrder.LITTLE_ENDIAN);

        Pieces(CudaContext context, List<DeviceMemory> to, List<DeviceMemory> from)
                throws IOException {
            table = context.allocate("A test", 24L * to.size(), "no remedy");
            try (PinnedMemory host = new PinnedMemory(context, 24 * to.size())) {
                for (int i = 0; i < to.size(); i++) {
                    assertThat(to.get(i).bytes() % Integer.BYTES).isZero();
                    host.buffer()
                            .putLong(to.get(i).address())
                            .putLong(from.get(i).address())
                            .putLong(to.get(i).bytes() / Integer.BYTES);
                }
                table.copyFrom(host, 0, 0, 24L * to.size());
                context.synchronize("A test");
            }
            params.putLong(table.address()).putInt(to.size()).putInt(SLEEP_NANOS);
        }

        @Override
        public void close() {
            table.close();
        }
    }

    /** Queues a sleeper before one of the kernels. */
    private static final class Sleepers extends KernelQueue implements AutoCloseable {
        static final KernelLaunch LAUNCH = new KernelLaunch("sleeper", 64, 1, 1, 256, 0);

        private final CUmodule module = new CUmodule();
        final CUfunction sleeper = new CUfunction();
        final CUfunction hasty = new CUfunction();
        int launches;
        int before = -1;
        String name;
        Runnable sleep;

        Sleepers(CudaContext context) throws IOException {
            super(context.stream(), context.capability());
            try (InputStream in = getClass().getResourceAsStream("/cuda/sleeper.ptx")) {
                byte[] text = in.readAllBytes();
                check(
                        JCudaDriver.cuModuleLoadData(module, Arrays.copyOf(text, text.length + 1)),
                        "Loading the sleeper");
            }
            check(JCudaDriver.cuModuleGetFunction(sleeper, module, "sleeper"), "sleeper");
            check(JCudaDriver.cuModuleGetFunction(hasty, module, "hasty"), "hasty");
        }

        @Override
        public int launch(
                CUfunction function, KernelLaunch launch, Pointer params, ByteBuffer struct) {
            if (launches++ == before) {
                name = launch.kernel();
                sleep.run();
            }
            return super.launch(function, launch, params, struct);
        }

        /** Once all before it have ended. */
        void plain(CUfunction function, ByteBuffer struct) {
            settle();
            check(launch(function, LAUNCH, struct), "sleeper");
        }

        int launch(CUfunction function, KernelLaunch launch, ByteBuffer struct) {
            return super.launch(function, launch, Pointer.to(Pointer.to(struct)), struct);
        }

        @Override
        public void close() {
            JCudaDriver.cuModuleUnload(module);
        }
    }

    /** A tiny model, whose last step can be computed again and again. */
    private static final class Steps implements AutoCloseable {
        private final CudaModelRunner runner;
        private final CudaContext context;
        private final Sleepers queue;
        private final Random random = new Random(97);
        private final Scope closers = new Scope();
        private final List<DeviceMemory> computed;
        private final List<DeviceMemory> all;
        private final List<DeviceMemory> initial;
        private final List<DeviceMemory> saved;
        private final DeviceMemory arena;

        /** The arena with NaN where the step writes. */
        private final DeviceMemory unwritten;

        private final AttentionShape shape;
        private final DType type;
        private final Pieces pieces;
        private final Pieces allPieces;

        /** Kernels before those of layers. */
        private final int front;

        private GraphEdges edges;

        Steps(TinyModels model, DType type, Path dir) throws IOException {
            ModelFolder folder = ModelFolder.open(model.context(CONTEXT).dtype(type).write(dir));
            EngineOptions options =
                    EngineOptions.of("tiny")
                            .withMaxBatchedTokens(MAX_TOKENS)
                            .withMaxSequences(MAX_ROWS)
                            .withKvCacheBytes(8 << 20);
            runner =
                    CudaModelRunner.open(
                            folder, options, Segmentation.CONTRACT, 1, LoadProgress.NONE);
            context = runner.context();
            closers.add(runner);
            runner.backend().shareFrom(0);
            queue = new Sleepers(context);
            closers.add(queue);
            context.queue(queue);
            fillArena(type);
            computed = runner.backend().computed();
            all = new ArrayList<>(computed);
            List<DeviceMemory> listed = runner.backend().listed();
            all.addAll(listed);
            front = 2 + (listed.size() - 1) / LISTS;
            initial = likeThem();
            saved = likeThem();
            arena = runner.backend().arena();
            unwritten = closing(context.allocate("A test", arena.bytes(), "no remedy"));
            shape = folder.attentionShape();
            this.type = type;
            pieces = closing(new Pieces(context, computed, saved.subList(0, computed.size())));
            allPieces = closing(new Pieces(context, all, saved));
        }

        private <T extends AutoCloseable> T closing(T value) {
            closers.add(value);
            return value;
        }

        private List<DeviceMemory> likeThem() throws IOException {
            List<DeviceMemory> copies = new ArrayList<>();
            for (DeviceMemory memory : all) {
                copies.add(closing(context.allocate("A test", memory.bytes(), "no remedy")));
            }
            return copies;
        }

        private void fillArena(DType type) {
            try (PinnedMemory noise = new PinnedMemory(context, 1 << 20)) {
                for (int at = 0; at < noise.buffer().capacity(); at += Integer.BYTES) {
                    int bits = random.nextInt();
                    noise.buffer()
                            .putInt(
                                    at,
                                    switch (type) {
                                        case BF16 -> bits & 0x807f807f | 0x3f003f00;
                                        case F16 -> bits & 0x83ff83ff | 0x38003800;
                                        default -> bits & 0x807fffff | 0x3f000000;
                                    });
                }
                runner.backend().fillArena(noise);
                context.synchronize("A test");
            }
        }

        /** Runs a step, after another of the same shape, whose results it finds. */
        void run(int[][] rows, boolean plain) {
            queue.before = -1;
            runner.run(batch(rows, plain), new StepOutput(MAX_ROWS));
            copy(all, initial);
            StepBatch batch = batch(rows, plain);
            runner.run(batch, new StepOutput(MAX_ROWS));
            // Tables and lists are those of this step.
            copy(
                    all.subList(computed.size(), all.size()),
                    initial.subList(computed.size(), all.size()));
            context.synchronize("A test");
            poisonWritten(batch);
        }

        private void poisonWritten(StepBatch batch) {
            byte[] image = bytes(context, arena);
            int head = TileLayout.paddedHead(shape.headSize()) * type.bytes();
            int block = 2 * shape.kvHeads() * head * BLOCK;
            for (int row = 0; row < batch.rows; row++) {
                for (int token = batch.rowStart[row]; token < batch.rowStart[row + 1]; token++) {
                    int position = batch.positions[token];
                    int place = batch.blockTables[row][position / BLOCK] * block;
                    for (int layer = 0; layer < shape.layers(); layer++) {
                        for (int slab = 0; slab < block / (128 * BLOCK); slab++) {
                            int at =
                                    layer * runner.kvBlocks() * block
                                            + place
                                            + (slab * BLOCK + position % BLOCK) * 128;
                            Arrays.fill(image, at, at + 128, (byte) POISON);
                        }
                    }
                }
            }
            try (PinnedMemory pinned = new PinnedMemory(context, image.length)) {
                pinned.buffer().put(0, image);
                unwritten.copyFrom(pinned, 0, 0, image.length);
                context.synchronize("A test");
            }
        }

        private StepBatch batch(int[][] rows, boolean plain) {
            StepBatch batch = new StepBatch(MAX_TOKENS, MAX_ROWS);
            int block = 1;
            for (int row = 0; row < rows.length; row++) {
                int before = rows[row][0];
                int tokens = rows[row][1];
                batch.blockTables[row] = new int[(before + tokens + BLOCK - 1) / BLOCK];
                boolean shares = rows == SHARED && before > 512;
                for (int i = 0; i < batch.blockTables[row].length; i++) {
                    boolean common = shares && row > 0 && i < 512 / BLOCK;
                    batch.blockTables[row][i] =
                            common ? batch.blockTables[0][i] : block++ % runner.kvBlocks();
                }
                for (int i = 0; i < tokens; i++) {
                    batch.tokenIds[batch.tokens] = random.nextInt(runner.vocabularySize());
                    batch.positions[batch.tokens++] = before + i;
                }
                batch.rowStart[++batch.rows] = batch.tokens;
                batch.sample(row, 1, new SamplingRow(parameters(row, plain), row, 0, new int[0]));
            }
            assertThat(block).isLessThanOrEqualTo(runner.kvBlocks());
            return batch;
        }

        private static SamplingParameters parameters(int row, boolean plain) {
            SamplingParameters.Builder builder = SamplingParameters.builder().maxTokens(9);
            builder.temperature(row % 2 == 0 ? 0.8 : 0).ignoreEos(true);
            if (!plain && row % 2 == 0) {
                builder.topK(17).topP(0.9).logprobs(3);
            }
            return builder.build();
        }

        private void layers() {
            runner.backend().again();
            runner.compute();
        }

        /**
         * Computes the step that ran last, in a recorded graph, from what was there before it.
         *
         * @param sleeper before which kernel there is one
         * @return all that was computed
         */
        byte[][] compute(int sleeper) {
            copy(initial, all);
            queue.launches = 0;
            queue.before = sleeper;
            boolean early = sleeper < front;
            int count = early ? all.size() : computed.size();
            queue.sleep =
                    () -> {
                        copy(all.subList(0, count), saved.subList(0, count));
                        for (DeviceMemory memory : all.subList(0, count)) {
                            if (memory == arena) {
                                copy(List.of(unwritten), List.of(arena));
                            } else {
                                memory.fill(POISON);
                            }
                        }
                        queue.plain(queue.sleeper, (early ? allPieces : pieces).params);
                    };
            Runnable step =
                    () -> {
                        layers();
                        runner.backend().sampleRows();
                    };
            try (RecordedGraph graph = RecordedGraph.record(context, step)) {
                edges = graph.edges();
                graph.launch();
                context.synchronize("A test's step");
            }
            byte[][] found = new byte[computed.size()][];
            for (int i = 0; i < found.length; i++) {
                found[i] = bytes(context, computed.get(i));
            }
            return found;
        }

        private static void copy(List<DeviceMemory> from, List<DeviceMemory> to) {
            for (int i = 0; i < from.size(); i++) {
                to.get(i).copyFrom(from.get(i), 0, 0, from.get(i).bytes());
            }
        }

        @Override
        public void close() throws Exception {
            closers.close();
        }
    }
}

package io.millrace.gpu.device.cuda.driver;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.LoadProgress;
import io.millrace.gpu.device.cuda.CudaModelRunner;
import io.millrace.gpu.device.cuda.kernel.Kernel;
import io.millrace.gpu.device.cuda.kernel.KernelIndex;
import io.millrace.gpu.device.cuda.kernel.KernelModules;
import io.millrace.gpu.device.cuda.kernel.Segmentation;
import io.millrace.gpu.device.cuda.struct.ParamsHeader.NormParams;
import io.millrace.gpu.model.ModelFolder;
import io.millrace.gpu.model.TinyModels;
import io.millrace.gpu.program.StepBatch;
import io.millrace.gpu.program.StepOutput;
import io.millrace.gpu.tensor.DType;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Memory, kernels and errors of a GPU, without a model's answers. */
@RequiresGpu
class CudaRuntimeTest {
    @TempDir Path dir;

    @Test
    void bytesComeBackAsTheyWent() throws IOException {
        try (CudaContext context = CudaContext.open(0)) {
            try (DeviceMemory memory = context.allocate("A test", 1023, "no remedy");
                    UploadRing ring = new UploadRing(context, 2, 64);
                    PinnedMemory back = new PinnedMemory(context, 1023)) {
                for (int i = 0; i < 17; i++) {
                    UploadRing.Slot slot = ring.next();
                    for (int b = 0; b < 54; b++) {
                        slot.memory().buffer().put(b, (byte) (i * 54 + b));
                    }
                    memory.copyFrom(slot.memory(), 0, i * 54L, 54);
                    slot.queued();
                }
                memory.copyTo(back, 0, 1023);
                context.synchronize("A test");
                for (int i = 0; i < 1023; i++) {
                    assertThat(back.buffer().get(i)).isEqualTo((byte) (i < 17 * 54 ? i : 0));
                }
            }
            assertThat(context.handles()).isZero();
            assertThat(context.bytes()).isZero();
        }
    }

    @Test
    void theFirstBytesAreRepeatedToTheEnd() throws IOException {
        try (CudaContext context = CudaContext.open(0);
                DeviceMemory memory = context.allocate("A test", 1023, "no remedy");
                PinnedMemory some = new PinnedMemory(context, 17);
                PinnedMemory back = new PinnedMemory(context, 1023)) {
            for (int i = 0; i < 17; i++) {
                some.buffer().put(i, (byte) (i + 1));
            }
            memory.copyFrom(some, 0, 0, 17);
            memory.repeat(17);
            memory.copyTo(back, 0, 1023);
            context.synchronize("A test");
            for (int i = 0; i < 1023; i++) {
                assertThat(back.buffer().get(i)).as("byte " + i).isEqualTo((byte) (i % 17 + 1));
            }
        }
    }

    @Test
    void whatIsNotGivenBackIsNoticed() throws IOException {
        CudaContext context = CudaContext.open(0);
        DeviceMemory left = context.allocate("A test", 97, "no remedy");
        assertThatThrownBy(context::close)
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContainingAll("1 handles", "97 bytes");
        left.close();
        context.close();
    }

    @Test
    void tooMuchMemorySaysWhatWasAskedWhatIsFreeAndWhatToTurn() throws IOException {
        try (CudaContext context = CudaContext.open(0)) {
            assertThatThrownBy(() -> context.allocate("The test", 1L << 50, "ask for less"))
                    .isInstanceOf(GpuException.class)
                    .hasMessageContainingAll("The test asks for", "MiB free of", "ask for less");
        }
    }

    @Test
    void everyKernelOfTheBuildLoads() throws Exception {
        try (CudaContext context = CudaContext.open(0);
                KernelModules modules = new KernelModules(context, KernelIndex.read())) {
            for (String line : lines("kernels.index")) {
                assertThat(modules.kernel(line.split(" ")[0])).isNotNull();
            }
        }
    }

    @Test
    void aLaunchThatCannotBeNamesOpKernelAndShapes() throws Exception {
        try (CudaContext context = CudaContext.open(0);
                KernelModules modules = new KernelModules(context, KernelIndex.read())) {
            Kernel kernel = modules.kernel("norm_bf16");
            NormParams params = norm(0);
            assertThatThrownBy(
                            () ->
                                    kernel.launch(
                                            "norm",
                                            params,
                                            new KernelLaunch("norm_bf16", 17, 1, 1, 4096, 0),
                                            context.queue()))
                    .isInstanceOf(DeviceException.class)
                    .hasMessageContainingAll(
                            "norm, kernel norm_bf16", "(17, 1, 1)", "4096 threads", "CUDA_ERROR_");
            assertThatThrownBy(() -> modules.kernel("no_such_kernel"))
                    .hasMessageContaining("no_such_kernel");
        }
    }

    @Test
    void aRunnerGivesBackWhateverItTook() throws IOException {
        ModelFolder folder = ModelFolder.open(TinyModels.qwen2().dtype(DType.BF16).write(dir));
        EngineOptions options =
                EngineOptions.of("tiny").withMaxBatchedTokens(64).withMaxSequences(3);
        long before;
        try (CudaContext context = CudaContext.open(0)) {
            before = context.freeBytes();
            // close() throws if anything is left.
            CudaModelRunner.open(folder, options, LoadProgress.NONE).close();
            CudaModelRunner.open(folder, options, LoadProgress.NONE).close();
            assertThat(context.freeBytes()).isGreaterThanOrEqualTo(before - (32 << 20));
        }
    }

    @Test
    void aRunnerWithStepsInFlightGivesBackWhateverItTook() throws IOException {
        ModelFolder folder = ModelFolder.open(TinyModels.qwen2().dtype(DType.BF16).write(dir));
        EngineOptions options =
                EngineOptions.of("tiny").withMaxBatchedTokens(64).withMaxSequences(3);
        CudaModelRunner runner =
                CudaModelRunner.open(folder, options, Segmentation.CONTRACT, 8, LoadProgress.NONE);
        StepBatch batch = oneToken();
        StepOutput output = new StepOutput(3);
        for (int i = 0; i < 9; i++) {
            runner.launch(batch, output);
        }
        assertThatThrownBy(() -> runner.launch(batch, output))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("9 steps in flight");
        runner.complete();
        assertThat(runner.deviceGapNanos()).isEqualTo(-1);
        runner.complete();
        assertThat(runner.deviceGapNanos()).isBetween(0L, 1_000_000_000L);
        // It throws if anything is left.
        runner.close();
    }

    @Test
    void whatDoesNotFitIsOneSentence() throws IOException {
        ModelFolder folder = ModelFolder.open(TinyModels.llama().dtype(DType.F16).write(dir));
        EngineOptions options = EngineOptions.of("tiny");
        assertThatThrownBy(
                        () ->
                                CudaModelRunner.open(
                                        folder,
                                        options.withGpuMemoryUtilization(1e-6),
                                        LoadProgress.NONE))
                .isInstanceOf(GpuException.class)
                .hasMessageContainingAll("One whole context", "--gpu-memory-utilization");
        assertThatThrownBy(
                        () -> CudaModelRunner.open(folder, options.withGpu(97), LoadProgress.NONE))
                .isInstanceOf(GpuException.class)
                .hasMessageContaining("no GPU 97");
    }

    @Test
    void aFullGpuIsOneSentenceThatSaysWhichOptionToTurn() throws IOException {
        TinyModels tiny = TinyModels.llama().dtype(DType.BF16);
        ModelFolder small = ModelFolder.open(tiny.write(dir.resolve("small")));
        ModelFolder large =
                ModelFolder.open(tiny.hidden(128).vocabulary(100_000).write(dir.resolve("large")));
        EngineOptions options = EngineOptions.of("tiny");
        List<DeviceMemory> ballast = new ArrayList<>();
        try (CudaContext context = CudaContext.open(0)) {
            try {
                leave(context, 32L << 20, ballast);
                long before = context.freeBytes();
                assertFull(large, options, "The model in", "take a smaller model");
                assertFull(
                        small,
                        options.withMaxBatchedTokens(1 << 20),
                        "An activation",
                        "lower --max-batched-tokens");
                assertFull(
                        small,
                        options.withMaxBatchedTokens(16)
                                .withMaxSequences(1 << 16)
                                .withKvCacheBytes(1L << 40),
                        "The KV cache",
                        "lower --kv-cache-memory, --gpu-memory-utilization");
                // Whoever fails gives back what it has.
                assertThat(context.freeBytes()).isGreaterThanOrEqualTo(before - (4 << 20));
            } finally {
                ballast.forEach(DeviceMemory::close);
            }
            CudaModelRunner.open(small, options, LoadProgress.NONE).close();
        }
    }

    private static void assertFull(
            ModelFolder folder, EngineOptions options, String what, String remedy) {
        assertThatThrownBy(() -> CudaModelRunner.open(folder, options, LoadProgress.NONE))
                .isInstanceOf(GpuException.class)
                .hasMessageMatching("[^\n]* asks for \\d+ MiB on GPU 0 [^\n]*\\.")
                .hasMessageContainingAll(what, " MiB free of ", remedy);
    }

    /** Takes all but so much of the GPU's memory. */
    private static void leave(CudaContext context, long bytes, List<DeviceMemory> taken) {
        for (long piece = 1L << 30; piece >= 2 << 20; piece /= 2) {
            try {
                while (context.freeBytes() >= piece + bytes) {
                    taken.add(context.allocate("Ballast", piece, "none"));
                }
            } catch (GpuException e) {
                // What is free lies in smaller pieces.
            }
        }
        context.synchronize("Ballast");
    }

    @Test
    void aDeadContextEndsAsAnInternalError() throws Exception {
        assertThat(said(DeadContext.class))
                .contains("InternalError", "context is dead", "A test's step")
                .contains("CUDA_ERROR_ILLEGAL_ADDRESS", "and its end");
    }

    @Test
    void aStepThatKillsTheContextIsNamedThoughOthersAreBehindIt() throws Exception {
        Path folder = TinyModels.qwen2().dtype(DType.BF16).write(dir);
        assertThat(said(DeadStep.class, folder.toString()))
                .contains("InternalError", "context is dead", "step 4 of 1 tokens in 1 rows")
                .contains("CUDA_ERROR_ILLEGAL_ADDRESS", "and its end");
    }

    private static String said(Class<?> program, String... arguments) throws Exception {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), program.getName()));
        command.addAll(List.of(arguments));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        try (InputStream out = process.getInputStream()) {
            String said = new String(out.readAllBytes(), StandardCharsets.UTF_8);
            assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
            return said;
        } finally {
            process.destroyForcibly();
        }
    }

    /** Has a step write far from all memory, others behind it, in a process of its own. */
    static final class DeadStep {
        private DeadStep() {}

        public static void main(String[] args) throws IOException {
            ModelFolder folder = ModelFolder.open(Path.of(args[0]));
            EngineOptions options =
                    EngineOptions.of("tiny").withMaxBatchedTokens(16).withMaxSequences(2);
            CudaModelRunner runner =
                    CudaModelRunner.open(
                            folder, options, Segmentation.CONTRACT, 2, LoadProgress.NONE);
            StepBatch batch = oneToken();
            StepOutput output = new StepOutput(2);
            // Until nothing is loaded or recorded any more.
            for (int i = 0; i < 3; i++) {
                runner.run(batch, output);
            }
            try {
                batch.blockTables[0] = new int[] {1 << 27};
                runner.launch(batch, output);
                batch.blockTables[0] = new int[] {1};
                runner.launch(batch, output);
                runner.launch(batch, output);
                runner.complete();
            } catch (InternalError e) {
                System.out.println(e);
            }
            runner.close();
            System.out.println("and its end");
        }
    }

    private static StepBatch oneToken() {
        StepBatch batch = new StepBatch(16, 2);
        batch.tokens = 1;
        batch.rows = 1;
        batch.rowStart[1] = 1;
        batch.blockTables[0] = new int[] {1};
        return batch;
    }

    /** All of whose pointers are the same. */
    private static NormParams norm(long address) {
        return new NormParams()
                .begin()
                .x(address)
                .weight(address)
                .bias(address)
                .out(address)
                .inverse(address)
                .step(address)
                .gather(address)
                .width(97)
                .epsilon(1e-5f);
    }

    /** Kills a context, in a process of its own. */
    static final class DeadContext {
        private DeadContext() {}

        public static void main(String[] args) throws IOException {
            CudaContext context = CudaContext.open(0);
            KernelModules modules = new KernelModules(context, KernelIndex.read());
            NormParams params = norm(0x10);
            try {
                modules.kernel("norm_f32")
                        .launch(
                                "norm",
                                params,
                                new KernelLaunch("norm_f32", 1, 1, 1, 128, 0),
                                context.queue());
                context.synchronize("A test's step");
            } catch (InternalError e) {
                System.out.println(e);
            }
            modules.close();
            context.close();
            System.out.println("and its end");
        }
    }

    private static Iterable<String> lines(String resource) throws IOException {
        try (InputStream in = KernelIndex.class.getResourceAsStream(resource)) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8).lines().toList();
        }
    }
}

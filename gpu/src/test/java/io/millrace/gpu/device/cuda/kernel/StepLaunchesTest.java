package io.millrace.gpu.device.cuda.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.millrace.gpu.device.AttentionShape;
import io.millrace.gpu.device.cuda.driver.DeviceLimits;
import io.millrace.gpu.device.cuda.driver.GpuException;
import io.millrace.gpu.device.cuda.driver.KernelLaunch;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Every GPU that the kernels are made for takes every launch of every shape of model. */
class StepLaunchesTest {
    private static final DeviceLimits LIMITS =
            new DeviceLimits(80, 1024, 0, Integer.MAX_VALUE, 65_535, 65_535);

    /**
     * A kind of GPU: compute capability times ten, multiprocessors, and KB of shared memory that a
     * CTA can have.
     */
    private record Gpu(String name, int capability, int multiprocessors, int sharedKb) {
        DeviceLimits limits() {
            return new DeviceLimits(
                    capability,
                    LIMITS.threads(),
                    sharedKb << 10,
                    LIMITS.gridX(),
                    LIMITS.gridY(),
                    LIMITS.gridZ());
        }
    }

    private static final List<Gpu> GPUS =
            List.of(
                    new Gpu("A100", 80, 108, 163),
                    new Gpu("A10, RTX 30", 86, 72, 99),
                    new Gpu("L4, RTX 40", 89, 58, 99),
                    new Gpu("H100", 90, 132, 227),
                    new Gpu("B200", 100, 148, 227),
                    new Gpu("RTX 50", 120, 170, 99));

    /**
     * Of a model: hidden size, inner size, heads, kv heads, head size, tokens of the vocabulary.
     */
    private record Model(
            String name, int hidden, int inner, int heads, int kvHeads, int headSize, int tokens) {
        List<CudaMatrix> matrices() {
            int attended = heads * headSize;
            return List.of(
                    CudaMatrix.of(null, tokens, hidden),
                    CudaMatrix.of(null, attended + 2 * kvHeads * headSize, hidden),
                    CudaMatrix.of(null, hidden, attended),
                    CudaMatrix.of(null, 2 * inner, hidden),
                    CudaMatrix.of(null, inner, hidden),
                    CudaMatrix.of(null, hidden, inner));
        }
    }

    private static final List<Model> MODELS =
            List.of(
                    new Model("GPT-2", 768, 3072, 12, 12, 64, 50_257),
                    new Model("Qwen2.5-0.5B", 896, 4864, 14, 2, 64, 151_936),
                    new Model("Qwen2.5-72B", 8192, 29_568, 64, 8, 128, 152_064),
                    new Model("Qwen3-0.6B", 1024, 3072, 16, 8, 128, 151_936),
                    new Model("Llama-3.2-1B", 2048, 8192, 32, 8, 64, 128_256),
                    new Model("Llama-3.1-8B", 4096, 14_336, 32, 8, 128, 128_256),
                    new Model("Mistral-7B", 4096, 14_336, 32, 8, 128, 32_768),
                    new Model("Phi-3-mini", 3072, 8192, 32, 32, 96, 32_064),
                    new Model("odd", 97, 54, 40, 1, 24, 131_071));

    static Stream<Arguments> grid() {
        return GPUS.stream().flatMap(gpu -> MODELS.stream().map(m -> Arguments.of(gpu, m)));
    }

    /** Shared memory of a kernel beside what a launch asks for. */
    private static int staticBytes(String kernel) {
        return switch (kernel.replaceAll("_.*", "")) {
            case "head" -> kernel.matches("head_.*_(\\d+|large)") ? 3 << 10 : 0;
            case "sample" -> 47 << 10;
            default ->
                    switch (kernel) {
                        case "matmul_f32", "attention_plan" -> 47 << 10;
                        default ->
                                kernel.startsWith("attention_cascade")
                                        ? 3 << 10
                                        : kernel.startsWith("attention_prefill_sm90") ? 0 : 1 << 10;
                    };
        };
    }

    @ParameterizedTest
    @MethodSource("grid")
    void everyGpuTakesEveryLaunch(Gpu gpu, Model model) {
        AttentionShape shape = new AttentionShape(1, model.heads, model.kvHeads, model.headSize);
        for (String type : List.of("bf16", "f16", "f32")) {
            for (int[] most : new int[][] {{1, 1}, {512, 64}, {2048, 256}, {16_384, 1024}}) {
                StepLaunches launches =
                        new StepLaunches(
                                type, shape, model.matrices(), model.tokens, most[0], most[1]);
                for (Segmentation segmentation : Segmentation.values()) {
                    Set<KernelLaunch> all =
                            launches.on(gpu.limits(), gpu.multiprocessors, segmentation);
                    assertThatCode(
                                    () -> {
                                        for (KernelLaunch each : all) {
                                            int fixed = staticBytes(each.kernel());
                                            gpu.limits().check(gpu.name, each, fixed, 1024);
                                        }
                                    })
                            .doesNotThrowAnyException();
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("grid")
    void everyLaunchHasItsKernelInTheBuild(Gpu gpu, Model model) throws IOException {
        String index = "kernels.index";
        assumeTrue(KernelIndex.class.getResource(index) != null, "this build has no kernels");
        KernelIndex kernels = KernelIndex.read();
        AttentionShape shape = new AttentionShape(1, model.heads, model.kvHeads, model.headSize);
        for (String type : List.of("bf16", "f16", "f32")) {
            StepLaunches launches =
                    new StepLaunches(type, shape, model.matrices(), model.tokens, 2048, 256);
            Set<String> names = new TreeSet<>(Set.of(RowTiles.kernel(type)));
            launches.on(gpu.limits(), gpu.multiprocessors, Segmentation.CONTRACT)
                    .forEach(each -> names.add(each.kernel()));
            for (String name : names) {
                assertThat(kernels.has(name)).as(name).isTrue();
                assertThat(KernelIndex.fatbin(kernels.module(name))).as(name).isNotEmpty();
            }
        }
    }

    @Test
    void aGpuWithLessIsRefused() {
        DeviceLimits little = LIMITS.withSharedBytes(64 << 10);
        AttentionShape shape = new AttentionShape(32, 32, 8, 128);
        Set<KernelLaunch> all =
                new StepLaunches(
                                "bf16",
                                shape,
                                List.of(CudaMatrix.of(null, 4096, 4096)),
                                128_256,
                                2048,
                                256)
                        .on(little, 40, Segmentation.CONTRACT);
        assertThatThrownBy(
                        () -> {
                            for (KernelLaunch each : all) {
                                little.check("GPU 0 (small)", each, 1024, 1024);
                            }
                        })
                .isInstanceOf(GpuException.class)
                .hasMessageContainingAll("GPU 0 (small)", "65536");
    }

    @Test
    void staticSharedMemoryIsNoMoreThanAssumed() throws IOException {
        Path reports = Path.of("target", "cuda");
        assumeTrue(Files.exists(reports.resolve("attention.log")), "this build has no kernels");
        Pattern entry = Pattern.compile("Compiling entry function '(\\w+)'");
        Pattern used = Pattern.compile("Used \\d+ registers.*?(\\d+) bytes smem");
        TreeMap<String, Integer> most = new TreeMap<>();
        try (Stream<Path> logs = Files.list(reports)) {
            for (Path log : logs.filter(p -> p.toString().endsWith(".log")).toList()) {
                String kernel = "";
                for (String line : Files.readAllLines(log)) {
                    Matcher e = entry.matcher(line);
                    Matcher u = used.matcher(line);
                    if (e.find()) {
                        kernel = e.group(1);
                    } else if (u.find()) {
                        most.merge(kernel, Integer.parseInt(u.group(1)), Math::max);
                    }
                }
            }
        }
        assertThat(most).containsKeys("attention_prefill_bf16_128_32", "head_bf16_large");
        most.forEach(
                (kernel, bytes) ->
                        assertThat(bytes).as(kernel).isLessThanOrEqualTo(staticBytes(kernel)));
    }
}

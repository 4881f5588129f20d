package io.millrace.gpu.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.EngineOptions.Device;
import io.millrace.gpu.api.EngineOptions.Weights;
import io.millrace.gpu.api.GenerationRequest;
import io.millrace.gpu.api.GenerationResult;
import io.millrace.gpu.api.LoadProgress;
import io.millrace.gpu.api.ModelInfo;
import io.millrace.gpu.api.OptionNames;
import io.millrace.gpu.api.RequestRejectedException;
import io.millrace.gpu.api.SamplingParameters;
import io.millrace.gpu.device.cuda.CudaModelRunner;
import io.millrace.gpu.model.TinyModels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The engine as a library: opened from a folder, used as its Javadoc shows. */
class EngineExampleTest {
    @TempDir Path folders;

    /** Word for word the example in {@link Engine}, but for where the text goes. */
    private static List<String> example(String folder, List<String> prompts)
            throws IOException, RequestRejectedException {
        List<String> lines = new ArrayList<>();
        // begin
        try (Engine engine = Engine.open(EngineOptions.of(folder))) {
            SamplingParameters sampling = SamplingParameters.builder().maxTokens(40).build();
            List<GenerationRequest> requests = new ArrayList<>();
            for (String prompt : prompts) {
                int[] tokens = engine.tokenizer().encode(prompt);
                requests.add(GenerationRequest.of(prompt, tokens, sampling));
            }
            for (GenerationResult result : engine.complete(requests)) {
                lines.add(result.completions().get(0).text());
            }
        }
        // end
        return lines;
    }

    @Test
    void theJavadocsExampleRuns() throws Exception {
        String folder = TinyModels.llama().write(folders.resolve("m")).toString();
        List<String> together = example(folder, List.of("hello", "what is this", "a"));
        assertThat(together).hasSize(3).doesNotContain("");
        assertThat(example(folder, List.of("a"))).containsExactly(together.get(2));
    }

    @Test
    void theJavadocShowsWhatThisTestRuns() throws IOException {
        String javadoc =
                Files.readString(Path.of("src/main/java/io/millrace/gpu/engine/Engine.java"));
        String test =
                Files.readString(
                        Path.of("src/test/java/io/millrace/gpu/engine/EngineExampleTest.java"));
        List<String> shown =
                code(between(javadoc, "<pre>{@code\n", "}</pre>").replaceAll("(?m)^ \\*", ""));
        List<String> run = code(between(test, "// begin\n", "// end\n"));
        run.replaceAll(line -> line.replace("lines.add(", "System.out.println("));
        assertThat(shown).isEqualTo(run).hasSizeBetween(8, 12);
        String page = Files.readString(Path.of("../docs/library.md"));
        assertThat(code(between(page, "```java\n", "```"))).isEqualTo(run);
    }

    @Test
    void openingTellsHowFarItIs() throws Exception {
        Path folder = TinyModels.qwen2().write(folders.resolve("q"));
        Set<String> finished = new LinkedHashSet<>();
        LoadProgress progress =
                (phase, done, total) -> {
                    if (done == total) {
                        finished.add(phase);
                    }
                };
        try (Engine engine = Engine.open(EngineOptions.of(folder.toString()), progress)) {
            assertThat(finished).isNotEmpty();
            ModelInfo model = engine.model();
            assertThat(model.name()).isEqualTo("q");
            assertThat(model.fingerprint()).matches("[0-9a-f]{24}");
            assertThat(model.vocabularySize()).isEqualTo(320);
            assertThat(model.maxModelLen()).isEqualTo(256);
            assertThat(engine.maxSequences()).isEqualTo("CPU".equals(model.device()) ? 64 : 256);
        }
    }

    @Test
    void theFingerprintIsThatOfWhatAnswersDependOn() throws Exception {
        EngineOptions one = options(TinyModels.llama(), "one");
        EngineOptions two = options(TinyModels.llama().seed(2), "two");
        String fingerprint = fingerprint(one);
        assertThat(fingerprint(one.withMaxSequences(3).withThreads(1).withBlockSize(8)))
                .isEqualTo(fingerprint);
        assertThat(fingerprint(two)).isNotEqualTo(fingerprint);
        assertThat(fingerprint(one.withMaxModelLen(17))).isEqualTo(fingerprint);
        assertThat(fingerprint(one.withKvCacheBytes(60_000))).isEqualTo(fingerprint);
        assertThat(fingerprint(one.withWeights(Weights.INT8))).isNotEqualTo(fingerprint);
    }

    @Test
    void whatMightNotFitHereIsRefusedAndAnswersEndByTheModelsContextAlone() throws Exception {
        EngineOptions options = options(TinyModels.llama(), "short");
        int[] prompt = new int[16];
        SamplingParameters nine = SamplingParameters.builder().maxTokens(9).ignoreEos(true).build();
        GenerationRequest fits = GenerationRequest.of("r", prompt, nine);
        GenerationRequest all =
                GenerationRequest.of("r", prompt, nine.toBuilder().maxTokens(10_000).build());
        int[] whole;
        try (Engine engine = Engine.open(options)) {
            whole = engine.complete(List.of(all)).get(0).completions().get(0).tokenIds();
            assertThat(whole).hasSize(256 - 16);
        }
        try (Engine engine = Engine.open(options.withMaxModelLen(25))) {
            assertThat(engine.model().maxModelLen()).isEqualTo(25);
            assertThat(engine.model().context()).isEqualTo(256);
            GenerationResult result = engine.complete(List.of(fits)).get(0);
            assertThat(result.completions().get(0).tokenIds()).isEqualTo(Arrays.copyOf(whole, 9));
            assertRefused(
                    engine,
                    all,
                    "The prompt has 16 tokens and its answer may have 240 (max_tokens is 10000),"
                            + " 256 together, but maxModelLen is 25: raise it to at least 256, or"
                            + " set max_tokens to at most 9.");
        }
        EngineOptions flags = options.withKvCacheBytes(60_000).withNames(OptionNames.COMMAND_LINE);
        try (Engine engine = Engine.open(flags.withDevice(Device.CPU))) {
            int room = engine.model().maxModelLen();
            assertThat(room).isBetween(25, 255);
            assertThat(engine.complete(List.of(fits)).get(0).completions().get(0).tokenIds())
                    .isEqualTo(Arrays.copyOf(whole, 9));
            assertRefused(
                    engine,
                    all,
                    "256 together, but --kv-cache-memory has room for "
                            + room
                            + ": raise it to at least ");
            String needed =
                    assertRefused(engine, all, "").replaceAll(".*at least (\\d+) KiB.*", "$1");
            long bytes = Long.parseLong(needed) << 10;
            try (Engine enough =
                    Engine.open(flags.withDevice(Device.CPU).withKvCacheBytes(bytes))) {
                assertThat(enough.complete(List.of(all)).get(0).completions().get(0).tokenIds())
                        .isEqualTo(whole);
            }
        }
    }

    private static String assertRefused(Engine engine, GenerationRequest request, String message) {
        Throwable refused = catchThrowable(() -> engine.complete(List.of(request)));
        assertThat(refused)
                .isInstanceOf(RequestRejectedException.class)
                .hasMessageContaining(message);
        assertThat(engine.hasWork()).isFalse();
        return refused.getMessage();
    }

    /** Those of the releases before counted how long a request could become. */
    @Test
    void fingerprintsThatCountedTheLengthAreKnown() throws Exception {
        EngineOptions options = options(TinyModels.llama(), "earlier");
        try (Engine engine = Engine.open(options)) {
            ModelInfo model = engine.model();
            assertThat(model.earlier().of(256)).isEqualTo(model.fingerprint());
            assertThat(model.earlier().contains(model.earlier().of(97))).isTrue();
            assertThat(model.earlier().contains(model.fingerprint())).isFalse();
            assertThat(model.earlier().contains("0123456789abcdef01234567")).isFalse();
        }
        String other = fingerprint(options(TinyModels.llama().seed(3), "other"));
        try (Engine engine = Engine.open(options)) {
            assertThat(engine.model().earlier().contains(other)).isFalse();
        }
    }

    @Test
    void withoutAGpuCudaIsRefusedAndAutoIsTheCpu() throws IOException {
        String reason = CudaModelRunner.reasonAgainst(EngineOptions.ANY_GPU);
        assumeTrue(reason != null, "This machine has a GPU.");
        assertThat(reason).contains("take the device cpu").matches("[^.\n]*(\\.so\\.1)?[^.\n]*\\.");
        EngineOptions options = options(TinyModels.llama(), "no-gpu");
        assertRefused(options.withDevice(Device.CUDA), reason);
        try (Engine engine = Engine.open(options.withDevice(Device.AUTO))) {
            assertThat(engine.model().device()).isEqualTo("CPU");
        }
    }

    @Test
    void theCpuTouchesNoDriver() throws Exception {
        assumeTrue(
                CudaModelRunner.reasonAgainst(EngineOptions.ANY_GPU) != null,
                "This machine has a GPU, and auto takes it.");
        String model = TinyModels.llama().write(folders.resolve("plain")).toString();
        Process process =
                new ProcessBuilder(
                                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                                "--add-modules=jdk.incubator.vector",
                                "-verbose:class",
                                "-cp",
                                System.getProperty("java.class.path"),
                                OpenAuto.class.getName(),
                                model)
                        .redirectErrorStream(true)
                        .start();
        try {
            String said =
                    new String(
                            process.getInputStream().readAllBytes(),
                            java.nio.charset.StandardCharsets.UTF_8);
            assertThat(process.waitFor()).as(said).isZero();
            assertThat(said).contains("io.millrace.gpu.device.cpu.CpuModelRunner", "opened on CPU");
            assertThat(said).doesNotContain("jcuda.driver.JCudaDriver");
        } finally {
            process.destroyForcibly();
        }
    }

    /** Opens a model on whatever there is. */
    static final class OpenAuto {
        private OpenAuto() {}

        public static void main(String[] args) throws IOException {
            try (Engine engine = Engine.open(EngineOptions.of(args[0]))) {
                System.out.println("opened on " + engine.model().device());
            }
        }
    }

    @Test
    void whatCannotBeOpenedIsOneSentence() {
        EngineOptions options = options(TinyModels.llama(), "m");
        assertRefused(options.withDevice(null), "device is null: it must be cpu, cuda or auto.");
        assertRefused(options.withWeights(null), "weights is null: it must be model or int8.");
        assertRefused(options.withBlockSize(0), "blockSize is 0: it must be at least 1.");
        assertRefused(
                options.withMaxBatchedTokens(-1),
                "maxBatchedTokens is -1: it must be at least 1, or 0 for the default.");
        assertRefused(
                options.withMaxSequences(-1),
                "maxSequences is -1: it must be at least 1, or 0 for the default.");
        assertRefused(options.withThreads(-1), "threads is -1: it must be at least 0.");
        assertRefused(
                options.withKvCacheBytes(-1), "kvCacheBytes is -1: it must be at least 0 bytes.");
        assertRefused(
                options.withMaxModelLen(257),
                "maxModelLen is 257, but the model's context is 256 tokens: set it to at most that.");
        assertRefused(
                options.withGpuMemoryUtilization(1.5).withNames(OptionNames.COMMAND_LINE),
                "--gpu-memory-utilization is 1.5: it must be greater than 0 and at most 1.");
        assertThatThrownBy(
                        () -> FreeNumerics.open(options.withDevice(Device.CPU), LoadProgress.NONE))
                .isInstanceOf(IOException.class)
                .hasMessage(
                        "Free numerics are for a GPU, and the model would run on the CPU: take the"
                                + " device cuda.");
        String missing = folders.resolve("missing").toString();
        assertRefused(EngineOptions.of(missing), "There is no model folder " + missing + ".");
    }

    @Test
    void completeRefusesAnEngineWithOtherWork() throws Exception {
        try (Engine engine = Engine.open(options(TinyModels.llama(), "m"))) {
            GenerationRequest request =
                    GenerationRequest.of("r", new int[] {1}, SamplingParameters.greedy(5));
            long handle = engine.add(request);
            assertThatThrownBy(() -> engine.complete(List.of(request)))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("other work");
            engine.cancel(handle);
            assertThat(engine.complete(List.of(request, request))).hasSize(2);
            assertThat(engine.complete(List.of())).isEmpty();
        }
    }

    private static void assertRefused(EngineOptions options, String message) {
        assertThatThrownBy(() -> Engine.open(options))
                .isInstanceOf(IOException.class)
                .hasMessage(message);
    }

    private EngineOptions options(TinyModels model, String name) {
        return EngineOptions.of(model.write(folders.resolve(name)).toString());
    }

    private static String fingerprint(EngineOptions options) throws IOException {
        try (Engine engine = Engine.open(options)) {
            return engine.model().fingerprint();
        }
    }

    private static String between(String text, String begin, String end) {
        int from = text.indexOf(begin) + begin.length();
        return text.substring(from, text.indexOf(end, from));
    }

    private static List<String> code(String lines) {
        return new ArrayList<>(
                Arrays.stream(lines.split("\n"))
                        .map(String::strip)
                        .filter(l -> !l.isEmpty())
                        .toList());
    }
}

package io.millrace.gpu;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.gpu.GenerationResult.Completion;
import io.millrace.gpu.backend.DelayedModelRunner;
import io.millrace.gpu.backend.RecordingModelRunner;
import io.millrace.gpu.backend.cpu.CpuRecording;
import io.millrace.gpu.model.ModelFolder;
import io.millrace.gpu.model.TinyModels;
import io.millrace.gpu.tensor.DType;
import io.millrace.gpu.text.HuggingFaceTokenizer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Law 1 on a real backend, here the CPU's: equal tokens, and equal bits of the raw logits. Other
 * devices extend it.
 */
class EngineTest {
    @TempDir static Path folders;

    private static final Map<Family, ModelFolder> MODELS = new HashMap<>();

    enum Family {
        LLAMA(DType.BF16, "model"),
        QWEN2(DType.F32, "model"),
        INT8(DType.BF16, "int8");

        /** Of its weights on disk. */
        final DType type;

        /** As the options have it. */
        final String weights;

        Family(DType type, String weights) {
            this.type = type;
            this.weights = weights;
        }
    }

    /** Steps to run ahead. */
    private static final int[] AHEAD = {0, 1, 8};

    /** One in 16 of the tokens. */
    private static final List<Integer> STOP_IDS =
            IntStream.range(0, 256).filter(id -> id % 16 == 3).boxed().toList();

    /** How a set of requests is run; none of it may be seen in what comes out. */
    private record Way(
            int maxTokens, int maxSequences, int blocks, int blockSize, int threads, int ahead) {
        static final Way PLAIN = new Way(512, 64, 300, 16, 1);

        Way(int maxTokens, int maxSequences, int blocks, int blockSize, int threads) {
            this(maxTokens, maxSequences, blocks, blockSize, threads, 0);
        }

        Way ahead(int steps) {
            return new Way(maxTokens, maxSequences, blocks, blockSize, threads, steps);
        }
    }

    /** Everything that came out of a run. */
    private record Run(
            List<String> answers,
            List<GenerationResult> results,
            Map<String, float[]> logits,
            long preemptions) {

        void assertSameAs(Run expected) {
            assertThat(answers).isEqualTo(expected.answers);
            assertThat(logits.keySet()).isEqualTo(expected.logits.keySet());
            assertSameBitsWhereBothHave(expected);
        }

        void assertSameBitsWhereBothHave(Run expected) {
            logits.forEach(
                    (key, value) -> {
                        float[] other = expected.logits.get(key);
                        assertThat(other == null || Arrays.equals(value, other))
                                .as("logits of %s have the same bits", key)
                                .isTrue();
                    });
        }
    }

    @BeforeAll
    static void writeModels() throws IOException {
        MODELS.put(
                Family.LLAMA,
                ModelFolder.open(
                        TinyModels.llama()
                                .hidden(48)
                                .heads(6, 2, 8)
                                .intermediate(80)
                                .dtype(Family.LLAMA.type)
                                .write(folders.resolve("llama"))));
        MODELS.put(
                Family.QWEN2,
                ModelFolder.open(
                        TinyModels.qwen2()
                                .layers(3)
                                .heads(4, 4, 16)
                                .intermediate(97)
                                .tied(true)
                                .write(folders.resolve("qwen2"))));
        MODELS.put(
                Family.INT8,
                ModelFolder.open(
                        TinyModels.qwen3()
                                .hidden(54)
                                .heads(3, 1, 24)
                                .intermediate(97)
                                .layers(1)
                                .seed(5)
                                .dtype(DType.BF16)
                                .write(folders.resolve("int8"))));
    }

    /** The device's runner, with a cache of so many blocks. */
    RecordingModelRunner open(Family family, ModelFolder folder, EngineOptions options, int blocks)
            throws IOException {
        return CpuRecording.open(folder, options, blocks);
    }

    @ParameterizedTest
    @EnumSource
    void batchedEqualsAlone(Family family) throws Exception {
        List<GenerationRequest> requests = requests(17, 1);
        Run together = run(family, Way.PLAIN, requests);
        for (int ahead : AHEAD) {
            run(family, Way.PLAIN.ahead(ahead), requests).assertSameAs(together);
        }
        for (int i = 0; i < requests.size(); i++) {
            Run alone = run(family, Way.PLAIN, List.of(requests.get(i)));
            assertThat(alone.answers.get(0)).isEqualTo(together.answers.get(i));
            assertThat(together.logits.keySet()).containsAll(alone.logits.keySet());
            alone.assertSameBitsWhereBothHave(together);
        }
    }

    @ParameterizedTest
    @EnumSource
    void chunkedEqualsWhole(Family family) throws Exception {
        List<GenerationRequest> requests = requests(17, 2);
        Run whole = run(family, Way.PLAIN, requests);
        for (int chunk : new int[] {1, 7, 17, 54}) {
            for (int ahead : AHEAD) {
                run(family, new Way(chunk, 9, 300, 16, 1, ahead), requests).assertSameAs(whole);
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void preemptedEqualsNot(Family family) throws Exception {
        List<GenerationRequest> requests = requests(54, 3);
        Run roomy = run(family, Way.PLAIN, requests);
        for (int ahead : AHEAD) {
            // 16 blocks of 8 just hold the longest alone: others lose theirs on the way.
            Run tight = run(family, new Way(97, 17, 17, 8, 1, ahead), requests);
            assertThat(tight.preemptions).isGreaterThan(1);
            tight.assertSameAs(roomy);
        }
    }

    @ParameterizedTest
    @EnumSource
    void blockSizeAndThreadsLeaveNoTrace(Family family) throws Exception {
        List<GenerationRequest> requests = requests(9, 4);
        Run plain = run(family, Way.PLAIN, requests);
        run(family, new Way(512, 64, 1000, 8, 3), requests).assertSameAs(plain);
        run(family, new Way(54, 5, 200, 32, 2), requests).assertSameAs(plain);
    }

    @ParameterizedTest
    @EnumSource
    void staticEqualsDynamic(Family family) throws Exception {
        List<GenerationRequest> requests = requests(17, 5);
        Run atOnce = run(family, Way.PLAIN, requests);
        Random random = new Random(5);
        List<Integer> stepsBetween = new ArrayList<>();
        requests.forEach(r -> stepsBetween.add(random.nextInt(9)));
        for (int ahead : AHEAD) {
            Way way = new Way(33, 7, 60, 16, 1, ahead);
            run(family, way, requests, stepsBetween).assertSameAs(atOnce);
        }
    }

    @ParameterizedTest
    @EnumSource
    void cancelsLeaveNoTrace(Family family) throws Exception {
        List<GenerationRequest> requests = requests(33, 9);
        Run whole = run(family, Way.PLAIN, requests);
        Random random = new Random(9);
        List<Integer> stepsBetween = new ArrayList<>();
        requests.forEach(r -> stepsBetween.add(random.nextInt(6)));
        for (int ahead : AHEAD) {
            Way way = new Way(54, 9, 30, 8, 1, ahead);
            Run rest = run(family, way, requests, stepsBetween, 3);
            int cancelled = 0;
            for (int i = 0; i < requests.size(); i++) {
                if (rest.answers.get(i) == null) {
                    cancelled++;
                } else {
                    assertThat(rest.answers.get(i)).isEqualTo(whole.answers.get(i));
                }
            }
            assertThat(cancelled).isGreaterThan(5);
            assertThat(whole.logits.keySet()).containsAll(rest.logits.keySet());
            rest.assertSameBitsWhereBothHave(whole);
        }
    }

    @ParameterizedTest
    @EnumSource
    void resumedEqualsUninterrupted(Family family) throws Exception {
        List<GenerationRequest> requests = requests(17, 6);
        Run whole = run(family, Way.PLAIN, requests);
        Random random = new Random(6);
        List<GenerationRequest> resumed = new ArrayList<>();
        for (int i = 0; i < requests.size(); i++) {
            List<int[]> generated = new ArrayList<>();
            for (Completion completion : whole.results.get(i).completions()) {
                int[] ids = completion.tokenIds();
                generated.add(Arrays.copyOf(ids, random.nextInt(ids.length + 1)));
            }
            GenerationRequest r = requests.get(i);
            resumed.add(
                    new GenerationRequest(
                            r.id(), r.promptTokenIds(), r.sampling(), r.priority(), generated));
        }
        for (int ahead : AHEAD) {
            Run after = run(family, new Way(54, 9, 40, 16, 1, ahead), resumed);
            assertThat(after.answers).isEqualTo(whole.answers);
            assertThat(whole.logits.keySet()).containsAll(after.logits.keySet());
            assertThat(after.logits.size()).isBetween(1, whole.logits.size() - 1);
            after.assertSameBitsWhereBothHave(whole);
        }
    }

    @ParameterizedTest
    @EnumSource
    void prefillEqualsDecode(Family family) throws Exception {
        int[] prompt = new Random(7).ints(23, 0, 256).toArray();
        SamplingParameters sampling =
                SamplingParameters.builder().maxTokens(54).ignoreEos(true).seed(7L).build();
        Run decoded = run(family, Way.PLAIN, List.of(GenerationRequest.of("r", prompt, sampling)));
        int[] generated = decoded.results.get(0).completions().get(0).tokenIds();
        for (int k = 1; k < generated.length; k += 4) {
            int[] longer = Arrays.copyOf(prompt, prompt.length + k);
            System.arraycopy(generated, 0, longer, prompt.length, k);
            SamplingParameters one = sampling.toBuilder().maxTokens(1).build();
            Run prefilled = run(family, Way.PLAIN, List.of(GenerationRequest.of("r", longer, one)));
            String key = "7.0." + longer.length;
            assertThat(prefilled.logits.keySet()).containsExactly(key);
            assertThat(decoded.logits).containsKey(key);
            prefilled.assertSameBitsWhereBothHave(decoded);
        }
    }

    @ParameterizedTest
    @EnumSource
    void aPrefixHitEqualsAMiss(Family family) throws Exception {
        int block = Way.PLAIN.blockSize;
        SamplingParameters hot =
                SamplingParameters.builder()
                        .maxTokens(17)
                        .temperature(0.9)
                        .logprobs(3)
                        .ignoreEos(true)
                        .build();
        for (int length : new int[] {block - 1, block, block + 1, 3 * block + 1}) {
            int[] prompt = new Random(length).ints(length, 0, 256).toArray();
            GenerationRequest asked = GenerationRequest.of("asked", prompt, hot);
            Run miss = run(family, Way.PLAIN, List.of(asked));
            List<GenerationRequest> both =
                    List.of(GenerationRequest.of("warming", prompt, hot), asked);
            for (int ahead : AHEAD) {
                Run hit = run(family, Way.PLAIN.ahead(ahead), both, List.of(100, 0));
                int cached = (length - 1) / block * block;
                assertThat(hit.results.get(0).cachedTokens()).isZero();
                assertThat(hit.results.get(1).cachedTokens()).isEqualTo(cached);
                assertThat(hit.answers.get(1)).isEqualTo(miss.answers.get(0));
                assertThat(hit.logits.keySet()).containsAll(miss.logits.keySet());
                miss.assertSameBitsWhereBothHave(hit);
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void sharedPrefixesInASmallCacheEqualAlone(Family family) throws Exception {
        Random random = new Random(8);
        int[] stem = random.ints(97, 0, 256).toArray();
        List<GenerationRequest> requests = new ArrayList<>();
        for (GenerationRequest r : requests(33, 8)) {
            int[] prompt = Arrays.copyOf(stem, r.promptTokenIds().length);
            if (random.nextBoolean()) {
                prompt[random.nextInt(prompt.length)] = 0;
            }
            requests.add(
                    new GenerationRequest(r.id(), prompt, r.sampling(), r.priority(), List.of()));
        }
        List<Integer> steps = new ArrayList<>();
        requests.forEach(r -> steps.add(random.nextInt(7)));
        Run small = run(family, new Way(23, 9, 17, 8, 1), requests, steps);
        for (int ahead : AHEAD) {
            Run same = run(family, new Way(23, 9, 17, 8, 1, ahead), requests, steps);
            assertThat(same.results).anyMatch(result -> result.cachedTokens() > 0);
            assertThat(same.preemptions).isPositive();
            assertThat(same.logits.keySet()).isEqualTo(small.logits.keySet());
            same.assertSameBitsWhereBothHave(small);
            assertThat(same.answers).isEqualTo(small.answers);
        }
        for (int i = 0; i < requests.size(); i++) {
            Run alone = run(family, Way.PLAIN, List.of(requests.get(i)));
            assertThat(small.answers.get(i)).isEqualTo(alone.answers.get(0));
            assertThat(small.logits.keySet()).containsAll(alone.logits.keySet());
            alone.assertSameBitsWhereBothHave(small);
        }
    }

    private Run run(Family family, Way way, List<GenerationRequest> requests) throws Exception {
        return run(family, way, requests, null);
    }

    /**
     * @param stepsBetween steps after each request was added; null adds all at once
     */
    private Run run(
            Family family, Way way, List<GenerationRequest> requests, List<Integer> stepsBetween)
            throws Exception {
        return run(family, way, requests, stepsBetween, 0);
    }

    /**
     * @param cancelled one of so many is cancelled after the steps that follow it; 0 for none
     */
    private Run run(
            Family family,
            Way way,
            List<GenerationRequest> requests,
            List<Integer> stepsBetween,
            int cancelled)
            throws Exception {
        ModelFolder folder = MODELS.get(family);
        EngineOptions options =
                EngineOptions.of(folder.path().toString())
                        .withWeights(family.weights)
                        .withMaxBatchedTokens(way.maxTokens)
                        .withMaxSequences(way.maxSequences)
                        .withBlockSize(way.blockSize)
                        .withThreads(way.threads);
        RecordingModelRunner runner = open(family, folder, options, way.blocks);
        ModelInfo info =
                new ModelInfo(
                        "tiny",
                        "f",
                        new FingerprintParts("m", "t", "k"),
                        folder.vocabularySize(),
                        folder.maxPositions(),
                        folder.defaultSampling(),
                        "testing");
        Tokenizer tokenizer = HuggingFaceTokenizer.open(folder.tokenizerFile());
        try (DecoderEngine engine =
                new DecoderEngine(
                        info,
                        ModelText.of(tokenizer),
                        folder.endOfTextIds(),
                        way.ahead == 0 ? runner : new DelayedModelRunner(runner, way.ahead, true),
                        way.maxTokens,
                        way.maxSequences)) {
            RecordingListener listener = new RecordingListener();
            List<Long> handles = new ArrayList<>();
            for (int i = 0; i < requests.size(); i++) {
                handles.add(engine.add(requests.get(i)));
                for (int s = stepsBetween == null ? 0 : stepsBetween.get(i); s > 0; s--) {
                    listener.step(engine);
                }
                if (cancelled > 0 && i % cancelled == 0) {
                    engine.cancel(handles.get(i));
                    engine.checkIntegrity();
                }
            }
            listener.drain(engine);
            assertThat(engine.stats().kvBlocksUsed()).isZero();
            List<GenerationResult> results = new ArrayList<>();
            List<String> answers = new ArrayList<>();
            for (long handle : handles) {
                GenerationResult result = listener.results.get(handle);
                results.add(result);
                answers.add(result == null ? null : Answers.describe(result));
            }
            Map<String, float[]> logits = new TreeMap<>(runner.logits());
            if (way.ahead > 0 || cancelled > 0) {
                logits.keySet().retainAll(answered(requests, results));
            }
            return new Run(answers, results, logits, engine.stats().preemptions());
        }
    }

    /** The names of those logits that the tokens of results were drawn from. */
    private static Set<String> answered(
            List<GenerationRequest> requests, List<GenerationResult> results) {
        Set<String> names = new HashSet<>();
        for (int i = 0; i < requests.size(); i++) {
            GenerationRequest request = requests.get(i);
            Long given = request.sampling().seed();
            long seed = given != null ? given : Generation.seedOf(request.id());
            if (results.get(i) != null) {
                for (Completion completion : results.get(i).completions()) {
                    for (int token = 0; token < completion.tokenIds().length; token++) {
                        int position = request.promptTokenIds().length + token;
                        names.add("%d.%d.%d".formatted(seed, completion.index(), position));
                    }
                }
            }
        }
        return names;
    }

    /** Prompts of 1 to 97 tokens with all kinds of sampling. */
    private static List<GenerationRequest> requests(int size, long seed) {
        Random random = new Random(seed);
        List<GenerationRequest> requests = new ArrayList<>();
        int[] lengths = {1, 17, 54, 97, 2, 15, 16, 33};
        for (int i = 0; i < size; i++) {
            int[] prompt = random.ints(lengths[i % lengths.length], 0, 256).toArray();
            SamplingParameters.Builder p = SamplingParameters.builder();
            p.maxTokens(1 + random.nextInt(30)).temperature(random.nextInt(3) * 0.7);
            p.topP(random.nextBoolean() ? 1 : 0.8).topK(random.nextInt(2) * 40);
            p.n(random.nextInt(5) == 0 ? 3 : 1).logprobs(random.nextInt(3) == 0 ? 4 : -1);
            p.repetitionPenalty(random.nextInt(4) == 0 ? 1.2 : 1);
            p.stop(random.nextInt(4) == 0 ? List.of("e", "zz") : List.of());
            p.stopTokenIds(i % 7 == 3 ? STOP_IDS : List.of());
            requests.add(
                    new GenerationRequest(
                            "request " + i, prompt, p.build(), random.nextInt(2), List.of()));
        }
        return requests;
    }
}

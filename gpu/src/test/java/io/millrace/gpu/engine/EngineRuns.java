package io.millrace.gpu.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.gpu.api.EarlierFingerprints;
import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.EngineOptions.Speculate;
import io.millrace.gpu.api.EngineOptions.Weights;
import io.millrace.gpu.api.FingerprintParts;
import io.millrace.gpu.api.GenerationRequest;
import io.millrace.gpu.api.GenerationResult;
import io.millrace.gpu.api.GenerationResult.Completion;
import io.millrace.gpu.api.ModelInfo;
import io.millrace.gpu.api.SamplingParameters;
import io.millrace.gpu.api.constraint.Constraint;
import io.millrace.gpu.device.DelayedModelRunner;
import io.millrace.gpu.device.ModelRunner;
import io.millrace.gpu.device.RecordingModelRunner;
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

/**
 * Runs requests in any way on tiny models of each family, on a real backend, and keeps all that
 * comes out: answers, and the raw logits that each token was sampled from.
 */
abstract class EngineRuns {
    @TempDir static Path folders;

    private static final Map<Family, ModelFolder> MODELS = new HashMap<>();

    enum Family {
        LLAMA(DType.BF16, Weights.MODEL),
        QWEN2(DType.F32, Weights.MODEL),
        MISTRAL(DType.F16, Weights.MODEL),
        INT8(DType.BF16, Weights.INT8);

        /** Of its weights on disk. */
        final DType type;

        /** As the options have it. */
        final Weights weights;

        Family(DType type, Weights weights) {
            this.type = type;
            this.weights = weights;
        }
    }

    /** Steps to run ahead. */
    static final int[] AHEAD = {0, 1, 8};

    private static final int CONTEXT = 1280;

    /** The shortest text of each has at most {@link #FEWEST} tokens. */
    private static final List<Constraint> CONSTRAINTS =
            List.of(
                    new Constraint.JsonSchema(
                            "{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{\"a\":{"
                                    + "\"type\":\"string\"},\"b\":{\"$ref\":\"#\"}},\"required\":[\"a\"]}}"),
                    new Constraint.Regex("[a-z]{1,5}( [^a-z]+)*"),
                    new Constraint.Choice(List.of("a", "abc", "ab, no", "zz \u00e4")),
                    Constraint.jsonObject());

    private static final int FEWEST = 2;

    /** One in 16 of the tokens. */
    private static final List<Integer> STOP_IDS =
            IntStream.range(0, 256).filter(id -> id % 16 == 3).boxed().toList();

    /** How a set of requests is run; none of it may be seen in what comes out. */
    record Way(
            int maxTokens,
            int maxSequences,
            int blocks,
            int blockSize,
            int threads,
            int ahead,
            Speculate speculate) {
        static final Way PLAIN = new Way(512, 64, 300, 16, 1);

        Way(int maxTokens, int maxSequences, int blocks, int blockSize, int threads) {
            this(maxTokens, maxSequences, blocks, blockSize, threads, 0);
        }

        Way(int maxTokens, int maxSequences, int blocks, int blockSize, int threads, int ahead) {
            this(maxTokens, maxSequences, blocks, blockSize, threads, ahead, Speculate.OFF);
        }

        Way speculating() {
            return new Way(
                    maxTokens, maxSequences, blocks, blockSize, threads, ahead, Speculate.NGRAM);
        }

        Way ahead(int steps) {
            return new Way(maxTokens, maxSequences, blocks, blockSize, threads, steps, speculate);
        }
    }

    /** Everything that came out of a run. */
    record Run(
            List<String> answers,
            List<GenerationResult> results,
            Map<String, float[]> logits,
            long preemptions,
            long accepted) {

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
                                .context(CONTEXT)
                                .dtype(Family.LLAMA.type)
                                .write(folders.resolve("llama"))));
        MODELS.put(
                Family.QWEN2,
                ModelFolder.open(
                        TinyModels.qwen2()
                                .layers(3)
                                .heads(4, 4, 16)
                                .intermediate(97)
                                .context(CONTEXT)
                                .tied(true)
                                .write(folders.resolve("qwen2"))));
        // A group of seven, heads that a GPU pads, windows that begin within a block, and a product
        // whose sum a GPU splits in two.
        MODELS.put(
                Family.MISTRAL,
                ModelFolder.open(
                        TinyModels.mistral(54)
                                .hidden(40)
                                .heads(7, 1, 72)
                                .intermediate(997)
                                .context(CONTEXT)
                                .dtype(Family.MISTRAL.type)
                                .write(folders.resolve("mistral"))));
        MODELS.put(
                Family.INT8,
                ModelFolder.open(
                        TinyModels.qwen3()
                                .hidden(54)
                                .heads(3, 1, 24)
                                .intermediate(97)
                                .layers(1)
                                .context(CONTEXT)
                                .seed(5)
                                .dtype(DType.BF16)
                                .write(folders.resolve("int8"))));
    }

    /**
     * The device's runner, with a cache of so many blocks.
     *
     * @param ahead steps that the device shall take ahead if it can
     */
    abstract RecordingModelRunner open(
            Family family, ModelFolder folder, EngineOptions options, int blocks, int ahead)
            throws IOException;

    /** The runner, so many steps ahead. */
    ModelRunner ahead(RecordingModelRunner runner, int steps) {
        return steps == 0 ? runner : new DelayedModelRunner(runner, steps, true);
    }

    Run run(Family family, Way way, List<GenerationRequest> requests) throws Exception {
        return run(family, way, requests, null);
    }

    /**
     * @param stepsBetween steps after each request was added; null adds all at once
     */
    Run run(Family family, Way way, List<GenerationRequest> requests, List<Integer> stepsBetween)
            throws Exception {
        return run(family, way, requests, stepsBetween, 0);
    }

    /**
     * @param cancelled one of so many is cancelled after the steps that follow it; 0 for none
     */
    Run run(
            Family family,
            Way way,
            List<GenerationRequest> requests,
            List<Integer> stepsBetween,
            int cancelled)
            throws Exception {
        RecordingModelRunner runner = open(family, way);
        try (DecoderEngine engine = engine(family, way, runner)) {
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
            return result(way, requests, cancelled > 0, handles, listener, engine, runner);
        }
    }

    /** The family's runner, laid out that way. */
    RecordingModelRunner open(Family family, Way way) throws IOException {
        ModelFolder folder = MODELS.get(family);
        EngineOptions options =
                EngineOptions.of(folder.path().toString())
                        .withWeights(family.weights)
                        .withMaxBatchedTokens(way.maxTokens)
                        .withMaxSequences(way.maxSequences)
                        .withBlockSize(way.blockSize)
                        .withThreads(way.threads);
        return open(family, folder, options, way.blocks, way.ahead);
    }

    /** An engine on that runner. */
    DecoderEngine engine(Family family, Way way, RecordingModelRunner runner) throws IOException {
        ModelFolder folder = MODELS.get(family);
        ModelInfo info =
                new ModelInfo(
                        "tiny",
                        "f",
                        new FingerprintParts("m", "t", "k"),
                        EarlierFingerprints.NONE,
                        folder.vocabularySize(),
                        folder.maxPositions(),
                        folder.maxPositions(),
                        folder.defaultSampling(),
                        EngineOptions.ToolFormat.NONE,
                        EngineOptions.Reasoning.NONE,
                        "testing");
        return new DecoderEngine(
                info,
                ModelText.of(
                        HuggingFaceTokenizer.open(folder.tokenizerFile()),
                        () -> ModelText.vocabulary(folder.path(), folder.vocabularySize())),
                EndOfText.of(folder.endOfTextIds()),
                ahead(runner, way.ahead),
                EngineOptions.of("tiny")
                        .withMaxBatchedTokens(way.maxTokens)
                        .withMaxSequences(way.maxSequences)
                        .withSpeculate(way.speculate));
    }

    /** What came of requests; those that were cancelled have neither result nor answer. */
    static Run result(
            Way way,
            List<GenerationRequest> requests,
            boolean cancelled,
            List<Long> handles,
            RecordingListener listener,
            DecoderEngine engine,
            RecordingModelRunner runner) {
        List<GenerationResult> results = new ArrayList<>();
        List<String> answers = new ArrayList<>();
        for (long handle : handles) {
            GenerationResult result = listener.results.get(handle);
            results.add(result);
            answers.add(result == null ? null : Answers.describe(result));
        }
        Map<String, float[]> logits = new TreeMap<>(runner.logits());
        if (way.ahead > 0 || way.speculate != Speculate.OFF || cancelled) {
            logits.keySet().retainAll(answered(requests, results));
        }
        return new Run(
                answers,
                results,
                logits,
                engine.stats().preemptions(),
                engine.stats().acceptedTokens());
    }

    /** The names of those logits that the tokens of results were sampled from. */
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
    static List<GenerationRequest> requests(int size, long seed) {
        return requests(size, seed, 30, 1, 17, 54, 97, 2, 15, 16, 33);
    }

    /**
     * Prompts of these lengths in turn, with all kinds of sampling.
     *
     * @param most tokens to be generated
     */
    static List<GenerationRequest> requests(int size, long seed, int most, int... lengths) {
        Random random = new Random(seed);
        List<GenerationRequest> requests = new ArrayList<>();
        for (int i = 0; i < size; i++) {
            int[] prompt = random.ints(lengths[i % lengths.length], 0, 256).toArray();
            SamplingParameters.Builder p = SamplingParameters.builder();
            p.maxTokens(1 + random.nextInt(most)).temperature(random.nextInt(3) * 0.7);
            p.topP(random.nextBoolean() ? 1 : 0.8).topK(random.nextInt(2) * 40);
            p.n(random.nextInt(5) == 0 ? 3 : 1).logprobs(random.nextInt(3) == 0 ? 4 : -1);
            p.repetitionPenalty(random.nextInt(4) == 0 ? 1.2 : 1);
            p.stop(random.nextInt(4) == 0 ? List.of("e", "zz") : List.of());
            p.stopTokenIds(i % 7 == 3 ? STOP_IDS : List.of());
            p.minTokens(i % 5 == 2 ? 9 : 0);
            p.suppressTokens(i % 11 == 4 ? List.of(17, 97) : List.of());
            p.logitBias(i % 6 == 1 ? Map.of("54", 2.5, "101", -3.0) : Map.of());
            SamplingParameters sampling = p.build();
            if (i % 8 == 6) {
                int which = (int) (i / 8 + seed) % CONSTRAINTS.size();
                sampling = constrained(sampling, CONSTRAINTS.get(which));
            }
            requests.add(
                    new GenerationRequest(
                            "request " + i, prompt, sampling, random.nextInt(2), List.of()));
        }
        return requests;
    }

    /** The same, with what goes with a constraint only. */
    private static SamplingParameters constrained(SamplingParameters p, Constraint constraint) {
        return p.toBuilder()
                .maxTokens(Math.max(p.maxTokens(), FEWEST))
                .stop(List.of())
                .stopTokenIds(List.of())
                .suppressTokens(List.of())
                .logprobs(SamplingParameters.NO_LOGPROBS)
                .constraint(constraint)
                .build();
    }
}

package io.millrace.gpu.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.gpu.api.EarlierFingerprints;
import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.FingerprintParts;
import io.millrace.gpu.api.GenerationRequest;
import io.millrace.gpu.api.ModelInfo;
import io.millrace.gpu.api.SamplingParameters;
import io.millrace.gpu.device.ModelRunner;
import io.millrace.gpu.device.cuda.CudaRecording;
import io.millrace.gpu.device.cuda.driver.RequiresGpu;
import io.millrace.gpu.model.ModelFolder;
import io.millrace.gpu.model.TinyModels;
import io.millrace.gpu.tensor.DType;
import io.millrace.gpu.text.HuggingFaceTokenizer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Steps behind each other on a GPU, as fast as the host is: 0, 1, 2 and 8 ahead give the same
 * answers, with rows that end by stop ids, penalties, cancellations and a cache that is too small.
 */
@RequiresGpu
class CudaAheadTest {
    private static final int[] AHEAD = {0, 1, 2, 8};

    /** One in 16 of the tokens. */
    private static final List<Integer> STOP_IDS =
            IntStream.range(0, 256).filter(id -> id % 16 == 3).boxed().toList();

    /** How requests are run. */
    private record Way(int maxTokens, int maxSequences, int blocks, int blockSize) {}

    private static final Way ROOMY = new Way(512, 64, 600, 16);
    private static final Way TIGHT = new Way(97, 17, 25, 8);

    @TempDir static Path dir;

    private static ModelFolder folder;
    private static AutoCloseable held;

    @BeforeAll
    static void hold() throws IOException {
        folder =
                ModelFolder.open(
                        TinyModels.llama()
                                .hidden(48)
                                .heads(6, 2, 8)
                                .intermediate(80)
                                .context(1400)
                                .dtype(DType.BF16)
                                .write(dir));
        held = CudaRecording.hold();
    }

    @AfterAll
    static void letGo() throws Exception {
        held.close();
    }

    private static DecoderEngine open(Way way, int ahead) throws IOException {
        return engine(
                way, CudaRecording.unrecorded(folder, DType.BF16, options(way), way.blocks, ahead));
    }

    /** Nothing ahead, and every step writes its logits. */
    private static DecoderEngine openWithLogits(Way way) throws IOException {
        return engine(way, CudaRecording.open(folder, DType.BF16, options(way), way.blocks, 0));
    }

    private static EngineOptions options(Way way) {
        return EngineOptions.of(folder.path().toString())
                .withMaxBatchedTokens(way.maxTokens)
                .withMaxSequences(way.maxSequences)
                .withBlockSize(way.blockSize);
    }

    private static DecoderEngine engine(Way way, ModelRunner runner) throws IOException {
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
                runner,
                EngineOptions.of("tiny")
                        .withMaxBatchedTokens(way.maxTokens)
                        .withMaxSequences(way.maxSequences));
    }

    private static List<GenerationRequest> requests(int size, long seed) {
        Random random = new Random(seed);
        List<GenerationRequest> requests = new ArrayList<>();
        for (int i = 0; i < size; i++) {
            int[] prompt = random.ints(1 + random.nextInt(97), 0, 256).toArray();
            SamplingParameters.Builder p = SamplingParameters.builder();
            p.maxTokens(1 + random.nextInt(60)).temperature(random.nextInt(3) * 0.7);
            p.topP(random.nextBoolean() ? 1 : 0.8).topK(random.nextInt(2) * 40);
            p.n(random.nextInt(6) == 0 ? 3 : 1).logprobs(random.nextInt(3) == 0 ? 4 : -1);
            if (random.nextBoolean()) {
                p.repetitionPenalty(1.3).frequencyPenalty(0.6).presencePenalty(-0.2);
            }
            if (random.nextInt(3) == 0) {
                p.minTokens(random.nextInt(17)).suppressTokens(List.of(3, 97));
                p.logitBias(Map.of("54", 1.5, "17", -2.0));
            }
            p.stopTokenIds(random.nextBoolean() ? STOP_IDS : List.of());
            p.stop(random.nextInt(5) == 0 ? List.of("e", "zz") : List.of());
            requests.add(
                    new GenerationRequest(
                            "request " + i, prompt, p.build(), random.nextInt(2), List.of()));
        }
        return requests;
    }

    /** Most of them as a head draws by itself: greedy and plain, but for one in {@code others}. */
    private static List<GenerationRequest> plain(int size, int others, long seed) {
        Random random = new Random(seed);
        List<GenerationRequest> requests = new ArrayList<>();
        for (int i = 0; i < size; i++) {
            int[] prompt = random.ints(1 + random.nextInt(97), 0, 256).toArray();
            SamplingParameters.Builder p = SamplingParameters.builder();
            p.maxTokens(1 + random.nextInt(60)).temperature(random.nextInt(4) * 0.7);
            p.n(random.nextInt(6) == 0 ? 3 : 1);
            p.stopTokenIds(random.nextBoolean() ? STOP_IDS : List.of());
            if (i % others == 2) {
                // Plain again once it has so many tokens.
                p.minTokens(random.nextInt(9));
            }
            if (i % others == 1) {
                p.topK(7).frequencyPenalty(0.6).maxTokens(1 + random.nextInt(9));
            }
            requests.add(
                    new GenerationRequest(
                            "request " + i, prompt, p.build(), random.nextInt(2), List.of()));
        }
        return requests;
    }

    private static List<String> answers(
            DecoderEngine engine, List<GenerationRequest> requests, long seed) throws Exception {
        try (engine) {
            return Answers.answers(engine, requests, seed);
        }
    }

    /** As small as can be, for compute-sanitizer. */
    @Test
    void aFewAnswersAreThoseOfNothingAhead() throws Exception {
        List<GenerationRequest> requests = requests(9, 5);
        assertThat(answers(open(TIGHT, 2), requests, 0))
                .isEqualTo(answers(open(TIGHT, 0), requests, 0));
    }

    @Test
    void answersAreThoseOfNothingAhead() throws Exception {
        List<GenerationRequest> requests = requests(97, 1);
        List<String> expected = answers(open(ROOMY, 0), requests, 0);
        for (int ahead : AHEAD) {
            for (Way way : List.of(ROOMY, TIGHT)) {
                assertThat(answers(open(way, ahead), requests, 0))
                        .as("%s, %d ahead", way, ahead)
                        .isEqualTo(expected);
            }
        }
    }

    @Test
    void answersOfRequestsThatComeAndGoAreThose() throws Exception {
        List<GenerationRequest> requests = requests(97, 2);
        List<String> expected = answers(open(ROOMY, 0), requests, 0);
        for (int ahead : AHEAD) {
            for (int seed = 1; seed <= 5; seed++) {
                Way way = seed % 2 == 0 ? ROOMY : TIGHT;
                List<String> got = answers(open(way, ahead), requests, seed);
                for (int i = 0; i < got.size(); i++) {
                    if (got.get(i) != null) {
                        assertThat(got.get(i))
                                .as("%s, %d ahead, seed %d, request %d", way, ahead, seed, i)
                                .isEqualTo(expected.get(i));
                    }
                }
            }
        }
    }

    @Test
    void aThousandRepeatsGiveOneAnswer() throws Exception {
        List<GenerationRequest> requests = new ArrayList<>();
        for (GenerationRequest r : requests(17, 6)) {
            // With the bits of log probabilities, in which all logits have a part.
            SamplingParameters.Builder p = r.sampling().toBuilder().logprobs(3);
            p.maxTokens(1 + r.sampling().maxTokens() % 12);
            requests.add(GenerationRequest.of(r.id(), r.promptTokenIds(), p.build()));
        }
        List<String> expected = answers(open(ROOMY, 0), requests, 0);
        for (int ahead : AHEAD) {
            // What was there before is in the cache, if it has not been evicted.
            try (DecoderEngine engine = open(ahead == 1 ? ROOMY : TIGHT, ahead)) {
                for (int repeat = 0; repeat < 1000 / AHEAD.length; repeat++) {
                    List<String> got = Answers.answers(engine, requests, repeat);
                    for (int i = 0; i < got.size(); i++) {
                        assertThat(got.get(i) == null || got.get(i).equals(expected.get(i)))
                                .as("repeat %d, %d ahead, request %d", repeat, ahead, i)
                                .isTrue();
                    }
                }
            }
        }
    }

    @Test
    void answersSampledInTheHeadAreThoseOfLogits() throws Exception {
        for (int others : new int[] {1000, 30}) {
            List<GenerationRequest> requests = plain(97, others, others);
            List<String> expected = answers(openWithLogits(ROOMY), requests, 0);
            for (int ahead : AHEAD) {
                for (Way way : List.of(ROOMY, TIGHT)) {
                    assertThat(answers(open(way, ahead), requests, 0))
                            .as("%s, %d ahead, one in %d with penalties", way, ahead, others)
                            .isEqualTo(expected);
                }
            }
        }
    }

    /**
     * Whole chunks of attention are read once for many rows there, some of which end, are preempted
     * and come back, and others have no part in them.
     */
    @Test
    void rowsBehindOnePrefixHaveTheAnswersThatTheyHaveAlone() throws Exception {
        int[] stem = new Random(9).ints(1100, 0, 256).toArray();
        int[] lengths = {1030, 577, 1024, 0};
        List<GenerationRequest> requests = new ArrayList<>();
        for (GenerationRequest r : requests(41, 9)) {
            int length = lengths[requests.size() % lengths.length];
            int[] prompt = Arrays.copyOf(stem, length + r.promptTokenIds().length);
            System.arraycopy(r.promptTokenIds(), 0, prompt, length, r.promptTokenIds().length);
            SamplingParameters one = r.sampling().toBuilder().n(1).build();
            requests.add(new GenerationRequest(r.id(), prompt, one, r.priority(), List.of()));
        }
        List<String> alone = answers(open(new Way(512, 1, 100, 16), 0), requests, 0);
        for (int ahead : AHEAD) {
            for (Way way : List.of(new Way(512, 64, 900, 16), new Way(300, 17, 160, 16))) {
                assertThat(answers(open(way, ahead), requests, 0))
                        .as("%s, %d ahead", way, ahead)
                        .isEqualTo(alone);
            }
        }
    }

    @Test
    void anEngineIsClosedWithStepsInFlight() throws Exception {
        List<GenerationRequest> requests = requests(33, 3);
        for (int ahead : AHEAD) {
            RecordingListener listener = new RecordingListener();
            // close() throws if anything is left.
            try (DecoderEngine engine = open(ROOMY, ahead)) {
                for (GenerationRequest request : requests) {
                    engine.add(request);
                }
                listener.step(engine);
                listener.step(engine);
                assertThat(engine.requestsInStep()).isEmpty();
            }
        }
    }

    @Test
    void aStoppedStepFailsAndTheEngineIsClosed() throws Exception {
        for (int ahead : AHEAD) {
            RecordingListener listener = new RecordingListener();
            try (DecoderEngine engine = open(ROOMY, ahead)) {
                engine.add(requests(1, 4).get(0));
                assertThat(engine.stopStep()).isTrue();
                assertThatThrownBy(() -> listener.step(engine)).hasMessage("The step was stopped.");
            }
        }
    }
}

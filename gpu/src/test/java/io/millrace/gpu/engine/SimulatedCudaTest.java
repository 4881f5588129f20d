package io.millrace.gpu.engine;

import static io.millrace.gpu.engine.Answers.answers;
import static io.millrace.gpu.engine.DecoderSettings.CONTEXT;
import static io.millrace.gpu.engine.DecoderSettings.ROOMY;
import static io.millrace.gpu.engine.DecoderSettings.VOCABULARY;
import static io.millrace.gpu.engine.DecoderSettings.engine;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.gpu.api.GenerationRequest;
import io.millrace.gpu.api.SamplingParameters;
import io.millrace.gpu.device.ModelRunner;
import io.millrace.gpu.device.cpu.TestingModelRunner;
import io.millrace.gpu.device.cuda.SimulatedCudaRunner;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * The engine on the CUDA runner's books and a device that is late: slots, tables, places, step
 * numbers and counts, without a GPU. What comes out is what a runner gives that takes nothing
 * ahead.
 */
@Timeout(120)
class SimulatedCudaTest {
    private static final int[] AHEAD = {0, 1, 2, 8};

    /** Fewer blocks than all need, and as many rows as make slots change hands. */
    private static final List<DecoderSettings> WAYS =
            List.of(
                    ROOMY,
                    new DecoderSettings(30, 7, 33, 5),
                    new DecoderSettings(15, 7, 23, 9),
                    new DecoderSettings(98, 1, 54, 17));

    private final List<SimulatedCudaRunner> opened = new ArrayList<>();

    @AfterEach
    void close() {
        opened.forEach(ModelRunner::close);
    }

    private SimulatedCudaRunner simulate(ModelRunner computes, DecoderSettings way, int ahead) {
        SimulatedCudaRunner runner =
                new SimulatedCudaRunner(
                        computes,
                        ahead,
                        way.maxTokens(),
                        Math.min(way.maxSequences(), way.maxTokens()),
                        CONTEXT / way.blockSize() + 1);
        opened.add(runner);
        return runner;
    }

    private static TestingModelRunner model(DecoderSettings way) {
        return new TestingModelRunner(VOCABULARY, way.blocks(), way.blockSize());
    }

    /** All kinds of sampling; many end by a token, some by a text, some by their length. */
    private static List<GenerationRequest> requests(int size, long seed) {
        Random random = new Random(seed);
        List<GenerationRequest> requests = new ArrayList<>();
        for (int i = 0; i < size; i++) {
            int[] prompt = random.ints(1 + random.nextInt(40), 1, VOCABULARY - 1).toArray();
            SamplingParameters.Builder p = SamplingParameters.builder();
            p.maxTokens(1 + random.nextInt(40)).temperature(random.nextInt(3) * 0.8);
            p.topK(random.nextInt(2) * 9).logprobs(random.nextInt(3) == 0 ? 3 : -1);
            p.n(random.nextInt(6) == 0 ? 3 : 1).ignoreEos(random.nextBoolean());
            if (random.nextInt(2) == 0) {
                p.repetitionPenalty(1.4).frequencyPenalty(0.7).presencePenalty(-0.4);
            }
            if (random.nextInt(3) == 0) {
                p.minTokens(random.nextInt(17)).suppressTokens(List.of(3, 9));
                p.logitBias(Map.of("4", 1.5, "5", 2.0));
            }
            p.stopTokenIds(i % 3 == 0 ? List.of(5, 17) : List.of());
            p.stop(random.nextInt(6) == 0 ? List.of("e", "ab") : List.of());
            requests.add(
                    new GenerationRequest(
                            "request " + i, prompt, p.build(), random.nextInt(2), List.of()));
        }
        return requests;
    }

    @Test
    void answersAreThoseOfNothingAhead() throws Exception {
        List<GenerationRequest> requests = requests(54, 1);
        List<String> expected = answers(engine(model(ROOMY), ROOMY), requests, 0);
        for (DecoderSettings way : WAYS) {
            for (int ahead : AHEAD) {
                SimulatedCudaRunner runner = simulate(model(way), way, ahead);
                assertThat(answers(engine(runner, way), requests, 0))
                        .as("%s, %d ahead", way, ahead)
                        .isEqualTo(expected);
                assertThat(runner.dropped() > 0).isEqualTo(ahead > 0);
                assertThat(runner.recounted()).isPositive();
            }
        }
    }

    @Test
    void answersOfRequestsThatComeAndGoAreThose() throws Exception {
        List<GenerationRequest> requests = requests(97, 2);
        List<String> expected = answers(engine(model(ROOMY), ROOMY), requests, 0);
        for (DecoderSettings way : WAYS) {
            for (int ahead : AHEAD) {
                SimulatedCudaRunner runner = simulate(model(way), way, ahead);
                List<String> got = answers(engine(runner, way), requests, 7 + ahead);
                int answered = 0;
                for (int i = 0; i < got.size(); i++) {
                    if (got.get(i) != null) {
                        assertThat(got.get(i))
                                .as("%s, %d ahead, request %d", way, ahead, i)
                                .isEqualTo(expected.get(i));
                        answered++;
                    }
                }
                assertThat(answered).isBetween(50, 96);
            }
        }
    }

    @Test
    void badLogitsCostOneRequestAndDropItsRow() throws Exception {
        List<GenerationRequest> requests = requests(33, 3);
        for (int ahead : AHEAD) {
            DecoderEngine plain = engine(model(ROOMY).breakAfter(20), ROOMY);
            SimulatedCudaRunner runner = simulate(model(ROOMY).breakAfter(20), ROOMY, ahead);
            DecoderEngine engine = engine(runner, ROOMY);
            RecordingListener expected = run(plain, requests);
            RecordingListener got = run(engine, requests);
            assertThat(expected.failures).isNotEmpty();
            assertThat(got.failures).isEqualTo(expected.failures);
            assertThat(got.results.keySet()).isEqualTo(expected.results.keySet());
        }
    }

    private static RecordingListener run(DecoderEngine engine, List<GenerationRequest> requests)
            throws Exception {
        RecordingListener listener = new RecordingListener();
        for (GenerationRequest request : requests) {
            engine.add(request);
        }
        listener.drain(engine);
        return listener;
    }

    @Test
    void whatFailsOnTheDeviceNamesTheStepInFlight() throws Exception {
        for (int ahead : new int[] {0, 1, 8}) {
            TestingModelRunner model = model(ROOMY);
            DecoderEngine engine = engine(simulate(model, ROOMY, ahead), ROOMY);
            engine.add(GenerationRequest.of("r", new int[] {1}, SamplingParameters.greedy(20)));
            model.failNext(new IllegalStateException("the kernel failed"));
            assertThatThrownBy(() -> engine.step(new RecordingListener()))
                    .isInstanceOf(InternalError.class)
                    .hasMessageContaining("step 1 of 1 tokens in 1 rows")
                    .hasRootCauseMessage("the kernel failed");
            assertThat(engine.requestsInStep()).hasSize(1);
        }
    }

    @Test
    void aStoppedStepFails() throws Exception {
        DecoderEngine engine = engine(simulate(model(ROOMY), ROOMY, 1), ROOMY);
        RecordingListener listener = new RecordingListener();
        engine.add(GenerationRequest.of("r", new int[] {1}, SamplingParameters.greedy(20)));
        listener.step(engine);
        assertThat(engine.stopStep()).isTrue();
        assertThatThrownBy(() -> IntStream.range(0, 3).forEach(i -> engine.step(listener)))
                .hasMessage("The step was stopped.");
    }
}

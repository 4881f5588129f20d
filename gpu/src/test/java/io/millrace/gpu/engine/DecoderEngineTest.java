package io.millrace.gpu.engine;

import static io.millrace.gpu.engine.Answers.run;
import static io.millrace.gpu.engine.Answers.text;
import static io.millrace.gpu.engine.DecoderSettings.ROOMY;
import static io.millrace.gpu.engine.DecoderSettings.VOCABULARY;
import static io.millrace.gpu.engine.DecoderSettings.engine;
import static io.millrace.gpu.engine.TestingWorkload.request;
import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.gpu.api.EngineStats;
import io.millrace.gpu.api.GenerationRequest;
import io.millrace.gpu.api.GenerationResult;
import io.millrace.gpu.api.GenerationResult.Completion;
import io.millrace.gpu.api.SamplingParameters;
import io.millrace.gpu.device.DelayedModelRunner;
import io.millrace.gpu.device.cpu.TestingModelRunner;
import java.util.List;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

class DecoderEngineTest {
    @Test
    void completionsOfOneRequestDifferAndShareThePrompt() throws Exception {
        GenerationRequest request =
                request(
                        "r",
                        "a".repeat(50),
                        p -> p.temperature(1).n(17).maxTokens(20).ignoreEos(true));
        DecoderEngine engine = ROOMY.open();
        GenerationResult result = run(engine, request);
        assertThat(result.completions()).hasSize(17);
        assertThat(result.completions().stream().map(Completion::text).distinct()).hasSize(17);
        // Three full blocks are computed once; the two tokens after them by each completion.
        assertThat(engine.stats().promptTokens()).isEqualTo(50 + 16 * 2);
        assertThat(engine.stats().cachedPromptTokens()).isEqualTo(16 * 48);
        assertThat(result.cachedTokens()).isZero();
        DecoderEngine brief = ROOMY.open();
        run(brief, request("r", "a".repeat(50), p -> p.n(17).maxTokens(1)));
        assertThat(brief.stats().promptTokens()).isEqualTo(50 + 16 * 2);
        GenerationResult fewer =
                run(
                        ROOMY.open(),
                        request(
                                "r",
                                "a".repeat(50),
                                p -> p.temperature(1).n(2).maxTokens(20).ignoreEos(true)));
        assertThat(fewer.completions().get(1).tokenIds())
                .isEqualTo(result.completions().get(1).tokenIds());
    }

    @Test
    void moreUrgentRequestsAreServedFirst() throws Exception {
        DecoderEngine engine = new DecoderSettings(200, 16, 512, 1).open();
        RecordingListener listener = new RecordingListener();
        long[] handles = new long[4];
        int[] priorities = {0, 5, -5, 0};
        for (int i = 0; i < handles.length; i++) {
            handles[i] =
                    engine.add(
                            new GenerationRequest(
                                    "r" + i,
                                    new int[] {i},
                                    SamplingParameters.greedy(3),
                                    priorities[i],
                                    List.of()));
        }
        listener.drain(engine);
        assertThat(listener.order).containsExactly(handles[2], handles[0], handles[3], handles[1]);
    }

    @Test
    void theSeedIsAHashOfTheIdUnlessGiven() throws Exception {
        UnaryOperator<SamplingParameters.Builder> hot = p -> p.temperature(3).maxTokens(20);
        String one = text("one", hot);
        assertThat(text("one", hot)).isEqualTo(one);
        assertThat(text("two", hot)).isNotEqualTo(one);
        long seed = Generation.seedOf("one");
        assertThat(text("two", p -> hot.apply(p).seed(seed))).isEqualTo(one);
    }

    @Test
    void theSeedOfAnIdNeverChanges() {
        assertThat(Generation.seedOf("")).isEqualTo(0xEFD01F60BA992926L);
        assertThat(Generation.seedOf("prompt-1")).isEqualTo(0xE4655124E06116CEL);
    }

    @Test
    void stepsAreLaunchedAheadOfTheTokensThatAreTold() throws Exception {
        DelayedModelRunner runner =
                ROOMY.ahead(8).delay(new TestingModelRunner(VOCABULARY, 200, 16));
        DecoderEngine engine = engine(runner, ROOMY);
        RecordingListener listener = new RecordingListener();
        long handle = engine.add(request("r", "abc", p -> p.maxTokens(20).ignoreEos(true)));
        listener.step(engine);
        assertThat(runner.mostInFlight()).isEqualTo(9);
        assertThat(listener.tokens(handle, 0)).hasSize(1);
        // What is not confirmed is counted nowhere.
        assertThat(engine.stats().generatedTokens()).isEqualTo(1);
        assertThat(engine.stats().promptTokens()).isEqualTo(3);
        assertThat(engine.stats().steps()).isEqualTo(1);
        listener.drain(engine);
        assertThat(runner.mostInFlight()).isEqualTo(9);
        assertThat(runner.dropped()).isZero();
        assertThat(engine.stats().steps()).as("none past the limit").isEqualTo(20);
    }

    @Test
    void statsCount() throws Exception {
        DecoderEngine engine = new DecoderSettings(200, 16, 10, 1).open();
        assertThat(engine.stats())
                .isEqualTo(new EngineStats(0, 0, 0, 0, 0, 199, 0, 0, 0, 0, 0, 0, 0));
        RecordingListener listener = new RecordingListener();
        engine.add(request("r", "a".repeat(17), p -> p.maxTokens(3).ignoreEos(true)));
        engine.add(request("s", "b", p -> p.maxTokens(3).ignoreEos(true)));
        listener.step(engine);
        assertThat(engine.stats())
                .isEqualTo(new EngineStats(1, 1, 10, 1, 2, 199, 0, 10, 0, 0, 0, 0, 0));
        listener.drain(engine);
        assertThat(engine.stats())
                .isEqualTo(new EngineStats(0, 0, 1, 7, 0, 199, 0, 18, 0, 6, 0, 0, 0));
    }

    @Test
    void aStepWithoutWorkDoesNothing() {
        DecoderEngine engine = ROOMY.open();
        new RecordingListener().step(engine);
        assertThat(engine.stats().steps()).isZero();
    }

    @Test
    void closingTwiceClosesTheRunnerOnce() {
        TestingModelRunner runner = new TestingModelRunner(VOCABULARY, 5, 4);
        DecoderEngine engine = engine(runner, ROOMY);
        engine.close();
        engine.close();
        assertThat(runner.timesClosed()).isEqualTo(1);
    }
}

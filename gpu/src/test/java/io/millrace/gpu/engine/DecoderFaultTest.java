package io.millrace.gpu.engine;

import static io.millrace.gpu.engine.Answers.describe;
import static io.millrace.gpu.engine.Answers.run;
import static io.millrace.gpu.engine.DecoderSettings.AHEAD;
import static io.millrace.gpu.engine.DecoderSettings.ROOMY;
import static io.millrace.gpu.engine.DecoderSettings.VOCABULARY;
import static io.millrace.gpu.engine.DecoderSettings.engine;
import static io.millrace.gpu.engine.TestingWorkload.request;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.gpu.api.GenerationRequest;
import io.millrace.gpu.api.SamplingParameters;
import io.millrace.gpu.device.cpu.TestingModelRunner;
import java.util.List;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

/** Bad logits, and steps that fail. */
class DecoderFaultTest {
    @Test
    void badLogitsFailOneRequestAndNoOther() throws Exception {
        GenerationRequest good = request("good", "hello", p -> p.maxTokens(20));
        String alone = describe(run(ROOMY.open(), good));
        assertThat(good.promptTokenIds()).doesNotContain(25);
        for (int ahead : AHEAD) {
            DecoderEngine engine =
                    engine(
                            new TestingModelRunner(VOCABULARY, 200, 16).breakAfter(25),
                            ROOMY.ahead(ahead));
            RecordingListener listener = new RecordingListener();
            long bad = engine.add(request("bad", "z", p -> p.n(3)));
            long kept = engine.add(good);
            listener.drain(engine);
            assertThat(listener.failures).containsOnlyKeys(bad);
            assertThat(listener.failures.get(bad)).contains("position 1 of completion 0");
            if (!alone.contains("25")) {
                assertThat(describe(listener.results.get(kept))).isEqualTo(alone);
            }
            assertThat(engine.stats().kvBlocksUsed()).isZero();
        }
    }

    @Test
    void afterABadRequestTheEngineAnswersTheNext() throws Exception {
        for (int ahead : AHEAD) {
            DecoderEngine engine =
                    engine(
                            new TestingModelRunner(VOCABULARY, 200, 16).breakAfter(25),
                            ROOMY.ahead(ahead));
            GenerationRequest good = request("good", "hello", p -> p.maxTokens(1));
            List<GenerationRequest> both =
                    List.of(request("bad", "z", p -> p), request("long", "a", p -> p));
            assertThatThrownBy(() -> engine.complete(both)).hasMessageContaining("not numbers");
            assertThat(engine.complete(List.of(good))).hasSize(1);
        }
    }

    @Test
    void afterAFailedStepItNamesWhoWasInItAndNeverStepsAgain() throws Exception {
        TestingModelRunner runner = new TestingModelRunner(VOCABULARY, 200, 16);
        DecoderEngine engine = engine(runner, new DecoderSettings(200, 16, 512, 3));
        RecordingListener listener = new RecordingListener();
        long first = engine.add(request("first", "abc", p -> p.maxTokens(20)));
        long second = engine.add(request("second", "def", p -> p.n(2).maxTokens(20)));
        engine.add(request("waits", "ghi", p -> p.maxTokens(20)));
        engine.step(listener);
        assertThat(engine.requestsInStep()).isEmpty();
        runner.failNext(new IllegalStateException("the kernel failed"));
        assertThatThrownBy(() -> engine.step(listener)).hasMessage("the kernel failed");
        assertThat(engine.requestsInStep()).containsExactly(first, second);
        runner.failNext(null);
        // Its blocks may hold anything, and prefixes of them are in the tree.
        assertThatThrownBy(() -> engine.step(listener)).hasMessageContaining("open a new one");
        assertThat(engine.stopStep()).isTrue();
        assertThat(runner.isStopped()).isTrue();
    }

    @Test
    void aFailedStepMakesSuspectsOfAllThatWereLaunched() throws Exception {
        for (int ahead : new int[] {2, -2}) {
            TestingModelRunner runner = new TestingModelRunner(VOCABULARY, 200, 16);
            DecoderEngine engine =
                    engine(runner, new DecoderSettings(200, 16, 512, 64).ahead(ahead));
            RecordingListener listener = new RecordingListener();
            UnaryOperator<SamplingParameters.Builder> endless = p -> p.ignoreEos(true);
            long first = engine.add(request("first", "abc", endless));
            long cancelled = engine.add(request("cancelled", "abc", endless));
            listener.step(engine);
            assertThat(engine.requestsInStep()).isEmpty();
            long second = engine.add(request("second", "def", p -> p.n(2).ignoreEos(true)));
            engine.cancel(cancelled);
            runner.failNext(new IllegalStateException("the kernel failed"));
            // The oldest step, without the second, fails; or the newest one, as it is launched.
            assertThatThrownBy(() -> engine.step(listener)).hasMessage("the kernel failed");
            assertThat(engine.requestsInStep()).containsExactlyInAnyOrder(first, cancelled, second);
            runner.failNext(null);
            assertThatThrownBy(() -> engine.step(listener)).hasMessageContaining("open a new one");
        }
    }
}

package io.millrace.gpu.engine;

import static io.millrace.gpu.engine.Answers.answers;
import static io.millrace.gpu.engine.Answers.describe;
import static io.millrace.gpu.engine.Answers.run;
import static io.millrace.gpu.engine.DecoderSettings.ROOMY;
import static io.millrace.gpu.engine.TestingWorkload.family;
import static io.millrace.gpu.engine.TestingWorkload.request;
import static io.millrace.gpu.engine.TestingWorkload.workload;
import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.gpu.api.GenerationRequest;
import io.millrace.gpu.api.GenerationResult;
import io.millrace.gpu.api.GenerationResult.Completion;
import io.millrace.gpu.api.GenerationResult.TokenLogprobs;
import io.millrace.gpu.api.SamplingParameters;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Requests that were interrupted go on after their last token. */
class DecoderResumeTest {
    @Test
    void aResumedRequestGoesOnAsIfNeverInterrupted() throws Exception {
        for (GenerationRequest request : workload(30, 4)) {
            String whole = answers(ROOMY, List.of(request)).get(0);
            DecoderEngine first = ROOMY.open();
            RecordingListener before = new RecordingListener();
            long handle = first.add(request);
            for (int step = 0; first.hasWork(); step++) {
                List<int[]> generated = new ArrayList<>();
                for (int i = 0; i < request.sampling().n(); i++) {
                    generated.add(before.tokens(handle, i));
                }
                GenerationRequest resumed =
                        new GenerationRequest(
                                request.id(),
                                request.promptTokenIds(),
                                request.sampling(),
                                request.priority(),
                                generated);
                DecoderEngine second = new DecoderSettings(98, 3, 11, 4).open();
                RecordingListener after = new RecordingListener();
                long again = second.add(resumed);
                after.drain(second);
                assertThat(describe(after.results.get(again)))
                        .as("after %d steps", step)
                        .isEqualTo(whole);
                for (int i = 0; i < generated.size(); i++) {
                    int[] all = after.results.get(again).completions().get(i).tokenIds();
                    assertThat(after.tokens(again, i))
                            .as("only new tokens are told")
                            .isEqualTo(
                                    Arrays.copyOfRange(all, generated.get(i).length, all.length));
                }
                before.step(first);
            }
        }
    }

    @Test
    void aResumedRequestMayBeFinishedAlready() throws Exception {
        GenerationRequest request = request("r", "hello", p -> p.maxTokens(5).n(2));
        GenerationResult whole = run(ROOMY.open(), request);
        List<int[]> all = whole.completions().stream().map(Completion::tokenIds).toList();
        GenerationRequest resumed =
                new GenerationRequest("r", request.promptTokenIds(), request.sampling(), 0, all);
        DecoderEngine engine = ROOMY.open();
        RecordingListener listener = new RecordingListener();
        long handle = engine.add(resumed);
        assertThat(engine.hasWork()).isTrue();
        listener.drain(engine);
        assertThat(describe(listener.results.get(handle))).isEqualTo(describe(whole));
        assertThat(listener.tokens(handle, 0)).isEmpty();
        assertThat(engine.stats().steps()).isZero();
    }

    @Test
    void cancellingAFinishedResumeSaysNothing() throws Exception {
        GenerationRequest resumed =
                new GenerationRequest(
                        "r",
                        new int[] {1},
                        SamplingParameters.greedy(1),
                        0,
                        List.of(new int[] {3}));
        DecoderEngine engine = ROOMY.open();
        engine.cancel(engine.add(resumed));
        assertThat(engine.hasWork()).isFalse();
    }

    @Test
    void aResumedRequestFindsWhatItLeftBehind() throws Exception {
        for (GenerationRequest request : family(10, 8)) {
            GenerationResult whole = run(ROOMY.open(), request);
            DecoderEngine engine = new DecoderSettings(200, 3, 11, 4).open();
            RecordingListener listener = new RecordingListener();
            long handle = engine.add(request);
            for (int i = 0; i < 9 && engine.hasWork(); i++) {
                listener.step(engine);
            }
            engine.cancel(handle);
            List<int[]> generated = new ArrayList<>();
            for (int i = 0; i < request.sampling().n(); i++) {
                generated.add(listener.tokens(handle, i));
            }
            GenerationRequest resumed =
                    new GenerationRequest(
                            request.id(),
                            request.promptTokenIds(),
                            request.sampling(),
                            request.priority(),
                            generated);
            assertThat(describe(run(engine, resumed))).isEqualTo(describe(whole));
        }
    }

    @Test
    void logprobsComeForEachTokenAndSurviveAResume() throws Exception {
        GenerationRequest request =
                request(
                        "r",
                        "hello",
                        p -> p.temperature(1).logprobs(3).maxTokens(9).ignoreEos(true));
        Completion whole = run(ROOMY.open(), request).completions().get(0);
        assertThat(whole.logprobs()).hasSize(9);
        for (int i = 0; i < 9; i++) {
            TokenLogprobs logprobs = whole.logprobs().get(i);
            assertThat(logprobs.tokenId()).isEqualTo(whole.tokenIds()[i]);
            assertThat(logprobs.topIds()).hasSize(3);
            assertThat(logprobs.topLogprobs()[0]).isGreaterThanOrEqualTo(logprobs.logprob());
        }
        GenerationRequest resumed =
                new GenerationRequest(
                        "r",
                        request.promptTokenIds(),
                        request.sampling(),
                        0,
                        List.of(Arrays.copyOf(whole.tokenIds(), 4)));
        DecoderEngine engine = ROOMY.open();
        RecordingListener listener = new RecordingListener();
        long handle = engine.add(resumed);
        listener.drain(engine);
        assertThat(describe(listener.results.get(handle)))
                .isEqualTo(describe(run(ROOMY.open(), request)));
        assertThat(listener.tokens(handle, 0)).hasSize(5);
        assertThat(run(ROOMY.open(), request("r", "hello", p -> p)).completions().get(0).logprobs())
                .isNull();
    }
}

package io.millrace.gpu.engine;

import static io.millrace.gpu.engine.Answers.describe;
import static io.millrace.gpu.engine.Answers.run;
import static io.millrace.gpu.engine.Answers.text;
import static io.millrace.gpu.engine.DecoderSettings.AHEAD;
import static io.millrace.gpu.engine.DecoderSettings.CONTEXT;
import static io.millrace.gpu.engine.DecoderSettings.ROOMY;
import static io.millrace.gpu.engine.DecoderSettings.VOCABULARY;
import static io.millrace.gpu.engine.DecoderSettings.engine;
import static io.millrace.gpu.engine.TestingWorkload.request;
import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.gpu.api.FinishReason;
import io.millrace.gpu.api.GenerationRequest;
import io.millrace.gpu.api.GenerationResult;
import io.millrace.gpu.api.GenerationResult.Completion;
import io.millrace.gpu.api.SamplingParameters;
import io.millrace.gpu.device.DelayedModelRunner;
import io.millrace.gpu.device.cpu.TestingModelRunner;
import java.util.Arrays;
import java.util.List;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

/** Where a completion ends, and that nothing after that is told. */
class DecoderStopTest {
    @Test
    void endOfTextEndsACompletionUnlessIgnored() throws Exception {
        GenerationRequest ends = request("r", "hello", p -> p.temperature(1).maxTokens(80));
        Completion ended = run(ROOMY.open(), ends).completions().get(0);
        int[] tokens = ended.tokenIds();
        assertThat(ended.finishReason()).isEqualTo(FinishReason.STOP);
        assertThat(tokens[tokens.length - 1]).isEqualTo(TestingTokenizer.END_OF_TEXT);
        assertThat(ended.text()).hasSize(tokens.length - 1);

        GenerationRequest ignores =
                request("r", "hello", p -> p.temperature(1).maxTokens(80).ignoreEos(true));
        Completion went = run(ROOMY.open(), ignores).completions().get(0);
        assertThat(went.finishReason()).isEqualTo(FinishReason.LENGTH);
        assertThat(went.tokenIds()).hasSize(80).startsWith(tokens);
        assertThat(went.text()).startsWith(ended.text());
    }

    @Test
    void aStopTokenEndsACompletionAndIsNotInItsText() throws Exception {
        int[] free =
                run(ROOMY.open(), request("r", "hello", p -> p.maxTokens(9).ignoreEos(true)))
                        .completions()
                        .get(0)
                        .tokenIds();
        int stop = free[4];
        int first = 0;
        while (free[first] != stop) {
            first++;
        }
        Completion ended =
                run(
                                ROOMY.open(),
                                request(
                                        "r",
                                        "hello",
                                        p ->
                                                p.maxTokens(9)
                                                        .ignoreEos(true)
                                                        .stopTokenIds(List.of(stop))))
                        .completions()
                        .get(0);
        assertThat(ended.finishReason()).isEqualTo(FinishReason.STOP);
        assertThat(ended.tokenIds()).isEqualTo(Arrays.copyOf(free, first + 1));
        assertThat(ended.text())
                .isEqualTo(new TestingTokenizer().decode(Arrays.copyOf(free, first)));
    }

    @Test
    void aStopStringEndsTheTextBeforeItAndKeepsItsTokens() throws Exception {
        Completion free =
                run(
                                ROOMY.open(),
                                request(
                                        "r",
                                        "hello",
                                        p -> p.temperature(2).maxTokens(30).ignoreEos(true)))
                        .completions()
                        .get(0);
        String stop = free.text().substring(10, 13);
        int at = free.text().indexOf(stop);
        Completion ended =
                run(
                                ROOMY.open(),
                                request(
                                        "r",
                                        "hello",
                                        p ->
                                                p.temperature(2)
                                                        .maxTokens(30)
                                                        .ignoreEos(true)
                                                        .stop(List.of("A", stop))))
                        .completions()
                        .get(0);
        assertThat(ended.finishReason()).isEqualTo(FinishReason.STOP);
        assertThat(ended.text()).isEqualTo(free.text().substring(0, at));
        assertThat(free.tokenIds()).startsWith(ended.tokenIds());
        assertThat(new TestingTokenizer().decode(ended.tokenIds())).isEqualTo(ended.text() + stop);
    }

    @Test
    void aCompletionEndsAtTheContext() throws Exception {
        int[] prompt = new int[CONTEXT - 5];
        GenerationRequest request =
                GenerationRequest.of(
                        "r",
                        prompt,
                        SamplingParameters.builder().maxTokens(1000).ignoreEos(true).build());
        Completion completion = run(ROOMY.open(), request).completions().get(0);
        assertThat(completion.tokenIds()).hasSize(5);
        assertThat(completion.finishReason()).isEqualTo(FinishReason.LENGTH);
    }

    @Test
    void whatFollowsAStopIdIsDroppedByTheRunner() throws Exception {
        GenerationRequest ends = request("r", "hello", p -> p.temperature(1).maxTokens(80));
        GenerationResult expected = run(ROOMY.open(), ends);
        DelayedModelRunner runner =
                ROOMY.ahead(8).delay(new TestingModelRunner(VOCABULARY, 200, 16));
        DecoderEngine engine = engine(runner, ROOMY);
        assertThat(describe(run(engine, ends))).isEqualTo(describe(expected));
        assertThat(expected.completions().get(0).finishReason()).isEqualTo(FinishReason.STOP);
        assertThat(runner.dropped()).isEqualTo(8);
        assertThat(engine.stats().generatedTokens())
                .isEqualTo(expected.completions().get(0).tokenIds().length);
    }

    @Test
    void whatFollowsAStopStringNeverLeavesTheEngine() throws Exception {
        UnaryOperator<SamplingParameters.Builder> hot = p -> p.temperature(2).ignoreEos(true);
        String free = text("r", p -> hot.apply(p).maxTokens(30));
        GenerationRequest ends =
                request(
                        "r",
                        "hello",
                        p -> hot.apply(p).maxTokens(30).stop(List.of(free.substring(10, 13))));
        Completion expected = run(ROOMY.open(), ends).completions().get(0);
        assertThat(expected.finishReason()).isEqualTo(FinishReason.STOP);
        for (int ahead : AHEAD) {
            DecoderEngine engine = ROOMY.ahead(ahead).open();
            RecordingListener listener = new RecordingListener();
            long handle = engine.add(ends);
            listener.drain(engine);
            assertThat(listener.tokens(handle, 0)).isEqualTo(expected.tokenIds());
            assertThat(listener.results.get(handle).completions().get(0).text())
                    .isEqualTo(expected.text());
            assertThat(engine.stats().generatedTokens()).isEqualTo(expected.tokenIds().length);
        }
    }
}

package io.millrace.gpu.engine;

import static io.millrace.gpu.engine.Answers.answers;
import static io.millrace.gpu.engine.Answers.describe;
import static io.millrace.gpu.engine.Answers.run;
import static io.millrace.gpu.engine.DecoderSettings.AHEAD;
import static io.millrace.gpu.engine.DecoderSettings.ROOMY;
import static io.millrace.gpu.engine.DecoderSettings.VOCABULARY;
import static io.millrace.gpu.engine.TestingWorkload.request;
import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.gpu.api.FinishReason;
import io.millrace.gpu.api.GenerationRequest;
import io.millrace.gpu.api.GenerationResult;
import io.millrace.gpu.api.GenerationResult.Completion;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Requests that suppress tokens, for ever or for the first ones. */
class DecoderEditTest {
    private static final List<Integer> MOST_TOKENS =
            IntStream.range(2, VOCABULARY).boxed().toList();

    @Test
    void noCompletionIsShorterThanItsMinimum() throws Exception {
        for (int least : new int[] {1, 3, 17, 54}) {
            GenerationRequest request =
                    request(
                            "r",
                            "abc",
                            p ->
                                    p.maxTokens(97)
                                            .temperature(1)
                                            .n(8)
                                            .stopTokenIds(MOST_TOKENS)
                                            .minTokens(least));
            for (int ahead : AHEAD) {
                GenerationResult result = run(ROOMY.ahead(ahead).open(), request);
                for (Completion c : result.completions()) {
                    int n = c.tokenIds().length;
                    assertThat(n).isGreaterThan(least);
                    assertThat(Arrays.stream(c.tokenIds()).limit(least)).allMatch(id -> id < 2);
                    assertThat(c.finishReason()).isEqualTo(FinishReason.STOP);
                }
                assertThat(result.completions().stream().map(c -> c.tokenIds().length))
                        .as("what ends them is likely behind it")
                        .contains(least + 1);
            }
        }
    }

    @Test
    void theMostTokensGoBeforeTheMinimum() throws Exception {
        GenerationRequest request =
                request("r", "abc", p -> p.maxTokens(5).minTokens(17).stopTokenIds(MOST_TOKENS));
        Completion c = run(ROOMY.open(), request).completions().get(0);
        assertThat(c.tokenIds()).hasSize(5);
        assertThat(c.finishReason()).isEqualTo(FinishReason.LENGTH);
    }

    @Test
    void aSuppressedTokenIsNeverSampled() throws Exception {
        GenerationRequest request =
                request(
                        "r",
                        "abc",
                        p ->
                                p.maxTokens(54)
                                        .temperature(2)
                                        .ignoreEos(true)
                                        .n(3)
                                        .suppressTokens(MOST_TOKENS));
        for (Completion c : run(ROOMY.open(), request).completions()) {
            assertThat(c.tokenIds()).hasSize(54).containsOnly(0, 1);
        }
    }

    @Test
    void aMinimumCountsTheTokensBeforeAnInterruption() throws Exception {
        GenerationRequest request =
                request(
                        "r",
                        "abc",
                        p ->
                                p.maxTokens(97)
                                        .temperature(1)
                                        .n(2)
                                        .stopTokenIds(MOST_TOKENS)
                                        .minTokens(17));
        GenerationResult whole = run(ROOMY.open(), request);
        for (int before : new int[] {1, 16, 17}) {
            List<int[]> generated = new ArrayList<>();
            for (Completion c : whole.completions()) {
                generated.add(Arrays.copyOf(c.tokenIds(), before));
            }
            GenerationRequest resumed =
                    new GenerationRequest(
                            "r", request.promptTokenIds(), request.sampling(), 0, generated);
            for (int ahead : AHEAD) {
                assertThat(describe(run(ROOMY.ahead(ahead).open(), resumed)))
                        .isEqualTo(describe(whole));
            }
        }
    }

    @Test
    void ifEveryTokenIsSuppressedThatRequestFailsAlone() throws Exception {
        List<Integer> all = IntStream.range(0, VOCABULARY).boxed().toList();
        GenerationRequest none = request("none", "abc", p -> p.suppressTokens(all));
        GenerationRequest other = request("other", "abc", p -> p.maxTokens(5));
        DecoderEngine engine = ROOMY.open();
        RecordingListener listener = new RecordingListener();
        long bad = engine.add(none);
        long good = engine.add(other);
        listener.drain(engine);
        assertThat(listener.failures.get(bad)).contains("every token is suppressed");
        assertThat(List.of(describe(listener.results.get(good))))
                .isEqualTo(answers(ROOMY, List.of(other)));
    }
}

package io.millrace.gpu.engine;

import static io.millrace.gpu.engine.Answers.answers;
import static io.millrace.gpu.engine.Answers.describe;
import static io.millrace.gpu.engine.Answers.run;
import static io.millrace.gpu.engine.DecoderSettings.AHEAD;
import static io.millrace.gpu.engine.DecoderSettings.ROOMY;
import static io.millrace.gpu.engine.TestingWorkload.family;
import static io.millrace.gpu.engine.TestingWorkload.request;
import static io.millrace.gpu.engine.TestingWorkload.workload;
import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.gpu.api.GenerationRequest;
import io.millrace.gpu.api.GenerationResult;
import io.millrace.gpu.api.RequestRejectedException;
import io.millrace.gpu.api.SamplingParameters;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** An answer depends on its model and its request only. */
class DecoderInvarianceTest {
    @Test
    void anAnswerDoesNotDependOnBatchChunksBlocksOrPreemption() throws Exception {
        List<GenerationRequest> requests = workload(40, 1);
        List<String> alone = new ArrayList<>();
        for (GenerationRequest request : requests) {
            alone.addAll(answers(ROOMY, List.of(request)));
        }
        for (DecoderSettings settings :
                List.of(
                        ROOMY,
                        new DecoderSettings(200, 1, 512, 64),
                        new DecoderSettings(200, 7, 17, 5),
                        new DecoderSettings(200, 16, 1, 1),
                        new DecoderSettings(98, 1, 54, 17),
                        new DecoderSettings(15, 7, 23, 9),
                        new DecoderSettings(8, 16, 97, 33))) {
            for (int ahead : AHEAD) {
                DecoderSettings way = settings.ahead(ahead);
                assertThat(answers(way, requests)).as("%s", way).isEqualTo(alone);
            }
        }
    }

    @Test
    void aSmallCacheDoesPreempt() throws Exception {
        for (int ahead : AHEAD) {
            DecoderEngine engine = new DecoderSettings(15, 7, 97, 9).ahead(ahead).open();
            for (GenerationRequest request : workload(40, 1)) {
                engine.add(request);
            }
            new RecordingListener().drain(engine);
            assertThat(engine.stats().preemptions()).isPositive();
            assertThat(engine.stats().kvBlocksUsed()).isZero();
        }
    }

    @Test
    void anAnswerDoesNotDependOnWhenARequestArrives() throws Exception {
        List<GenerationRequest> requests = workload(40, 2);
        List<String> together = answers(ROOMY, requests);
        for (int ahead : AHEAD) {
            assertThat(answersOverTime(requests, ahead)).isEqualTo(together);
        }
    }

    private static List<String> answersOverTime(List<GenerationRequest> requests, int ahead)
            throws RequestRejectedException {
        Random random = new Random(3);
        DecoderEngine engine = new DecoderSettings(30, 7, 33, 9).ahead(ahead).open();
        RecordingListener listener = new RecordingListener();
        long[] handles = new long[requests.size()];
        for (int i = 0; i < handles.length; i++) {
            handles[i] = engine.add(requests.get(i));
            for (int steps = random.nextInt(5); steps > 0; steps--) {
                listener.step(engine);
            }
        }
        listener.drain(engine);
        List<String> spread = new ArrayList<>();
        for (long handle : handles) {
            spread.add(describe(listener.results.get(handle)));
        }
        return spread;
    }

    @Test
    void anAnswerDoesNotDependOnWhatTheTreeKnows() throws Exception {
        List<GenerationRequest> requests = family(40, 5);
        List<String> alone = new ArrayList<>();
        for (GenerationRequest request : requests) {
            alone.addAll(answers(ROOMY, List.of(request)));
        }
        for (DecoderSettings settings :
                List.of(
                        ROOMY,
                        new DecoderSettings(200, 1, 512, 64),
                        new DecoderSettings(200, 4, 17, 5),
                        new DecoderSettings(200, 3, 1, 1),
                        new DecoderSettings(98, 1, 54, 17),
                        new DecoderSettings(15, 7, 23, 9),
                        new DecoderSettings(8, 16, 97, 33))) {
            for (int ahead : AHEAD) {
                DecoderSettings way = settings.ahead(ahead);
                assertThat(answers(way, requests)).as("%s", way).isEqualTo(alone);
                List<GenerationRequest> shuffled = new ArrayList<>(requests);
                Collections.shuffle(shuffled, new Random(way.hashCode()));
                List<String> answers = answers(way, shuffled);
                for (int i = 0; i < answers.size(); i++) {
                    assertThat(answers.get(i))
                            .isEqualTo(alone.get(requests.indexOf(shuffled.get(i))));
                }
            }
        }
    }

    @Test
    void anAnswerIsTheSameWhenItsPromptWasAnsweredBefore() throws Exception {
        for (int blockSize : new int[] {1, 4, 16}) {
            for (int length : new int[] {1, blockSize, blockSize + 1, 3 * blockSize + 1, 54}) {
                GenerationRequest request =
                        request("r", "abcdefg".repeat(8).substring(0, length), p -> p.n(2));
                DecoderEngine engine = new DecoderSettings(200, blockSize, 54, 17).open();
                GenerationResult miss = run(engine, request);
                GenerationResult hit = run(engine, request);
                assertThat(describe(hit)).isEqualTo(describe(miss));
                assertThat(miss.cachedTokens()).isZero();
                assertThat(hit.cachedTokens()).isEqualTo((length - 1) / blockSize * blockSize);
            }
        }
    }

    @Test
    void aConversationGoesOnFromTheAnswersKv() throws Exception {
        DecoderEngine engine = new DecoderSettings(200, 4, 54, 17).open();
        GenerationRequest first =
                request("first", "hello", p -> p.maxTokens(20).ignoreEos(true).temperature(1));
        int[] answer = run(engine, first).completions().get(0).tokenIds();
        int[] prompt = Arrays.copyOf(first.promptTokenIds(), 5 + 20 + 3);
        System.arraycopy(answer, 0, prompt, 5, 20);
        GenerationRequest second =
                GenerationRequest.of("second", prompt, SamplingParameters.greedy(9));
        GenerationResult result = run(engine, second);
        assertThat(result.cachedTokens()).isEqualTo(24);
        assertThat(describe(result)).isEqualTo(describe(run(ROOMY.open(), second)));
    }
}

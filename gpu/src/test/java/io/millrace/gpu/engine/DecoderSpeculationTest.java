package io.millrace.gpu.engine;

import static io.millrace.gpu.engine.Answers.answers;
import static io.millrace.gpu.engine.Answers.describe;
import static io.millrace.gpu.engine.Answers.run;
import static io.millrace.gpu.engine.DecoderSettings.AHEAD;
import static io.millrace.gpu.engine.DecoderSettings.ROOMY;
import static io.millrace.gpu.engine.DecoderSettings.VOCABULARY;
import static io.millrace.gpu.engine.DecoderSettings.engine;
import static io.millrace.gpu.engine.TestingWorkload.request;
import static io.millrace.gpu.engine.TestingWorkload.workload;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.EngineOptions.Device;
import io.millrace.gpu.api.EngineOptions.Speculate;
import io.millrace.gpu.api.EngineStats;
import io.millrace.gpu.api.GenerationRequest;
import io.millrace.gpu.api.GenerationResult;
import io.millrace.gpu.api.GenerationResult.Completion;
import io.millrace.gpu.api.OptionNames;
import io.millrace.gpu.api.SamplingParameters;
import io.millrace.gpu.api.StepListener;
import io.millrace.gpu.api.constraint.Constraint;
import io.millrace.gpu.device.cpu.TestingModelRunner;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

/** Speculation changes no answer, takes nothing from others, and is never left out in silence. */
class DecoderSpeculationTest {
    private static final DecoderSettings SPECULATING = ROOMY.drafting(8, 4);

    private static DecoderEngine open(DecoderSettings settings) {
        return engine(
                new TestingModelRunner(VOCABULARY, settings.blocks(), settings.blockSize())
                        .repeating(),
                settings);
    }

    /** Requests of all kinds whose texts repeat themselves. */
    private static List<GenerationRequest> repetitive(int size, long seed) {
        List<GenerationRequest> requests = new ArrayList<>();
        Random random = new Random(seed);
        for (GenerationRequest r : workload(size, seed)) {
            SamplingParameters sampling =
                    r.sampling().toBuilder()
                            .maxTokens(Math.min(43, 3 * r.sampling().maxTokens()))
                            .temperature(random.nextInt(3) * 0.6)
                            .build();
            requests.add(
                    new GenerationRequest(
                            r.id(), r.promptTokenIds(), sampling, r.priority(), List.of()));
        }
        return requests;
    }

    @Test
    void answersAreThoseWithoutSpeculation() throws Exception {
        List<GenerationRequest> requests = repetitive(40, 1);
        List<String> plain = answers(open(ROOMY), requests, 0);
        for (DecoderSettings settings :
                List.of(
                        ROOMY.drafting(1, 1),
                        SPECULATING,
                        new DecoderSettings(200, 1, 512, 64).drafting(17, 3),
                        new DecoderSettings(200, 7, 17, 5).drafting(5, 2),
                        new DecoderSettings(200, 16, 1, 1).drafting(3, 2),
                        new DecoderSettings(98, 1, 54, 17).drafting(64, 9),
                        new DecoderSettings(15, 7, 23, 9).drafting(8, 1),
                        new DecoderSettings(8, 16, 97, 33).drafting(8, 4))) {
            for (int ahead : AHEAD) {
                DecoderEngine engine = open(settings.ahead(ahead));
                assertThat(answers(engine, requests, 0)).as("%s", settings).isEqualTo(plain);
                EngineStats stats = engine.stats();
                if (settings.maxTokens() > 1) {
                    assertThat(stats.acceptedTokens()).as("%s", settings).isPositive();
                    assertThat(stats.draftTokens()).isGreaterThan(stats.acceptedTokens());
                } else {
                    assertThat(stats.draftTokens()).isZero();
                }
            }
        }
    }

    @Test
    void requestsThatComeAndGoAreAnsweredAsWithoutSpeculation() throws Exception {
        List<GenerationRequest> requests = repetitive(54, 2);
        List<String> plain = answers(open(ROOMY), requests, 0);
        for (int ahead : AHEAD) {
            DecoderSettings tight = new DecoderSettings(17, 7, 33, 9).ahead(ahead).drafting(6, 2);
            List<String> got = answers(open(tight), requests, 11 + ahead);
            for (int i = 0; i < got.size(); i++) {
                assertThat(got.get(i)).isIn(plain.get(i), null);
            }
            assertThat(got).anyMatch(answer -> answer == null).anyMatch(answer -> answer != null);
        }
    }

    @Test
    void everySamplingFeatureIsSampledAtEachPositionAsWithoutSpeculation() throws Exception {
        List<UnaryOperator<SamplingParameters.Builder>> all =
                List.of(
                        p -> p,
                        p -> p.temperature(0.8).logprobs(3),
                        p -> p.temperature(0.5).topK(5).topP(0.9).minP(0.02),
                        p -> p.repetitionPenalty(1.1).frequencyPenalty(0.1).presencePenalty(0.2),
                        p -> p.minTokens(23).logitBias(Map.of("3", 2.0, "26", 5.0)),
                        p -> p.stop(List.of("zz", "ab", "q")).ignoreEos(false),
                        p -> p.stopTokenIds(List.of(3, 17)).ignoreEos(false),
                        p -> p.constraint(new Constraint.Regex("([a-c]x?){3,}z")),
                        p -> p.temperature(0.6).constraint(new Constraint.Regex("([a-h]{3}y)+")));
        long[] accepted = new long[all.size()];
        for (int most : new int[] {1, 2, 17, 54, 91}) {
            for (int i = 0; i < all.size(); i++) {
                UnaryOperator<SamplingParameters.Builder> feature = all.get(i);
                GenerationRequest request =
                        request(
                                "r" + i,
                                "abcab",
                                p ->
                                        feature.apply(
                                                        p.ignoreEos(true)
                                                                .maxTokens(Math.max(5, most)))
                                                .n(3));
                String plain = describe(run(open(ROOMY), request));
                DecoderEngine engine = open(SPECULATING);
                assertThat(describe(run(engine, request))).as("%d, %d", i, most).isEqualTo(plain);
                accepted[i] += engine.stats().acceptedTokens();
            }
        }
        for (int often : new int[] {0, 1, 2, 3, 4, 8}) {
            assertThat(accepted[often]).as("%d", often).isPositive();
        }
    }

    @Test
    void goesOnAfterAnyTokenAsIfNeverInterrupted() throws Exception {
        GenerationRequest request =
                request("r", "abcabc", p -> p.temperature(0.4).n(2).maxTokens(54).ignoreEos(true));
        GenerationResult whole = run(open(ROOMY), request);
        for (int before = 0; before <= 54; before++) {
            List<int[]> generated = new ArrayList<>();
            for (Completion c : whole.completions()) {
                generated.add(Arrays.copyOf(c.tokenIds(), before));
            }
            GenerationRequest resumed =
                    new GenerationRequest(
                            "r", request.promptTokenIds(), request.sampling(), 0, generated);
            assertThat(describe(run(open(SPECULATING), resumed)))
                    .as("after %d tokens", before)
                    .isEqualTo(describe(whole));
        }
    }

    @Test
    void whatWasGuessedIsInNoBlockThatOthersFind() throws Exception {
        DecoderEngine engine = open(new DecoderSettings(200, 4, 54, 17).drafting(17, 2));
        GenerationRequest first =
                request("first", "ababa", p -> p.maxTokens(43).ignoreEos(true).temperature(0.5));
        int[] answer = run(engine, first).completions().get(0).tokenIds();
        assertThat(engine.stats().draftTokens()).isGreaterThan(engine.stats().acceptedTokens());
        int[] prompt = Arrays.copyOf(first.promptTokenIds(), 5 + 43 + 3);
        System.arraycopy(answer, 0, prompt, 5, 43);
        GenerationRequest second =
                GenerationRequest.of("second", prompt, SamplingParameters.greedy(9));
        GenerationResult result = run(engine, second);
        assertThat(result.cachedTokens()).isEqualTo(44);
        assertThat(describe(result)).isEqualTo(describe(run(open(ROOMY), second)));
    }

    @Test
    void noSequenceIsPreemptedForDrafts() throws Exception {
        // Both just fit: a block for a draft would be one that the other needs.
        for (int block : new int[] {1, 4, 16}) {
            int blocks = 2 * ((5 + 60 - 1 + block - 1) / block) + 1;
            DecoderEngine engine = open(new DecoderSettings(blocks, block, 54, 9).drafting(16, 2));
            RecordingListener listener = new RecordingListener();
            for (int i = 0; i < 2; i++) {
                engine.add(request("r" + i, "ababa", p -> p.maxTokens(60).ignoreEos(true)));
            }
            listener.drain(engine);
            assertThat(engine.stats().preemptions()).isZero();
            assertThat(engine.stats().acceptedTokens()).isPositive();
        }
    }

    @Test
    void badLogitsBehindAWrongGuessFailNothing() throws Exception {
        for (int token = 0; token < VOCABULARY; token++) {
            GenerationRequest request =
                    request("r", "abcabc", p -> p.temperature(0.7).maxTokens(54).ignoreEos(true));
            List<String> ends = new ArrayList<>();
            for (DecoderSettings settings : List.of(ROOMY, SPECULATING)) {
                DecoderEngine engine =
                        engine(
                                new TestingModelRunner(VOCABULARY, 200, 16)
                                        .repeating()
                                        .breakAfter(token),
                                settings);
                RecordingListener listener = new RecordingListener();
                long handle = engine.add(request);
                listener.drain(engine);
                String failure = listener.failures.get(handle);
                ends.add(failure != null ? failure : describe(listener.results.get(handle)));
                assertThat(engine.stats().kvBlocksUsed()).isZero();
            }
            assertThat(ends.get(1)).isEqualTo(ends.get(0));
        }
    }

    @Test
    void aListenerMayCancelAtAnyTokenOfADraft() throws Exception {
        for (int at = 1; at < 40; at++) {
            DecoderEngine engine = open(SPECULATING);
            long handle = engine.add(request("r", "ababab", p -> p.n(2).maxTokens(60)));
            int last = at;
            int[] seen = {0};
            StepListener cancelling =
                    new StepListener() {
                        @Override
                        public void onToken(long h, int completion, int tokenId) {
                            if (++seen[0] == last) {
                                engine.cancel(handle);
                            }
                        }

                        @Override
                        public void onFinished(long h, GenerationResult result) {}

                        @Override
                        public void onFailed(long h, String reason) {
                            throw new AssertionError(reason);
                        }
                    };
            while (engine.hasWork()) {
                engine.step(cancelling);
                engine.checkIntegrity();
            }
            assertThat(seen[0]).isLessThanOrEqualTo(at);
            assertThat(engine.stats().kvBlocksUsed()).isZero();
        }
    }

    @Test
    void aDeviceThatCannotVerifyDraftsIsRefusedByName() {
        EngineOptions options =
                EngineOptions.of("somewhere")
                        .withDevice(Device.CUDA)
                        .withSpeculate(Speculate.NGRAM)
                        .withNames(OptionNames.COMMAND_LINE);
        assertThatThrownBy(() -> EngineAssembly.check(options))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("--speculate is ngram")
                .hasMessageContaining("leave it off, or take the device cpu");
    }
}

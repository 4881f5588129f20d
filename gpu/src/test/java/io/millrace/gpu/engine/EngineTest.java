package io.millrace.gpu.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.GenerationRequest;
import io.millrace.gpu.api.GenerationResult.Completion;
import io.millrace.gpu.api.SamplingParameters;
import io.millrace.gpu.device.RecordingModelRunner;
import io.millrace.gpu.device.cpu.CpuRecording;
import io.millrace.gpu.model.ModelFolder;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Law 1 on a real backend, here the CPU's: equal tokens, and equal bits of the raw logits. Other
 * devices extend it.
 */
class EngineTest extends EngineRuns {
    @Override
    RecordingModelRunner open(
            Family family, ModelFolder folder, EngineOptions options, int blocks, int ahead)
            throws IOException {
        return CpuRecording.open(folder, options, blocks);
    }

    @ParameterizedTest
    @EnumSource
    void batchedEqualsAlone(Family family) throws Exception {
        List<GenerationRequest> requests = requests(17, 1);
        Run together = run(family, Way.PLAIN, requests);
        for (int ahead : AHEAD) {
            run(family, Way.PLAIN.ahead(ahead), requests).assertSameAs(together);
        }
        for (int i = 0; i < requests.size(); i++) {
            Run alone = run(family, Way.PLAIN, List.of(requests.get(i)));
            assertThat(alone.answers().get(0)).isEqualTo(together.answers().get(i));
            assertThat(together.logits().keySet()).containsAll(alone.logits().keySet());
            alone.assertSameBitsWhereBothHave(together);
        }
    }

    @ParameterizedTest
    @EnumSource
    void chunkedEqualsWhole(Family family) throws Exception {
        List<GenerationRequest> requests = requests(17, 2);
        Run whole = run(family, Way.PLAIN, requests);
        for (int chunk : new int[] {1, 7, 17, 54}) {
            for (int ahead : AHEAD) {
                run(family, new Way(chunk, 9, 300, 16, 1, ahead), requests).assertSameAs(whole);
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void longPromptsInChunksEqualWhole(Family family) throws Exception {
        List<GenerationRequest> requests = requests(4, 10, 17, 1023, 97, 1000, 64);
        Run whole = run(family, new Way(2500, 9, 300, 16, 1), requests);
        for (int chunk : new int[] {1, 7, 64, 1000, 2500}) {
            for (int ahead : chunk == 64 ? AHEAD : new int[] {1}) {
                run(family, new Way(chunk, 9, 300, 16, 1, ahead), requests).assertSameAs(whole);
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void aBatchOfAnySizeEqualsOneByOne(Family family) throws Exception {
        List<GenerationRequest> requests = requests(256, 11, 9, 1, 17, 2, 9);
        Run single = run(family, new Way(512, 1, 1200, 16, 1), requests);
        for (int batch : new int[] {2, 17, 64, 97, 256}) {
            for (int ahead : batch < 256 ? new int[] {1} : AHEAD) {
                run(family, new Way(512, batch, 1200, 16, 1, ahead), requests).assertSameAs(single);
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void preemptedAfterAnyNumberOfTokensEqualsNot(Family family) throws Exception {
        for (int tokens : new int[] {1, 63, 400}) {
            // Both want a new block once they have so many tokens, and one is left.
            int block = 16;
            int prompt = 1 + Math.floorMod(-tokens, block);
            int blocks = 2 * (prompt + tokens - 1) / block + 1;
            SamplingParameters.Builder p = SamplingParameters.builder();
            p.temperature(0.9).repetitionPenalty(1.1).logprobs(2).ignoreEos(true);
            // The first goes on until the other's blocks are its own.
            int[] limits = {blocks * block - prompt, tokens + 17};
            List<GenerationRequest> requests = new ArrayList<>();
            for (int i = 0; i < 2; i++) {
                int[] ids = new Random(12 + i).ints(prompt, 0, 256).toArray();
                SamplingParameters sampling = p.maxTokens(limits[i]).build();
                requests.add(new GenerationRequest("r" + i, ids, sampling, i, List.of()));
            }
            Run roomy = run(family, Way.PLAIN, requests);
            for (int ahead : AHEAD) {
                Way way = new Way(512, 2, blocks + 1, block, 1, ahead);
                preempted(family, way, requests, tokens).assertSameAs(roomy);
            }
        }
    }

    /** The second is to be preempted once, with so many tokens. */
    private Run preempted(Family family, Way way, List<GenerationRequest> requests, int tokens)
            throws Exception {
        RecordingModelRunner runner = open(family, way);
        try (DecoderEngine engine = engine(family, way, runner)) {
            RecordingListener listener = new RecordingListener();
            List<Long> handles = new ArrayList<>();
            for (GenerationRequest request : requests) {
                handles.add(engine.add(request));
            }
            while (engine.stats().preemptions() == 0) {
                listener.step(engine);
            }
            assertThat(listener.tokens(handles.get(1), 0)).hasSize(tokens);
            listener.drain(engine);
            assertThat(engine.stats().preemptions()).isEqualTo(1);
            return result(way, requests, false, handles, listener, engine, runner);
        }
    }

    @ParameterizedTest
    @EnumSource
    void preemptedEqualsNot(Family family) throws Exception {
        List<GenerationRequest> requests = requests(54, 3);
        Run roomy = run(family, Way.PLAIN, requests);
        for (int ahead : AHEAD) {
            // 16 blocks of 8 just hold the longest alone: others lose theirs on the way.
            Run tight = run(family, new Way(97, 17, 17, 8, 1, ahead), requests);
            assertThat(tight.preemptions()).isPositive();
            tight.assertSameAs(roomy);
        }
    }

    @ParameterizedTest
    @EnumSource
    void blockSizeAndThreadsLeaveNoTrace(Family family) throws Exception {
        List<GenerationRequest> requests = requests(9, 4);
        Run plain = run(family, Way.PLAIN, requests);
        run(family, new Way(512, 64, 1000, 8, 3), requests).assertSameAs(plain);
        run(family, new Way(54, 5, 200, 32, 2), requests).assertSameAs(plain);
    }

    @ParameterizedTest
    @EnumSource
    void staticEqualsDynamic(Family family) throws Exception {
        List<GenerationRequest> requests = requests(17, 5);
        Run atOnce = run(family, Way.PLAIN, requests);
        Random random = new Random(5);
        List<Integer> stepsBetween = new ArrayList<>();
        requests.forEach(r -> stepsBetween.add(random.nextInt(9)));
        for (int ahead : AHEAD) {
            Way way = new Way(33, 7, 60, 16, 1, ahead);
            run(family, way, requests, stepsBetween).assertSameAs(atOnce);
        }
    }

    @ParameterizedTest
    @EnumSource
    void cancelsLeaveNoTrace(Family family) throws Exception {
        List<GenerationRequest> requests = requests(33, 9);
        Run whole = run(family, Way.PLAIN, requests);
        Random random = new Random(9);
        List<Integer> stepsBetween = new ArrayList<>();
        requests.forEach(r -> stepsBetween.add(random.nextInt(6)));
        for (int ahead : AHEAD) {
            Way way = new Way(54, 9, 30, 8, 1, ahead);
            Run rest = run(family, way, requests, stepsBetween, 3);
            int cancelled = 0;
            for (int i = 0; i < requests.size(); i++) {
                if (rest.answers().get(i) == null) {
                    cancelled++;
                } else {
                    assertThat(rest.answers().get(i)).isEqualTo(whole.answers().get(i));
                }
            }
            assertThat(cancelled).isGreaterThan(5);
            assertThat(whole.logits().keySet()).containsAll(rest.logits().keySet());
            rest.assertSameBitsWhereBothHave(whole);
        }
    }

    @ParameterizedTest
    @EnumSource
    void resumedEqualsUninterrupted(Family family) throws Exception {
        List<GenerationRequest> requests = requests(17, 6);
        Run whole = run(family, Way.PLAIN, requests);
        Random random = new Random(6);
        List<GenerationRequest> resumed = new ArrayList<>();
        for (int i = 0; i < requests.size(); i++) {
            List<int[]> generated = new ArrayList<>();
            for (Completion completion : whole.results().get(i).completions()) {
                int[] ids = completion.tokenIds();
                generated.add(Arrays.copyOf(ids, random.nextInt(ids.length + 1)));
            }
            GenerationRequest r = requests.get(i);
            resumed.add(
                    new GenerationRequest(
                            r.id(), r.promptTokenIds(), r.sampling(), r.priority(), generated));
        }
        for (int ahead : AHEAD) {
            Run after = run(family, new Way(54, 9, 40, 16, 1, ahead), resumed);
            assertThat(after.answers()).isEqualTo(whole.answers());
            assertThat(whole.logits().keySet()).containsAll(after.logits().keySet());
            assertThat(after.logits().size()).isBetween(1, whole.logits().size() - 1);
            after.assertSameBitsWhereBothHave(whole);
        }
    }

    @ParameterizedTest
    @EnumSource
    void speculatedEqualsNot(Family family) throws Exception {
        List<GenerationRequest> requests = new ArrayList<>();
        for (GenerationRequest r : requests(33, 13, 54, 1, 17, 54, 97)) {
            int[] prompt = r.promptTokenIds();
            for (int i = 5; i < prompt.length; i++) {
                prompt[i] = prompt[i % 5];
            }
            requests.add(r);
        }
        Run plain = run(family, Way.PLAIN, requests);
        long accepted = 0;
        for (Way way :
                List.of(
                        Way.PLAIN,
                        new Way(54, 9, 40, 16, 2),
                        new Way(17, 3, 30, 8, 1),
                        new Way(97, 17, 23, 8, 1))) {
            for (int ahead : speculates() ? AHEAD : new int[0]) {
                Run speculated = run(family, way.ahead(ahead).speculating(), requests);
                speculated.assertSameAs(plain);
                accepted += speculated.accepted();
            }
        }
        assertThat(accepted > 0).isEqualTo(speculates());
    }

    /** Whether the device verifies drafts. */
    boolean speculates() {
        return true;
    }

    @ParameterizedTest
    @EnumSource
    void prefillEqualsDecode(Family family) throws Exception {
        int[] prompt = new Random(7).ints(23, 0, 256).toArray();
        SamplingParameters sampling =
                SamplingParameters.builder().maxTokens(54).ignoreEos(true).seed(7L).build();
        Run decoded = run(family, Way.PLAIN, List.of(GenerationRequest.of("r", prompt, sampling)));
        int[] generated = decoded.results().get(0).completions().get(0).tokenIds();
        for (int k = 1; k < generated.length; k += 4) {
            int[] longer = Arrays.copyOf(prompt, prompt.length + k);
            System.arraycopy(generated, 0, longer, prompt.length, k);
            SamplingParameters one = sampling.toBuilder().maxTokens(1).build();
            Run prefilled = run(family, Way.PLAIN, List.of(GenerationRequest.of("r", longer, one)));
            String key = "7.0." + longer.length;
            assertThat(prefilled.logits().keySet()).containsExactly(key);
            assertThat(decoded.logits()).containsKey(key);
            prefilled.assertSameBitsWhereBothHave(decoded);
        }
    }

    @ParameterizedTest
    @EnumSource
    void aPrefixHitEqualsAMiss(Family family) throws Exception {
        int block = Way.PLAIN.blockSize();
        SamplingParameters hot =
                SamplingParameters.builder()
                        .maxTokens(17)
                        .temperature(0.9)
                        .logprobs(3)
                        .ignoreEos(true)
                        .build();
        for (int length : new int[] {block - 1, block, block + 1, 3 * block + 1}) {
            int[] prompt = new Random(length).ints(length, 0, 256).toArray();
            GenerationRequest asked = GenerationRequest.of("asked", prompt, hot);
            Run miss = run(family, Way.PLAIN, List.of(asked));
            List<GenerationRequest> both =
                    List.of(GenerationRequest.of("warming", prompt, hot), asked);
            for (int ahead : AHEAD) {
                Run hit = run(family, Way.PLAIN.ahead(ahead), both, List.of(100, 0));
                int cached = (length - 1) / block * block;
                assertThat(hit.results().get(0).cachedTokens()).isZero();
                assertThat(hit.results().get(1).cachedTokens()).isEqualTo(cached);
                assertThat(hit.answers().get(1)).isEqualTo(miss.answers().get(0));
                assertThat(hit.logits().keySet()).containsAll(miss.logits().keySet());
                miss.assertSameBitsWhereBothHave(hit);
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void sharedPrefixesInASmallCacheEqualAlone(Family family) throws Exception {
        Random random = new Random(8);
        int[] stem = random.ints(97, 0, 256).toArray();
        List<GenerationRequest> requests = new ArrayList<>();
        for (GenerationRequest r : requests(33, 8)) {
            int[] prompt = Arrays.copyOf(stem, r.promptTokenIds().length);
            if (random.nextBoolean()) {
                prompt[random.nextInt(prompt.length)] = 0;
            }
            requests.add(
                    new GenerationRequest(r.id(), prompt, r.sampling(), r.priority(), List.of()));
        }
        List<Integer> steps = new ArrayList<>();
        requests.forEach(r -> steps.add(random.nextInt(7)));
        Run small = run(family, new Way(23, 9, 17, 8, 1), requests, steps);
        for (int ahead : AHEAD) {
            Run same = run(family, new Way(23, 9, 17, 8, 1, ahead), requests, steps);
            assertThat(same.results()).anyMatch(result -> result.cachedTokens() > 0);
            assertThat(same.preemptions()).isPositive();
            assertThat(same.logits().keySet()).isEqualTo(small.logits().keySet());
            same.assertSameBitsWhereBothHave(small);
            assertThat(same.answers()).isEqualTo(small.answers());
        }
        for (int i = 0; i < requests.size(); i++) {
            Run alone = run(family, Way.PLAIN, List.of(requests.get(i)));
            assertThat(small.answers().get(i)).isEqualTo(alone.answers().get(0));
            assertThat(small.logits().keySet()).containsAll(alone.logits().keySet());
            alone.assertSameBitsWhereBothHave(small);
        }
    }
}

package io.millrace.gpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.gpu.GenerationResult.Completion;
import io.millrace.gpu.GenerationResult.TokenLogprobs;
import io.millrace.gpu.RequestRejectedException.Reason;
import io.millrace.gpu.backend.DelayedModelRunner;
import io.millrace.gpu.backend.ModelRunner;
import io.millrace.gpu.backend.cpu.TestingModelRunner;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

class DecoderEngineTest {
    private static final int VOCABULARY = 27;
    private static final int CONTEXT = 97;

    /** Steps to run ahead, as of {@link Settings#ahead(int)}. */
    private static final int[] AHEAD = {0, 1, -1, 2, 8, -8};

    /** Enough of everything: nothing is cut, nothing is preempted. */
    private static final Settings ROOMY = new Settings(200, 16, 512, 64);

    private record Settings(int blocks, int blockSize, int maxTokens, int maxSequences, int ahead) {
        Settings(int blocks, int blockSize, int maxTokens, int maxSequences) {
            this(blocks, blockSize, maxTokens, maxSequences, 0);
        }

        /**
         * @param steps to run ahead; negative for as many, computed as soon as they are launched
         */
        Settings ahead(int steps) {
            return new Settings(blocks, blockSize, maxTokens, maxSequences, steps);
        }

        DecoderEngine open() {
            return engine(new TestingModelRunner(VOCABULARY, blocks, blockSize), this);
        }

        DelayedModelRunner delay(ModelRunner runner) {
            return new DelayedModelRunner(runner, Math.abs(ahead), ahead > 0);
        }
    }

    private static DecoderEngine engine(TestingModelRunner runner, Settings settings) {
        return engine(settings.ahead == 0 ? runner : settings.delay(runner), settings);
    }

    private static DecoderEngine engine(ModelRunner runner, Settings settings) {
        return new DecoderEngine(
                new ModelInfo(
                        "tiny",
                        "f",
                        new FingerprintParts("m", "t", "k"),
                        VOCABULARY,
                        CONTEXT,
                        SamplingParameters.greedy(16),
                        "testing"),
                ModelText.of(new TestingTokenizer()),
                List.of(TestingTokenizer.END_OF_TEXT),
                runner,
                settings.maxTokens,
                settings.maxSequences);
    }

    @Test
    void anAnswerDoesNotDependOnBatchChunksBlocksOrPreemption() throws Exception {
        List<GenerationRequest> requests = workload(40, 1);
        List<String> alone = new ArrayList<>();
        for (GenerationRequest request : requests) {
            alone.addAll(answers(ROOMY, List.of(request)));
        }
        for (Settings settings :
                List.of(
                        ROOMY,
                        new Settings(200, 1, 512, 64),
                        new Settings(200, 7, 17, 5),
                        new Settings(200, 16, 1, 1),
                        new Settings(98, 1, 54, 17),
                        new Settings(15, 7, 23, 9),
                        new Settings(8, 16, 97, 33))) {
            for (int ahead : AHEAD) {
                Settings way = settings.ahead(ahead);
                assertThat(answers(way, requests)).as("%s", way).isEqualTo(alone);
            }
        }
    }

    @Test
    void aSmallCacheDoesPreempt() throws Exception {
        for (int ahead : AHEAD) {
            DecoderEngine engine = new Settings(15, 7, 97, 9).ahead(ahead).open();
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
        DecoderEngine engine = new Settings(30, 7, 33, 9).ahead(ahead).open();
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
                DecoderEngine second = new Settings(98, 3, 11, 4).open();
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
    void cancellingMidFlightLeaksNoBlockAndDisturbsNobody() throws Exception {
        GenerationRequest kept = request("kept", "stays", p -> p.temperature(1).maxTokens(40));
        String alone = describe(run(ROOMY.open(), kept));
        for (int i : new int[] {0, 1, 2, 5, 10, 11, 12, 15, 20, 21, 22, 25, 30, 31, 32, 35}) {
            int steps = i % 10;
            int ahead = new int[] {0, 1, 8, -8}[i / 10];
            DecoderEngine engine = new Settings(40, 4, 7, 9).ahead(ahead).open();
            RecordingListener listener = new RecordingListener();
            long cancelled =
                    engine.add(request("gone", "g".repeat(30), p -> p.n(3).ignoreEos(true)));
            long handle = engine.add(kept);
            for (int step = 0; step < steps; step++) {
                listener.step(engine);
            }
            engine.cancel(cancelled);
            engine.cancel(cancelled);
            engine.cancel(12345);
            engine.checkIntegrity();
            listener.drain(engine);
            assertThat(listener.results).containsOnlyKeys(handle);
            assertThat(describe(listener.results.get(handle))).isEqualTo(alone);
            assertThat(engine.stats().kvBlocksUsed()).isZero();
        }
    }

    @Test
    void aListenerMayCancelFromWithinAStep() throws Exception {
        DecoderEngine engine = ROOMY.open();
        long handle = engine.add(request("r", "abc", p -> p.n(4).ignoreEos(true)));
        int[] told = {0};
        StepListener cancelling =
                new StepListener() {
                    @Override
                    public void onToken(long h, int completion, int tokenId) {
                        told[0]++;
                        engine.cancel(handle);
                    }

                    @Override
                    public void onFinished(long h, GenerationResult result) {
                        throw new AssertionError("cancelled");
                    }
                };
        engine.step(cancelling);
        engine.checkIntegrity();
        assertThat(told[0]).isEqualTo(1);
        assertThat(engine.hasWork()).isFalse();
        assertThat(engine.stats().kvBlocksUsed()).isZero();
    }

    @Test
    void moreUrgentRequestsAreServedFirst() throws Exception {
        DecoderEngine engine = new Settings(200, 16, 512, 1).open();
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
    void afterAFailedStepItNamesWhoWasInItAndNeverStepsAgain() throws Exception {
        TestingModelRunner runner = new TestingModelRunner(VOCABULARY, 200, 16);
        DecoderEngine engine = engine(runner, new Settings(200, 16, 512, 3));
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
            DecoderEngine engine = engine(runner, new Settings(200, 16, 512, 64, ahead));
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

    @Test
    void blocksOfACancelledRequestComeBackAfterItsLastStep() throws Exception {
        DecoderEngine engine = ROOMY.ahead(2).open();
        RecordingListener listener = new RecordingListener();
        long handle = engine.add(request("r", "a".repeat(40), p -> p.ignoreEos(true)));
        listener.step(engine);
        engine.cancel(handle);
        engine.checkIntegrity();
        for (int left = 2; left > 0; left--) {
            assertThat(engine.stats().kvBlocksUsed()).isEqualTo(3);
            assertThat(engine.hasWork()).isTrue();
            listener.step(engine);
        }
        assertThat(engine.stats().kvBlocksUsed()).isZero();
        assertThat(engine.hasWork()).isFalse();
        assertThat(listener.tokens(handle, 0)).hasSize(1);
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
    void aRequestThatCanNeverBeAnsweredIsRefusedWithValueAndRemedy() {
        DecoderEngine engine = ROOMY.open();
        assertRefused(engine, prompt(0), Reason.EMPTY_PROMPT, "has no token");
        assertRefused(
                engine,
                prompt(97),
                Reason.PROMPT_TOO_LONG,
                "The prompt has 97 tokens, which leaves no room for an answer in a context of 97: shorten it to at most 96 tokens.");
        DecoderEngine small = new Settings(5, 7, 10, 10).open();
        assertRefused(
                small,
                prompt(28),
                Reason.PROMPT_TOO_LONG,
                "The prompt has 28 tokens, which leaves no room for an answer in a KV cache of 28 positions: shorten it to at most 27 tokens, or give the KV cache more memory.");
        assertRefused(small, prompt(97), Reason.PROMPT_TOO_LONG, "in a context of 97");
        assertThat(small.model().maxModelLen()).isEqualTo(28);
        assertRefused(
                engine,
                GenerationRequest.of("r", new int[] {0, 27}, SamplingParameters.greedy(1)),
                Reason.INVALID_PARAMETER,
                "The prompt's token 1 is 27; this model's token ids go from 0 to 26.");
    }

    @Test
    void parametersOutOfRangeAreRefusedByName() {
        DecoderEngine engine = ROOMY.open();
        assertInvalid(engine, p -> p.maxTokens(0), "max_tokens is 0; it must be at least 1.");
        assertInvalid(
                engine, p -> p.temperature(-0.1), "temperature is -0.1; it must be from 0 to 100.");
        assertInvalid(engine, p -> p.temperature(101), "temperature is 101.0");
        assertInvalid(engine, p -> p.temperature(Double.NaN), "temperature is NaN");
        assertInvalid(engine, p -> p.topP(0), "top_p is 0.0; it must be above 0");
        assertInvalid(engine, p -> p.topP(1.5), "top_p is 1.5");
        assertInvalid(engine, p -> p.topP(Double.NaN), "top_p is NaN");
        assertInvalid(engine, p -> p.topK(-1), "top_k is -1");
        assertInvalid(engine, p -> p.minP(-1), "min_p is -1.0");
        assertInvalid(engine, p -> p.minP(1.1), "min_p is 1.1");
        assertInvalid(engine, p -> p.repetitionPenalty(0), "repetition_penalty is 0.0");
        assertInvalid(
                engine,
                p -> p.repetitionPenalty(Double.POSITIVE_INFINITY),
                "repetition_penalty is Infinity");
        assertInvalid(
                engine,
                p -> p.presencePenalty(-2.1),
                "presence_penalty is -2.1; it must be from -2 to 2.");
        assertInvalid(engine, p -> p.frequencyPenalty(2.1), "frequency_penalty is 2.1");
        assertInvalid(engine, p -> p.n(0), "n is 0; it must be from 1 to 64.");
        assertInvalid(engine, p -> p.n(65), "n is 65");
        assertInvalid(engine, p -> p.logprobs(21), "logprobs is 21");
        assertInvalid(engine, p -> p.logprobs(-2), "logprobs is -2");
        assertInvalid(engine, p -> p.stop(List.of("a", "")), "A stop string is empty");
        assertInvalid(
                engine,
                p -> p.stop(Collections.nCopies(17, "x")),
                "There are 17 stop strings; give at most 16.");
        assertInvalid(engine, p -> p.stopTokenIds(List.of(27)), "stop_token_ids has 27");
        assertInvalid(engine, p -> p.stopTokenIds(List.of(-1)), "stop_token_ids has -1");
        assertThat(engine.hasWork()).isFalse();
    }

    @Test
    void aResumeThatDoesNotFitTheRequestIsRefused() {
        DecoderEngine engine = ROOMY.open();
        SamplingParameters one = SamplingParameters.greedy(5);
        int[] prompt = {1};
        List<int[]> two = List.of(new int[1], new int[1]);
        assertRefused(
                engine,
                new GenerationRequest("r", prompt, one, 0, two),
                Reason.INVALID_PARAMETER,
                "Tokens of 2 completions were generated before, but n is 1.");
        List<int[]> alien = List.of(new int[] {99});
        assertRefused(
                engine,
                new GenerationRequest("r", prompt, one, 0, alien),
                Reason.INVALID_PARAMETER,
                "Token 99 was generated before");
    }

    @Test
    void statsCount() throws Exception {
        DecoderEngine engine = new Settings(200, 16, 10, 1).open();
        assertThat(engine.stats()).isEqualTo(new EngineStats(0, 0, 0, 0, 0, 199, 0, 0, 0, 0));
        RecordingListener listener = new RecordingListener();
        engine.add(request("r", "a".repeat(17), p -> p.maxTokens(3).ignoreEos(true)));
        engine.add(request("s", "b", p -> p.maxTokens(3).ignoreEos(true)));
        listener.step(engine);
        assertThat(engine.stats()).isEqualTo(new EngineStats(1, 1, 10, 1, 2, 199, 0, 10, 0, 0));
        listener.drain(engine);
        assertThat(engine.stats()).isEqualTo(new EngineStats(0, 0, 1, 7, 0, 199, 0, 18, 0, 6));
    }

    @Test
    void anAnswerDoesNotDependOnWhatTheTreeKnows() throws Exception {
        List<GenerationRequest> requests = family(40, 5);
        List<String> alone = new ArrayList<>();
        for (GenerationRequest request : requests) {
            alone.addAll(answers(ROOMY, List.of(request)));
        }
        for (Settings settings :
                List.of(
                        ROOMY,
                        new Settings(200, 1, 512, 64),
                        new Settings(200, 4, 17, 5),
                        new Settings(200, 3, 1, 1),
                        new Settings(98, 1, 54, 17),
                        new Settings(15, 7, 23, 9),
                        new Settings(8, 16, 97, 33))) {
            for (int ahead : AHEAD) {
                Settings way = settings.ahead(ahead);
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
                DecoderEngine engine = new Settings(200, blockSize, 54, 17).open();
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
        DecoderEngine engine = new Settings(200, 4, 54, 17).open();
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

    @Test
    void aResumedRequestFindsWhatItLeftBehind() throws Exception {
        for (GenerationRequest request : family(10, 8)) {
            GenerationResult whole = run(ROOMY.open(), request);
            DecoderEngine engine = new Settings(200, 3, 11, 4).open();
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

    @Test
    void anyWorkloadWithCancelsEndsWithoutALeak() throws Exception {
        for (int seed = 0; seed < 20 * AHEAD.length; seed++) {
            Random random = new Random(seed);
            int blockSize = 1 + random.nextInt(9);
            int blocks = 97 / blockSize + 3 + random.nextInt(20);
            Settings settings =
                    new Settings(
                            blocks,
                            blockSize,
                            1 + random.nextInt(54),
                            1 + random.nextInt(17),
                            AHEAD[seed % AHEAD.length]);
            DecoderEngine engine = settings.open();
            RecordingListener listener = new RecordingListener();
            int cancelled = 0;
            List<GenerationRequest> requests =
                    random.nextBoolean() ? workload(25, 100 + seed) : family(25, 100 + seed);
            for (GenerationRequest request : requests) {
                long handle = engine.add(request);
                for (int steps = random.nextInt(4); steps > 0; steps--) {
                    listener.step(engine);
                }
                if (random.nextInt(4) == 0 && !listener.results.containsKey(handle)) {
                    engine.cancel(handle);
                    engine.checkIntegrity();
                    cancelled++;
                }
            }
            listener.drain(engine);
            assertThat(listener.results).hasSize(requests.size() - cancelled);
            assertThat(engine.stats().kvBlocksUsed()).isZero();
        }
    }

    /** Requests of all kinds: lengths, temperatures, n, penalties, stops, priorities. */
    private static List<GenerationRequest> workload(int size, long seed) {
        Random random = new Random(seed);
        List<GenerationRequest> requests = new ArrayList<>();
        for (int i = 0; i < size; i++) {
            int[] prompt = new int[1 + random.nextInt(54)];
            for (int j = 0; j < prompt.length; j++) {
                prompt[j] = random.nextInt(VOCABULARY);
            }
            SamplingParameters.Builder p = SamplingParameters.builder();
            p.maxTokens(1 + random.nextInt(40)).n(random.nextInt(4) == 0 ? 3 : 1);
            p.temperature(random.nextInt(3)).topP(random.nextBoolean() ? 1 : 0.8);
            p.topK(random.nextInt(3) * 5).ignoreEos(random.nextBoolean());
            p.repetitionPenalty(random.nextInt(4) == 0 ? 1.3 : 1);
            p.frequencyPenalty(random.nextInt(4) == 0 ? 0.3 : 0);
            p.logprobs(random.nextInt(4) == 0 ? 2 : -1);
            p.stop(random.nextInt(3) == 0 ? List.of("ab", "q", "xyz") : List.of());
            p.stopTokenIds(random.nextInt(3) == 0 ? List.of(3) : List.of());
            requests.add(
                    new GenerationRequest(
                            "request " + i, prompt, p.build(), random.nextInt(2), List.of()));
        }
        return requests;
    }

    /** Such requests with prompts that begin alike, some of them to the last token. */
    private static List<GenerationRequest> family(int size, long seed) {
        Random random = new Random(seed);
        int[] stem = random.ints(54, 0, VOCABULARY).toArray();
        List<GenerationRequest> requests = new ArrayList<>();
        for (GenerationRequest r : workload(size, seed)) {
            int[] prompt = Arrays.copyOf(stem, 1 + random.nextInt(stem.length));
            for (int own = random.nextInt(3) * 4; own > 0; own--) {
                prompt[random.nextInt(prompt.length)] = random.nextInt(2);
            }
            requests.add(
                    new GenerationRequest(
                            r.id(), prompt, r.sampling(), r.priority(), r.generated()));
        }
        return requests;
    }

    private static List<String> answers(Settings settings, List<GenerationRequest> requests)
            throws RequestRejectedException {
        DecoderEngine engine = settings.open();
        RecordingListener listener = new RecordingListener();
        List<Long> handles = new ArrayList<>();
        for (GenerationRequest request : requests) {
            handles.add(engine.add(request));
        }
        listener.drain(engine);
        assertThat(engine.stats().kvBlocksUsed()).isZero();
        for (long handle : handles) {
            for (Completion completion : listener.results.get(handle).completions()) {
                assertThat(listener.tokens(handle, completion.index()))
                        .isEqualTo(completion.tokenIds());
            }
        }
        return handles.stream().map(h -> describe(listener.results.get(h))).toList();
    }

    private static GenerationResult run(DecoderEngine engine, GenerationRequest request)
            throws RequestRejectedException {
        RecordingListener listener = new RecordingListener();
        long handle = engine.add(request);
        listener.drain(engine);
        return listener.results.get(handle);
    }

    private static String text(String id, UnaryOperator<SamplingParameters.Builder> change)
            throws RequestRejectedException {
        return run(ROOMY.open(), request(id, "hello", change)).completions().get(0).text();
    }

    private static GenerationRequest request(
            String id, String prompt, UnaryOperator<SamplingParameters.Builder> change) {
        return GenerationRequest.of(
                id,
                new TestingTokenizer().encode(prompt),
                change.apply(SamplingParameters.builder()).build());
    }

    private static GenerationRequest prompt(int length) {
        return GenerationRequest.of("r", new int[length], SamplingParameters.greedy(1));
    }

    /** All that a result says, floats by their bits. */
    static String describe(GenerationResult result) {
        StringBuilder all = new StringBuilder().append(result.promptTokens());
        for (Completion c : result.completions()) {
            all.append('\n').append(c.index()).append(' ').append(c.text()).append(' ');
            all.append(Arrays.toString(c.tokenIds())).append(c.finishReason());
            for (TokenLogprobs p : c.logprobs() == null ? List.<TokenLogprobs>of() : c.logprobs()) {
                all.append(' ').append(p.tokenId()).append(Float.floatToRawIntBits(p.logprob()));
                all.append(Arrays.toString(p.topIds()));
                for (float top : p.topLogprobs()) {
                    all.append(' ').append(Float.floatToRawIntBits(top));
                }
            }
        }
        return all.toString();
    }

    private static void assertInvalid(
            DecoderEngine engine,
            UnaryOperator<SamplingParameters.Builder> change,
            String message) {
        assertRefused(engine, request("r", "abc", change), Reason.INVALID_PARAMETER, message);
    }

    private static void assertRefused(
            DecoderEngine engine, GenerationRequest request, Reason reason, String message) {
        assertThatThrownBy(() -> engine.check(request))
                .hasMessageContaining(message)
                .isInstanceOfSatisfying(
                        RequestRejectedException.class,
                        e -> assertThat(e.reason()).isEqualTo(reason));
        assertThatThrownBy(() -> engine.add(request)).hasMessageContaining(message);
    }
}

package io.millrace.gpu.engine;

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
import io.millrace.gpu.api.StepListener;
import io.millrace.gpu.speculation.Drafting;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Cancelled requests leave no block, and no trace in the others. */
class DecoderCancelTest {
    @Test
    void cancellingMidFlightLeaksNoBlockAndDisturbsNobody() throws Exception {
        GenerationRequest kept = request("kept", "stays", p -> p.temperature(1).maxTokens(40));
        String alone = describe(run(ROOMY.open(), kept));
        for (int i : new int[] {0, 1, 2, 5, 10, 11, 12, 15, 20, 21, 22, 25, 30, 31, 32, 35}) {
            int steps = i % 10;
            int ahead = new int[] {0, 1, 8, -8}[i / 10];
            DecoderEngine engine = new DecoderSettings(40, 4, 7, 9).ahead(ahead).open();
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
    void anyWorkloadWithCancelsEndsWithoutALeak() throws Exception {
        for (int seed = 0; seed < 20 * AHEAD.length; seed++) {
            Random random = new Random(seed);
            int blockSize = 1 + random.nextInt(9);
            int blocks = 97 / blockSize + 3 + random.nextInt(20);
            DecoderSettings settings =
                    new DecoderSettings(
                            blocks,
                            blockSize,
                            1 + random.nextInt(54),
                            1 + random.nextInt(17),
                            AHEAD[seed % AHEAD.length],
                            seed % 2 == 0 ? null : new Drafting(1 + seed % 9, 2));
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
}

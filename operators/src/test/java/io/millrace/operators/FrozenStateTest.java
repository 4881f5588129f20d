package io.millrace.operators;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.gpu.api.GenerationRequest;
import io.millrace.operators.batch.MicroBatchOperatorFactory;
import io.millrace.operators.inference.InferenceHarness;
import io.millrace.operators.options.Batching;
import io.millrace.operators.options.PipelineOptions;
import io.millrace.operators.record.Inbound;
import io.millrace.operators.record.InboundSerializer;
import io.millrace.operators.record.MicroBatch;
import io.millrace.operators.record.MicroBatchSerializer;
import io.millrace.operators.record.Outcome;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.util.OneInputStreamOperatorTestHarness;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What every release has saved is restored by this one, to the last byte. */
@Timeout(60)
class FrozenStateTest {
    private static final String INFERENCE = "inference";
    private static final String MICRO_BATCH = "micro-batch";

    static IntStream releases() {
        return FrozenState.releases();
    }

    private static PipelineOptions.Builder options(String name) {
        return PipelineOptions.builder(
                        TestingEngine.options(name).withMaxSequences(FrozenState.MAX_SEQUENCES),
                        TestingEngine.loader())
                .ordered(true);
    }

    private static InferenceHarness begun(String name, int release) throws Exception {
        TestingControl.of(name).hold();
        InferenceHarness harness = InferenceHarness.open(options(name).build());
        harness.send(FrozenState.records(release).toArray(Inbound[]::new));
        return harness;
    }

    @ParameterizedTest
    @MethodSource("releases")
    void requestsInFlightAreAnsweredAsIfNothingHadHappened(int release) throws Exception {
        List<Outcome> undisturbed;
        String whole = "undisturbed " + release;
        try (InferenceHarness harness = begun(whole, release)) {
            TestingControl.of(whole).release();
            harness.runUntilOutcomes(FrozenState.records(release).size());
            undisturbed = harness.outcomes();
        }
        String name = "frozen " + release;
        OperatorSubtaskState state = FrozenState.read(release, INFERENCE);
        try (InferenceHarness harness = InferenceHarness.open(options(name).build(), 1, 0, state)) {
            harness.runUntilOutcomes(undisturbed.size());
            for (int i = 0; i < undisturbed.size(); i++) {
                assertThat(harness.outcomes().get(i))
                        .usingRecursiveComparison()
                        .ignoringFields("facts")
                        .isEqualTo(undisturbed.get(i));
            }
        }
        Map<String, Integer> saved = new HashMap<>();
        for (GenerationRequest request : TestingControl.of(name).added()) {
            int total = 0;
            int before = 0;
            for (int i = 0; i < request.sampling().n(); i++) {
                total += TestingEngine.answer(request, i).length;
                before += i < request.generated().size() ? request.generated().get(i).length : 0;
            }
            saved.put(request.id(), before);
            assertThat(TestingControl.of(name).decoded(request.id()))
                    .as("tokens decoded after the restore of " + request.id())
                    .isEqualTo(total - before);
        }
        assertThat(saved)
                .containsEntry("half answered", FrozenState.STEPS)
                .containsEntry("every field", 2 * FrozenState.STEPS)
                .containsEntry("conversation", FrozenState.STEPS - 2)
                .containsEntry("has no token yet", 0)
                .doesNotContainKey("waits for its turn");
    }

    private static OneInputStreamOperatorTestHarness<Inbound, MicroBatch> microBatch(
            OperatorSubtaskState state) throws Exception {
        PipelineOptions options =
                options(MICRO_BATCH).batching(Batching.STATIC).batchSize(97).build();
        var harness =
                new OneInputStreamOperatorTestHarness<>(
                        new MicroBatchOperatorFactory(options), InboundSerializer.INSTANCE);
        harness.setup(MicroBatchSerializer.INSTANCE);
        if (state != null) {
            harness.initializeState(state);
        }
        harness.open();
        return harness;
    }

    @ParameterizedTest
    @MethodSource("releases")
    void aMicroBatchIsCompletedAsIfNothingHadHappened(int release) throws Exception {
        try (var harness = microBatch(FrozenState.read(release, MICRO_BATCH))) {
            while (harness.getTaskMailbox().hasMail()) {
                harness.getTaskMailbox().take(0).run();
            }
            harness.endInput();
            List<Inbound> records = new ArrayList<>();
            harness.extractOutputValues().forEach(batch -> records.addAll(batch.records()));
            assertThat(records)
                    .usingRecursiveComparison()
                    .ignoringCollectionOrder()
                    .ignoringFieldsMatchingRegexes(".*reading")
                    .isEqualTo(FrozenState.records(release));
            assertThat(readings(records)).isEqualTo(readings(FrozenState.records(release)));
        }
    }

    /** By the requests' ids. */
    private static Map<String, String> readings(List<Inbound> records) {
        Map<String, String> readings = new HashMap<>();
        for (Inbound record : records) {
            if (record instanceof Inbound.Request request) {
                readings.put(request.request().getId(), String.valueOf(request.reading()));
            }
        }
        return readings;
    }

    /** Run by hand, once for each release: {@code -Dmillrace.freeze=N}. */
    @Test
    @EnabledIfSystemProperty(named = "millrace.freeze", matches = "\\d+")
    void freezesWhatThisReleaseSaves() throws Exception {
        int release = Integer.getInteger("millrace.freeze");
        String name = "freeze";
        try (InferenceHarness harness = begun(name, release)) {
            TestingControl.of(name).awaitAdded(FrozenState.records(release).size() - 1);
            TestingControl.of(name).step(FrozenState.STEPS);
            FrozenState.write(release, INFERENCE, harness.snapshot());
        }
        try (var harness = microBatch(null)) {
            for (Inbound record : FrozenState.records(release)) {
                harness.processElement(new StreamRecord<>(record));
            }
            FrozenState.write(release, MICRO_BATCH, harness.snapshot(1, 1));
        }
    }
}

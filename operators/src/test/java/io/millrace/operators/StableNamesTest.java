package io.millrace.operators;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.operators.batch.MicroBatchOperatorFactory;
import io.millrace.operators.inference.InferenceHarness;
import io.millrace.operators.kafka.sink.RunHeaders;
import io.millrace.operators.options.Partitioning;
import io.millrace.operators.options.PipelineOptions;
import io.millrace.operators.record.InboundSerializer;
import io.millrace.schemas.InFlightModel;
import io.millrace.schemas.InFlightRequest;
import io.millrace.schemas.InferenceFailure;
import io.millrace.schemas.InferenceRequest;
import io.millrace.schemas.InferenceResult;
import java.lang.reflect.Field;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.apache.avro.Schema;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.util.OneInputStreamOperatorTestHarness;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Names that lie in topics and savepoints: whoever moves a class must not change one. */
class StableNamesTest {
    private static PipelineOptions options(String name, Partitioning partitioning) {
        return PipelineOptions.builder(TestingEngine.options(name), TestingEngine.loader())
                .name("triage")
                .partitioning(partitioning)
                .build();
    }

    @ParameterizedTest
    @CsvSource({
        "NONE, triage-source triage-validator triage-micro-batch triage-inference",
        "PREFIX, triage-source triage-hop-validator triage-hop-gate triage-micro-batch"
                + " triage-inference"
    })
    void uidsAreThoseOfTheSavepoints(Partitioning partitioning, String uids) {
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        InferencePipeline.build(
                        env,
                        new TestingSource(1, true, at -> TestingRequests.request("one", 1)),
                        "requests",
                        options("uids", partitioning))
                .print();
        List<String> found = new ArrayList<>();
        env.getStreamGraph()
                .getStreamNodes()
                .forEach(node -> found.add(String.valueOf(node.getTransformationUID())));
        assertThat(found).contains(uids.split(" "));
    }

    @Test
    void statesAreThoseOfTheSavepoints() throws Exception {
        try (InferenceHarness harness =
                InferenceHarness.open(options("state", Partitioning.NONE))) {
            assertThat(names(harness.snapshot()))
                    .containsExactly("in-flight-model", "in-flight-requests", "in-flight-schemas");
        }
        try (var harness =
                new OneInputStreamOperatorTestHarness<>(
                        new MicroBatchOperatorFactory(options("state", Partitioning.NONE)),
                        InboundSerializer.INSTANCE)) {
            harness.open();
            assertThat(names(harness.snapshot(1, 1)))
                    .containsExactly("micro-batch", "micro-batch-schemas");
        }
    }

    private static Set<String> names(OperatorSubtaskState state) {
        Set<String> names = new TreeSet<>();
        state.getManagedOperatorState()
                .forEach(handle -> names.addAll(handle.getStateNameToPartitionOffsets().keySet()));
        return names;
    }

    @Test
    void headersAreThoseThatReadersKnow() throws IllegalAccessException {
        List<String> names = new ArrayList<>();
        for (Field field : RunHeaders.class.getFields()) {
            if (field.getType() == String.class) {
                names.add((String) field.get(null));
            }
        }
        assertThat(names)
                .containsExactlyInAnyOrder(
                        "millrace.arrived_ms",
                        "millrace.admitted_ms",
                        "millrace.first_token_ms",
                        "millrace.finished_ms",
                        "millrace.cached_tokens",
                        "millrace.attempts",
                        "millrace.request_timestamp_ms",
                        "millrace.id",
                        "millrace.model",
                        "millrace.model_fingerprint",
                        "millrace.finish_reason",
                        "millrace.prompt_tokens",
                        "millrace.completion_tokens",
                        "millrace.original.");
    }

    @Test
    void recordsAreThoseOfTheTopics() {
        assertThat(
                        Stream.of(
                                        InferenceRequest.getClassSchema(),
                                        InferenceResult.getClassSchema(),
                                        InferenceFailure.getClassSchema(),
                                        InFlightRequest.getClassSchema(),
                                        InFlightModel.getClassSchema())
                                .map(Schema::getFullName))
                .containsExactly(
                        "io.millrace.schemas.InferenceRequest",
                        "io.millrace.schemas.InferenceResult",
                        "io.millrace.schemas.InferenceFailure",
                        "io.millrace.schemas.InFlightRequest",
                        "io.millrace.schemas.InFlightModel");
    }
}

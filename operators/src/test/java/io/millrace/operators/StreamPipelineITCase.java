package io.millrace.operators;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.operators.options.Batching;
import io.millrace.operators.options.PipelineOptions;
import io.millrace.operators.record.Inbound;
import io.millrace.operators.record.Outcome;
import io.millrace.operators.record.WireType;
import io.millrace.schemas.InferenceRequest;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.functions.RichMapFunction;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.connector.source.lib.NumberSequenceSource;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.TaskManagerOptions;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.runtime.minicluster.MiniCluster;
import org.apache.flink.runtime.testutils.MiniClusterResourceConfiguration;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.co.KeyedCoProcessFunction;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import org.apache.flink.test.junit5.InjectMiniCluster;
import org.apache.flink.test.junit5.MiniClusterExtension;
import org.apache.flink.util.Collector;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

/** The pipeline behind a user's own operators. */
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class StreamPipelineITCase extends PipelineFixture {
    @RegisterExtension
    static final MiniClusterExtension CLUSTER =
            new MiniClusterExtension(
                    new MiniClusterResourceConfiguration.Builder()
                            .setConfiguration(
                                    new Configuration()
                                            .set(TaskManagerOptions.BUFFER_DEBLOAT_ENABLED, true))
                            .setNumberTaskManagers(1)
                            .setNumberSlotsPerTaskManager(4)
                            .build());

    private static final int IN_FLIGHT = 17;
    private static final int TOKENS = 10;

    private PipelineOptions.Builder options() {
        return PipelineOptions.builder(
                        engine().withMaxSequences(4 * IN_FLIGHT), TestingEngine.loader())
                .maxInFlightRequests(IN_FLIGHT);
    }

    private static StreamExecutionEnvironment environment(int parallelism) {
        StreamExecutionEnvironment env =
                StreamExecutionEnvironment.getExecutionEnvironment(configuration());
        env.setParallelism(parallelism);
        // A task whose input has ended waits for a checkpoint.
        env.enableCheckpointing(200);
        return env;
    }

    /** A user's look-up: a table that each subtask has. */
    private static final class LookUp extends RichMapFunction<Long, Inbound> {
        private static final long serialVersionUID = 1L;
        private final String name;
        private transient Map<Long, String> names;

        LookUp(String name) {
            this.name = name;
        }

        @Override
        public void open(OpenContext context) {
            names = new TreeMap<>();
            for (long number = 0; number < 10; number++) {
                names.put(number, "customer " + number);
            }
        }

        @Override
        public Inbound map(Long number) {
            TestingControl.of(name).onMade();
            return request("r" + number, names.get(number % 10));
        }
    }

    private static Inbound request(String id, String prompt) {
        return request(id, prompt, "");
    }

    /** Of a size such that the network does not hold all of them. */
    private static Inbound largeRequest(String id, String prompt) {
        return request(id, prompt, "m".repeat(8192));
    }

    private static Inbound request(String id, String prompt, String metadata) {
        return Inbound.of(
                "numbers",
                InferenceRequest.newBuilder()
                        .setId(id)
                        .setPrompt(prompt)
                        .setMaxTokens(TOKENS)
                        .setIgnoreEos(true)
                        .setMetadata(Map.of("m", metadata))
                        .build(),
                1_700_000_000_000L);
    }

    /**
     * A map, a filter and a look-up between source and inference: of the numbers, the even ones.
     */
    private DataStream<Outcome> chained(
            StreamExecutionEnvironment env, PipelineOptions options, int count) {
        DataStream<Inbound> requests =
                env.fromSource(
                                Valved.source(new NumberSequenceSource(0, 2L * count - 1), options),
                                Valved.watermarks(WatermarkStrategy.noWatermarks(), options),
                                "numbers")
                        .uid("numbers")
                        .map(number -> number + 2)
                        .returns(Types.LONG)
                        .uid("map")
                        .filter(number -> number % 2 == 0)
                        .uid("filter")
                        .map(new LookUp(name))
                        .uid("look-up");
        return InferencePipeline.build(requests, options);
    }

    private JobClient start(DataStream<Outcome> outcomes) throws Exception {
        TestingLedger.of(outcomes, name).sinkTo(new DiscardingSink<>()).uid("discard");
        return outcomes.getExecutionEnvironment().executeAsync(name);
    }

    /** By id; fails if there are two of one. */
    private static Map<String, Object> byId(List<Outcome> outcomes) {
        Map<String, Object> byId = new TreeMap<>();
        for (Outcome outcome : outcomes) {
            assertThat(outcome).isInstanceOf(Outcome.Answered.class);
            assertThat(byId.put(TestingRequests.id(outcome), ((Outcome.Answered) outcome).result()))
                    .isNull();
        }
        return byId;
    }

    /** What the call writes to standard error. */
    private static String said(Runnable call) {
        PrintStream before = System.err;
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        System.setErr(new PrintStream(bytes, true, StandardCharsets.UTF_8));
        try {
            call.run();
        } finally {
            System.setErr(before);
        }
        return bytes.toString(StandardCharsets.UTF_8);
    }

    @Test
    void operatorsInTheChainAreHeldBackWithTheSource(@InjectMiniCluster MiniCluster cluster)
            throws Exception {
        control.hold();
        DataStream<Outcome>[] outcomes = newArray();
        assertThat(said(() -> outcomes[0] = chained(environment(2), options().build(), 600)))
                .isEmpty();
        JobClient job = start(outcomes[0]);
        control.awaitAdded(2 * IN_FLIGHT);
        awaitRunning(cluster, job);
        // Whatever waited for a step would wait for ever.
        for (int i = 0; i < 17; i++) {
            control.step(i % 2);
            assertThat(cluster.triggerCheckpoint(job.getJobID()).get()).isNotNull();
        }
        assertThat(control.made()).as("the source was held back").isEqualTo(2 * IN_FLIGHT);
        control.release();
        job.getJobExecutionResult().get();
        List<Outcome> all = TestingOutcomes.of(name).all();
        assertThat(byId(all)).hasSize(600);
        assertThat(all).allMatch(o -> o.origin().toString().startsWith("numbers request r"));
    }

    @SuppressWarnings("unchecked")
    private static DataStream<Outcome>[] newArray() {
        return new DataStream[1];
    }

    @Test
    void theEndOfInputIsHeldBackThroughTheChain(@InjectMiniCluster MiniCluster cluster)
            throws Exception {
        control.hold();
        JobClient job = start(chained(environment(1), options().build(), 5));
        control.awaitAdded(5);
        awaitRunning(cluster, job);
        for (int i = 0; i < 3; i++) {
            control.step(1);
            assertThat(cluster.triggerCheckpoint(job.getJobID()).get()).isNotNull();
        }
        control.release();
        job.getJobExecutionResult().get();
        assertThat(byId(TestingOutcomes.of(name).all())).hasSize(5);
    }

    @Test
    void aFailureInTheChainIsExactlyOnceWithTheSameAnswers(@InjectMiniCluster MiniCluster cluster)
            throws Exception {
        start(chained(environment(1), options().build(), 200)).getJobExecutionResult().get();
        List<Outcome> undisturbed = TestingOutcomes.of(name).all();
        control.hold();
        control.failAt("r54", 3, () -> new IllegalStateException("device"));
        StreamExecutionEnvironment env = environment(1);
        env.configure(restarts(2));
        JobClient job = start(chained(env, options().build(), 200));
        control.awaitAdded(200 + IN_FLIGHT);
        awaitRunning(cluster, job);
        control.step(2);
        cluster.triggerCheckpoint(job.getJobID()).get();
        control.release();
        job.getJobExecutionResult().get();
        List<Outcome> all = TestingOutcomes.of(name).all();
        assertThat(control.loads()).isEqualTo(3);
        assertThat(byId(all.subList(200, all.size()))).isEqualTo(byId(undisturbed));
    }

    /** A user's join: a request for each number, once both sides have it. */
    private static final class Join extends KeyedCoProcessFunction<Long, Long, Long, Inbound> {
        private static final long serialVersionUID = 1L;
        private final String name;
        private transient ValueState<Boolean> seen;

        Join(String name) {
            this.name = name;
        }

        @Override
        public void open(OpenContext context) {
            seen = getRuntimeContext().getState(new ValueStateDescriptor<>("seen", Types.BOOLEAN));
        }

        @Override
        public void processElement1(Long number, Context context, Collector<Inbound> out)
                throws Exception {
            meet(number, out);
        }

        @Override
        public void processElement2(Long number, Context context, Collector<Inbound> out)
                throws Exception {
            meet(number, out);
        }

        private void meet(Long number, Collector<Inbound> out) throws Exception {
            if (seen.value() == null) {
                seen.update(true);
            } else {
                seen.clear();
                TestingControl.of(name).onMade();
                out.collect(largeRequest("r" + number, "number " + number));
            }
        }
    }

    private DataStream<Outcome> joined(
            StreamExecutionEnvironment env, PipelineOptions options, int count) {
        DataStream<Long> left = numbers(env, options, "left", count);
        DataStream<Long> right = numbers(env, options, "right", count);
        return InferencePipeline.build(
                left.connect(right)
                        .keyBy(number -> number, number -> number, Types.LONG)
                        .process(new Join(name))
                        .name("join")
                        .uid("join"),
                options);
    }

    /** Wrapped although it will not be in the chain: it must then read on its own. */
    private static DataStream<Long> numbers(
            StreamExecutionEnvironment env, PipelineOptions options, String name, int count) {
        return env.fromSource(
                        Valved.source(new NumberSequenceSource(0, count - 1), options),
                        Valved.watermarks(WatermarkStrategy.noWatermarks(), options),
                        name)
                .uid(name);
    }

    @Test
    void behindAJoinBarriersPassAClosedGateAndAFailureIsExactlyOnce(
            @InjectMiniCluster MiniCluster cluster) throws Exception {
        control.hold();
        control.failAt("r54", 3, () -> new IllegalStateException("device"));
        StreamExecutionEnvironment env = environment(2);
        env.configure(restarts(3));
        DataStream<Outcome>[] outcomes = newArray();
        assertThat(said(() -> outcomes[0] = joined(env, options().build(), 600)))
                .startsWith("millrace: Requests come to the model over the network, since \"join\"")
                .contains("has 2 inputs", "unaligned", "Valved.source");
        JobClient job = start(outcomes[0]);
        control.awaitMade(2 * IN_FLIGHT + 2 + 8);
        control.awaitAdded(2 * IN_FLIGHT);
        awaitRunning(cluster, job);
        for (int i = 0; i < 5; i++) {
            assertThat(cluster.triggerCheckpoint(job.getJobID()).get()).isNotNull();
        }
        assertThat(control.made()).as("the network holds no more").isLessThan(600);
        control.release();
        job.getJobExecutionResult().get();
        List<Outcome> disturbed = TestingOutcomes.of(name).all();
        assertThat(control.loads()).isGreaterThan(1);
        start(joined(environment(1), options().build(), 600)).getJobExecutionResult().get();
        List<Outcome> all = TestingOutcomes.of(name).all();
        assertThat(byId(disturbed))
                .hasSize(600)
                .isEqualTo(byId(all.subList(disturbed.size(), all.size())));
    }

    /** What the hop costs, as the documentation says: here a barrier waits for answers. */
    @Test
    void behindAnOperatorThatEmitsManyForOneABarrierWaits(@InjectMiniCluster MiniCluster cluster)
            throws Exception {
        control.hold();
        PipelineOptions options = options().build();
        StreamExecutionEnvironment env = environment(1);
        // Its source waits for ever after its one record: nothing of the job's end comes between.
        DataStream<Inbound> many =
                env.fromSource(
                                new TestingSource(1, false, number -> request("one", "number")),
                                WatermarkStrategy.noWatermarks(),
                                "one",
                                WireType.INBOUND)
                        .uid("one")
                        .rebalance()
                        .flatMap(
                                (Inbound one, Collector<Inbound> out) -> {
                                    for (int i = 0; i < 300; i++) {
                                        out.collect(largeRequest("r" + i, "number"));
                                    }
                                })
                        .returns(WireType.INBOUND)
                        .uid("many");
        JobClient job = start(InferencePipeline.build(many, options));
        control.awaitAdded(IN_FLIGHT);
        awaitRunning(cluster, job);
        CompletableFuture<String> checkpoint = cluster.triggerCheckpoint(job.getJobID());
        assertThatThrownBy(() -> checkpoint.get(1, TimeUnit.SECONDS))
                .isInstanceOf(TimeoutException.class);
        control.release();
        assertThat(checkpoint.get()).isNotNull();
        job.cancel().get();
    }

    @Test
    void whatNeedsTheChainIsRefusedBehindAHop() {
        assertThatThrownBy(() -> joined(environment(1), options().ordered(true).build(), 5))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("do not set ordered");
        assertThatThrownBy(
                        () ->
                                joined(
                                        environment(1),
                                        options().batching(Batching.STATIC).build(),
                                        5))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("set batching to dynamic");
    }
}

package io.millrace.operators;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.operators.batch.MicroBatchOperatorFactory;
import io.millrace.operators.inference.InferenceOperatorFactory;
import io.millrace.operators.options.Batching;
import io.millrace.operators.options.PipelineOptions;
import io.millrace.operators.record.Inbound;
import io.millrace.operators.record.Outcome;
import io.millrace.operators.record.WireType;
import io.millrace.operators.valve.ValvedSource;
import io.millrace.schemas.FailureCode;
import io.millrace.schemas.InferenceResult;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.RestartStrategyOptions;
import org.apache.flink.configuration.StateRecoveryOptions;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.core.execution.SavepointFormatType;
import org.apache.flink.runtime.minicluster.MiniCluster;
import org.apache.flink.runtime.testutils.MiniClusterResourceConfiguration;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import org.apache.flink.test.junit5.InjectMiniCluster;
import org.apache.flink.test.junit5.MiniClusterExtension;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class InferencePipelineITCase extends PipelineFixture {
    @RegisterExtension
    static final MiniClusterExtension CLUSTER =
            new MiniClusterExtension(
                    new MiniClusterResourceConfiguration.Builder()
                            .setNumberTaskManagers(1)
                            .setNumberSlotsPerTaskManager(4)
                            .build());

    private PipelineOptions.Builder options() {
        return PipelineOptions.builder(engine(), TestingEngine.loader());
    }

    private static StreamExecutionEnvironment environment(int parallelism) {
        StreamExecutionEnvironment env =
                StreamExecutionEnvironment.getExecutionEnvironment(configuration());
        env.setParallelism(parallelism);
        return env;
    }

    private void collect(DataStream<Outcome> outcomes) {
        outcomes.map(TestingOutcomes.collector(name))
                .uid("collect")
                .sinkTo(new DiscardingSink<>())
                .uid("discard");
    }

    private JobClient start(
            StreamExecutionEnvironment env, TestingSource source, PipelineOptions options)
            throws Exception {
        collect(InferencePipeline.build(env, source, "requests", options));
        return env.executeAsync(name);
    }

    private TestingSource source(long count, boolean bounded, int tokens) {
        return source(name, count, bounded, tokens);
    }

    private static TestingSource source(String name, long count, boolean bounded, int tokens) {
        return new TestingSource(
                count,
                bounded,
                number -> {
                    TestingControl.of(name).onMade();
                    String id = "r" + number;
                    return number % 7 == 3
                            ? TestingRequests.longRequest(id, tokens)
                            : TestingRequests.request(id, tokens);
                });
    }

    private static void assertAnsweredOnce(List<Outcome> outcomes, int count, int tokens) {
        assertThat(outcomes).hasSize(count);
        Set<String> ids = new HashSet<>();
        for (Outcome outcome : outcomes) {
            assertAnswer(outcome, tokens);
            ids.add(TestingRequests.id(outcome));
        }
        assertThat(ids).hasSize(count);
    }

    private static void assertAnswer(Outcome outcome, int tokens) {
        assertThat(outcome).isInstanceOf(Outcome.Answered.class);
        Outcome.Answered answered = (Outcome.Answered) outcome;
        assertThat(answered.result().getCompletions().get(0).getTokenIds())
                .isEqualTo(
                        TestingRequests.expected(
                                TestingRequests.request(answered.result().getId(), tokens)));
    }

    @Test
    void everyRecordHasOneOutcomeWithoutKryoAndAcrossAHop() throws Exception {
        StreamExecutionEnvironment env = environment(2);
        TestingSource source =
                new TestingSource(
                        1023,
                        true,
                        number -> {
                            Inbound.Request request = TestingRequests.request("r" + number, 5);
                            if (number % 97 == 0) {
                                request.request().setTemperature(-1.0);
                            }
                            return request;
                        });
        PipelineOptions options = options().maxInFlightRequests(128).build();
        collect(InferencePipeline.build(env, source, "requests", options).rebalance());
        control.hold();
        JobClient job = env.executeAsync(name);
        // Both subtasks are at work, so neither can end, and the engine with it, before the other.
        control.awaitAdded(2 * 128);
        control.release();
        job.getJobExecutionResult().get();
        List<Outcome> outcomes = TestingOutcomes.of(name).all();
        assertThat(outcomes).hasSize(1023);
        assertThat(outcomes)
                .filteredOn(Outcome.Failed.class::isInstance)
                .hasSize(11)
                .allMatch(o -> ((Outcome.Failed) o).code() == FailureCode.INVALID_PARAMETER);
        assertAnsweredOnce(
                outcomes.stream().filter(Outcome.Answered.class::isInstance).toList(),
                1023 - 11,
                5);
        assertThat(control.loads()).isEqualTo(1);
    }

    @Test
    void checkpointsGoOnWhileTheEndOfInputIsHeldBack(@InjectMiniCluster MiniCluster cluster)
            throws Exception {
        StreamExecutionEnvironment env = environment(1);
        env.enableCheckpointing(1_000_000);
        control.hold();
        JobClient job = start(env, source(17, true, 10), options().build());
        control.awaitAdded(17);
        awaitRunning(cluster, job);
        for (int i = 0; i < 3; i++) {
            control.step(1);
            assertThat(cluster.triggerCheckpoint(job.getJobID()).get()).isNotNull();
        }
        control.release();
        job.getJobExecutionResult().get();
        assertAnsweredOnce(TestingOutcomes.of(name).all(), 17, 10);
    }

    @Test
    void checkpointsAndSavepointsWaitForNoStepWhileTheQueueIsFull(
            @InjectMiniCluster MiniCluster cluster) throws Exception {
        StreamExecutionEnvironment env = environment(2);
        env.enableCheckpointing(1_000_000);
        control.hold();
        JobClient job =
                start(
                        env,
                        source(1_000_000, false, 97),
                        options().maxInFlightRequests(128).build());
        control.awaitAdded(2 * 128);
        awaitRunning(cluster, job);
        // Whatever waited for a step, or an answer, would wait for ever.
        for (int i = 0; i < 54; i++) {
            control.step(i % 2);
            assertThat(cluster.triggerCheckpoint(job.getJobID()).get()).isNotNull();
        }
        assertThat(job.triggerSavepoint(folder.toString(), SavepointFormatType.CANONICAL).get())
                .isNotNull();
        assertThat(control.made()).as("the source was held back").isEqualTo(2 * 128);
        assertThat(TestingOutcomes.of(name).all()).isEmpty();
        job.cancel().get();
    }

    @Test
    void aJobIsRescaledAndBatchedOtherwiseWithRequestsInFlight(
            @InjectMiniCluster MiniCluster cluster) throws Exception {
        PipelineOptions.Builder batches =
                options().batching(Batching.STATIC).batchSize(8).maxInFlightRequests(24);
        // A record that comes slowly must not be a batch of its own here.
        PipelineOptions fullBatches = batches.batchTimeoutMs(3_600_000).build();
        PipelineOptions dynamic = options().maxInFlightRequests(24).build();
        control.hold();
        JobClient one = start(resuming(1, null), source(200, false, 30), fullBatches);
        control.awaitAdded(8);
        control.awaitMade(24);
        control.step(5);
        String savepoint = stop(cluster, one);
        JobClient three = start(resuming(3, savepoint), source(200, false, 30), dynamic);
        // Of the 24 restored each subtask has 8; the one that reads takes 16 more.
        control.awaitAdded(8 + 40);
        control.step(5);
        savepoint = stop(cluster, three);
        assertThat(TestingOutcomes.of(name).all()).isEmpty();
        control.release();
        JobClient two =
                start(
                        resuming(2, savepoint),
                        source(200, false, 30),
                        batches.batchTimeoutMs(10).build());
        List<Outcome> outcomes = TestingOutcomes.of(name).await(200);
        two.cancel().get();
        assertAnsweredOnce(outcomes, 200, 30);
        assertThat(outcomes.stream().map(o -> ((Outcome.Answered) o).facts().attempts()))
                .filteredOn(attempts -> attempts > 0)
                .contains(1, 2)
                .hasSize(40);
        for (Outcome outcome : outcomes) {
            assertThat(control.decoded(TestingRequests.id(outcome)))
                    .as("tokens decoded in three lives")
                    .isEqualTo(30);
        }
        assertThat(results(outcomes)).isEqualTo(undisturbed(200, 30));
    }

    private static StreamExecutionEnvironment resuming(int parallelism, String savepoint) {
        StreamExecutionEnvironment env = environment(parallelism);
        env.enableCheckpointing(1_000_000);
        if (savepoint != null) {
            Configuration restore = new Configuration();
            restore.set(StateRecoveryOptions.SAVEPOINT_PATH, savepoint);
            env.configure(restore);
        }
        return env;
    }

    private String stop(MiniCluster cluster, JobClient job) throws Exception {
        awaitRunning(cluster, job);
        String savepoint =
                job.stopWithSavepoint(false, folder.toString(), SavepointFormatType.CANONICAL)
                        .get();
        // The next job must not meet the last one's engine, which is stuck.
        control.awaitOpen(0);
        return savepoint;
    }

    private static Map<String, InferenceResult> results(List<Outcome> outcomes) {
        return outcomes.stream()
                .collect(
                        Collectors.toMap(
                                TestingRequests::id, o -> ((Outcome.Answered) o).result()));
    }

    /** What a job answers that nobody stops. */
    private Map<String, InferenceResult> undisturbed(int count, int tokens) throws Exception {
        int before = TestingOutcomes.of(name).all().size();
        start(environment(1), source(count, true, tokens), options().build())
                .getJobExecutionResult()
                .get();
        List<Outcome> all = TestingOutcomes.of(name).all();
        return results(all.subList(before, all.size()));
    }

    @Test
    void drainingAnswersWhatIsInFlightBeforeTheSavepoint(@InjectMiniCluster MiniCluster cluster)
            throws Exception {
        control.hold();
        StreamExecutionEnvironment env = environment(1);
        env.enableCheckpointing(1_000_000);
        JobClient job = start(env, source(54, false, 10), options().build());
        control.awaitAdded(54);
        awaitRunning(cluster, job);
        var savepoint =
                job.stopWithSavepoint(true, folder.toString(), SavepointFormatType.CANONICAL);
        control.release();
        savepoint.get();
        assertAnsweredOnce(TestingOutcomes.of(name).all(), 54, 10);
    }

    @Test
    void aFailedEngineFailsTheTaskOnceAndTheReplayGivesTheSameBytes(
            @InjectMiniCluster MiniCluster cluster) throws Exception {
        StreamExecutionEnvironment env = environment(2);
        // Two subtasks share the engine and fail with it, each in a failover region of its own.
        env.configure(restarts(2));
        env.enableCheckpointing(1_000_000);
        control.hold();
        control.failAt(
                "r10",
                17,
                () -> {
                    // Until both subtasks have come back: else one could be through before the
                    // other, and the engine end with it.
                    control.hold();
                    return new IllegalStateException("device");
                });
        JobClient job =
                start(env, source(500, true, 54), options().maxInFlightRequests(32).build());
        control.awaitAdded(64);
        awaitRunning(cluster, job);
        control.step(3);
        cluster.triggerCheckpoint(job.getJobID()).get();
        control.release();
        control.awaitLoads(2);
        control.awaitAdded(64 + 64);
        control.release();
        job.getJobExecutionResult().get();
        List<Outcome> outcomes = TestingOutcomes.of(name).all();
        Set<String> ids = new HashSet<>();
        for (Outcome outcome : outcomes) {
            assertAnswer(outcome, 54);
            ids.add(TestingRequests.id(outcome));
        }
        assertThat(ids).hasSize(500);
        assertThat(control.loads()).isEqualTo(2);
        assertThat(outcomes.stream().mapToInt(o -> ((Outcome.Answered) o).facts().attempts()).sum())
                .as("requests in flight at the checkpoint, all restored once")
                .isEqualTo(64);
        assertThat(outcomes).as("none had left before the failure").hasSize(500);
    }

    @Test
    void cancellingAJobWithAStuckEngineLeavesNothing() throws Exception {
        control.hold();
        JobClient job = start(environment(2), source(1000, false, 54), options().build());
        control.awaitAdded(17);
        job.cancel().get();
        control.awaitOpen(0);
    }

    @Test
    void cancellingWhileTheModelLoadsLeavesNothing() throws Exception {
        control.holdLoads();
        JobClient job = start(environment(2), source(1000, false, 54), options().build());
        control.awaitLoads(1);
        job.cancel().get();
        control.releaseLoads();
        control.awaitOpen(0);
    }

    @Test
    void twoJobsShareOneEngine() throws Exception {
        control.hold();
        JobClient first = start(environment(1), source(17, true, 10), options().build());
        JobClient second = start(environment(1), source(17, true, 10), options().build());
        control.awaitAdded(34);
        assertThat(control.open()).isEqualTo(1);
        control.release();
        first.getJobExecutionResult().get();
        second.getJobExecutionResult().get();
        assertThat(TestingOutcomes.of(name).all()).hasSize(34);
    }

    @Test
    void aStaticBatchThatCannotFillRunsWhenTheValveCloses() throws Exception {
        PipelineOptions byRequests =
                options()
                        .batching(Batching.STATIC)
                        .batchSize(64)
                        .batchTimeoutMs(3_600_000)
                        .maxInFlightRequests(10)
                        .build();
        start(environment(1), source(54, true, 5), byRequests).getJobExecutionResult().get();
        assertAnsweredOnce(TestingOutcomes.of(name).all(), 54, 5);
        PipelineOptions byTokens =
                options()
                        .batching(Batching.STATIC)
                        .batchSize(64)
                        .batchTimeoutMs(3_600_000)
                        .maxInFlightTokens(200)
                        .ordered(true)
                        .build();
        start(environment(1), source(54, true, 54), byTokens).getJobExecutionResult().get();
        assertThat(TestingOutcomes.of(name).all()).hasSize(108);
    }

    @Test
    void anInferenceOperatorOutsideTheSourcesChainIsRefusedForGood() throws Exception {
        StreamExecutionEnvironment env = environment(1);
        Configuration restarts = new Configuration();
        restarts.set(RestartStrategyOptions.RESTART_STRATEGY, "fixed-delay");
        env.configure(restarts);
        PipelineOptions options = options().build();
        DataStream<Inbound> inbound =
                env.fromSource(
                                ValvedSource.of(
                                        source(17, true, 5), WireType.INBOUND, options.name()),
                                WatermarkStrategy.noWatermarks(),
                                "requests",
                                WireType.INBOUND)
                        .uid("source")
                        .rebalance();
        collect(
                inbound.transform(
                                "micro-batch",
                                WireType.MICRO_BATCH,
                                new MicroBatchOperatorFactory(options))
                        .uid("micro-batch")
                        .transform(
                                "inference",
                                WireType.OUTCOME,
                                new InferenceOperatorFactory(options))
                        .uid("inference"));
        assertThatThrownBy(() -> env.execute(name))
                .hasStackTraceContaining("are not in one chain")
                .hasStackTraceContaining("same parallelism");
    }

    @Test
    void chainingSwitchedOffIsRefusedWhenBuilding() {
        StreamExecutionEnvironment env = environment(1);
        env.disableOperatorChaining();
        assertThatThrownBy(
                        () ->
                                InferencePipeline.build(
                                        env, source(1, true, 1), "requests", options().build()))
                .hasMessageContaining("pipeline.operator-chaining.enabled");
    }
}

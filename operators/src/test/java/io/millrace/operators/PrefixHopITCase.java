package io.millrace.operators;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.operators.hop.PromptPrefix;
import io.millrace.operators.options.Partitioning;
import io.millrace.operators.options.PipelineOptions;
import io.millrace.operators.record.Inbound;
import io.millrace.operators.record.Origin;
import io.millrace.operators.record.Outcome;
import io.millrace.operators.record.Position;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.functions.RichMapFunction;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.ExternalizedCheckpointRetention;
import org.apache.flink.configuration.StateRecoveryOptions;
import org.apache.flink.configuration.TaskManagerOptions;
import org.apache.flink.core.execution.CheckpointingMode;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.core.execution.SavepointFormatType;
import org.apache.flink.runtime.checkpoint.AbstractCheckpointStats;
import org.apache.flink.runtime.checkpoint.CheckpointStatsSnapshot;
import org.apache.flink.runtime.minicluster.MiniCluster;
import org.apache.flink.runtime.testutils.CommonTestUtils;
import org.apache.flink.runtime.testutils.MiniClusterResourceConfiguration;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import org.apache.flink.test.junit5.InjectMiniCluster;
import org.apache.flink.test.junit5.MiniClusterExtension;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

/** The pipeline with the network between source and engine. */
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class PrefixHopITCase extends PipelineFixture {
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

    /** Requests in flight in a subtask, from which on its gate is shut. */
    private static final int IN_FLIGHT = 17;

    private static final int TOKENS = 10;

    /** Few enough for the network to hold them. */
    private static final int IN_CHANNEL = 8;

    private PipelineOptions options(Partitioning partitioning) {
        return PipelineOptions.builder(
                        engine().withMaxSequences(4 * IN_FLIGHT), TestingEngine.loader())
                .partitioning(partitioning)
                .maxInFlightRequests(IN_FLIGHT)
                .build();
    }

    private StreamExecutionEnvironment environment(int parallelism, String from) {
        Configuration configuration = configuration();
        configuration.set(CheckpointingOptions.CHECKPOINTS_DIRECTORY, folder.toUri().toString());
        configuration.set(
                CheckpointingOptions.EXTERNALIZED_CHECKPOINT_RETENTION,
                ExternalizedCheckpointRetention.RETAIN_ON_CANCELLATION);
        if (from != null) {
            configuration.set(StateRecoveryOptions.SAVEPOINT_PATH, from);
        }
        StreamExecutionEnvironment env =
                StreamExecutionEnvironment.getExecutionEnvironment(configuration);
        env.enableCheckpointing(1_000_000);
        // Else the first one comes at the start, and those of the tests wait behind it.
        env.getCheckpointConfig().setMinPauseBetweenCheckpoints(1_000_000);
        env.setParallelism(parallelism);
        return env;
    }

    private JobClient start(
            StreamExecutionEnvironment env, TestingSource source, Partitioning partitioning)
            throws Exception {
        DataStream<Outcome> outcomes =
                InferencePipeline.build(env, source, "requests", options(partitioning));
        TestingLedger.of(outcomes, name).sinkTo(new DiscardingSink<>()).uid("discard");
        return env.executeAsync(name);
    }

    /** Of a size such that the network does not hold all of them; each 97th will fail. */
    private TestingSource source(int count, boolean bounded) {
        return source(name, count, bounded);
    }

    private static TestingSource source(String name, int count, boolean bounded) {
        return new TestingSource(
                count,
                bounded,
                number -> {
                    TestingControl.of(name).onMade();
                    Inbound.Request request = TestingRequests.request("r" + number, TOKENS);
                    if (number % 97 == 0) {
                        request.request().setTemperature(-1.0);
                    }
                    Origin small = request.origin();
                    return new Inbound.Request(
                            new Origin(
                                    small.source(),
                                    new Position.InPartition(3, number),
                                    small.timestamp(),
                                    small.key(),
                                    small.headers(),
                                    new byte[8192]),
                            request.request());
                });
    }

    /** By id; fails if there are two of one. What the law of equal bytes covers. */
    private static Map<String, Object> byId(List<Outcome> outcomes) {
        Map<String, Object> byId = new TreeMap<>();
        for (Outcome outcome : outcomes) {
            Object content =
                    outcome instanceof Outcome.Answered answered
                            ? answered.result()
                            : ((Outcome.Failed) outcome).message();
            assertThat(byId.put(TestingRequests.id(outcome), content)).isNull();
        }
        return byId;
    }

    /** What the outcomes of the job are if it runs in one chain and nothing happens to it. */
    private Map<String, Object> chainedOutcomes(int count) throws Exception {
        List<Outcome> before = TestingOutcomes.of(name).all();
        control.release();
        start(environment(1, null), source(count, true), Partitioning.NONE)
                .getJobExecutionResult()
                .get();
        List<Outcome> all = TestingOutcomes.of(name).all();
        return byId(all.subList(before.size(), all.size()));
    }

    /** Waits until that many requests have come to the engine, and all tasks are running. */
    private void awaitBusy(MiniCluster cluster, JobClient job, int added) throws Exception {
        control.awaitAdded(added);
        awaitRunning(cluster, job);
    }

    /** The same, and there are requests between source and gates. */
    private void awaitFull(MiniCluster cluster, JobClient job) throws Exception {
        // Each gate has one more in hand. Of what is made the failures count for nothing.
        control.awaitMade(2 * IN_FLIGHT + 2 + IN_CHANNEL);
        awaitBusy(cluster, job, 2 * IN_FLIGHT);
    }

    /** A checkpoint while all gates are shut and the engine stands still. */
    private static String checkpoint(MiniCluster cluster, JobClient job) throws Exception {
        String path = cluster.triggerCheckpoint(job.getJobID()).get();
        AbstractCheckpointStats stats =
                stats(cluster, job).getHistory().getLatestCompletedCheckpoint();
        assertThat(stats.isUnalignedCheckpoint()).isTrue();
        assertThat(stats.getPersistedData()).as("bytes in the channel").isGreaterThan(8192);
        return path;
    }

    private static CheckpointStatsSnapshot stats(MiniCluster cluster, JobClient job)
            throws Exception {
        return cluster.getExecutionGraph(job.getJobID()).get().getCheckpointStatsSnapshot();
    }

    @Test
    void theOutcomesAreThoseOfOneChainAndTheEndOfInputIsAwaited() throws Exception {
        for (int parallelism : new int[] {1, 3}) {
            int before = TestingOutcomes.of(name).all().size();
            start(environment(parallelism, null), source(1023, true), Partitioning.PREFIX)
                    .getJobExecutionResult()
                    .get();
            List<Outcome> all = TestingOutcomes.of(name).all();
            assertThat(byId(all.subList(before, all.size())))
                    .hasSize(1023)
                    .isEqualTo(chainedOutcomes(1023));
        }
    }

    @Test
    void anEngineFailureAndARescaleWithRecordsInTheChannelAreExactlyOnce(
            @InjectMiniCluster MiniCluster cluster) throws Exception {
        control.hold();
        StreamExecutionEnvironment env = environment(2, null);
        env.configure(restarts(3));
        JobClient job = start(env, source(600, true), Partitioning.PREFIX);
        awaitFull(cluster, job);
        checkpoint(cluster, job);
        AtomicInteger added = new AtomicInteger();
        // Far behind what the checkpoint knows.
        control.failAt(
                "r250",
                TOKENS / 2,
                () -> {
                    control.hold();
                    added.set(control.added().size());
                    return new IllegalStateException("device");
                });
        control.release();
        control.awaitLoads(2);
        awaitBusy(cluster, job, added.get() + 2 * IN_FLIGHT);
        String path = checkpoint(cluster, job);
        control.step(TOKENS);
        job.cancel().get();
        control.awaitOpen(0);
        assertThat(TestingOutcomes.of(name).all()).isEmpty();

        control.release();
        start(environment(3, path), source(600, true), Partitioning.PREFIX)
                .getJobExecutionResult()
                .get();
        assertThat(byId(TestingOutcomes.of(name).all()))
                .hasSize(600)
                .isEqualTo(chainedOutcomes(600));
    }

    @Test
    void aSavepointGoesFromOneTopologyToTheOtherAndBack(@InjectMiniCluster MiniCluster cluster)
            throws Exception {
        String savepoint = null;
        for (Partitioning partitioning :
                List.of(Partitioning.NONE, Partitioning.PREFIX, Partitioning.NONE)) {
            control.hold();
            int added = control.added().size();
            // Without an end: it would go by where the savepoint comes late.
            JobClient job = start(environment(2, savepoint), source(1023, false), partitioning);
            awaitBusy(cluster, job, added + 2 * IN_FLIGHT);
            control.step(TOKENS / 2);
            var stopped =
                    job.stopWithSavepoint(false, folder.toString(), SavepointFormatType.CANONICAL);
            CommonTestUtils.waitUntilCondition(
                    () -> stats(cluster, job).getCounts().getTotalNumberOfCheckpoints() > 0);
            // What is in the channel has to be taken in before the barrier.
            control.stepTime(Duration.ofMillis(10)).release();
            savepoint = stopped.get();
            control.awaitOpen(0);
        }
        assertThat(TestingOutcomes.of(name).all()).isEmpty();
        control.stepTime(Duration.ZERO);
        start(environment(3, savepoint), source(1023, true), Partitioning.PREFIX)
                .getJobExecutionResult()
                .get();
        assertThat(byId(TestingOutcomes.of(name).all()))
                .hasSize(1023)
                .isEqualTo(chainedOutcomes(1023));
    }

    @Test
    void aCheckpointWithRecordsInTheChannelIsRefusedByAJobWithoutOne(
            @InjectMiniCluster MiniCluster cluster) throws Exception {
        control.hold();
        JobClient job = start(environment(2, null), source(600, false), Partitioning.PREFIX);
        awaitFull(cluster, job);
        String path = checkpoint(cluster, job);
        job.cancel().get();
        control.awaitOpen(0);
        assertThatThrownBy(
                        () ->
                                start(environment(2, path), source(600, false), Partitioning.NONE)
                                        .getJobExecutionResult()
                                        .get())
                .hasStackTraceContaining("Cannot map checkpoint/savepoint state for operator");
    }

    @Test
    void aBarrierWaitsForNoAnswer(@InjectMiniCluster MiniCluster cluster) throws Exception {
        control.hold();
        JobClient job = start(environment(2, null), source(600, false), Partitioning.PREFIX);
        awaitFull(cluster, job);
        for (int i = 0; i < 3; i++) {
            checkpoint(cluster, job);
        }
        job.cancel().get();
    }

    @Test
    void cancellingAJobWhoseGatesAreShutLeavesNothing(@InjectMiniCluster MiniCluster cluster)
            throws Exception {
        control.hold();
        JobClient job = start(environment(2, null), source(600, false), Partitioning.PREFIX);
        awaitFull(cluster, job);
        job.cancel().get();
        control.awaitOpen(0);
    }

    @Test
    void drainingAnswersWhatIsInTheChannelToo(@InjectMiniCluster MiniCluster cluster)
            throws Exception {
        control.hold();
        JobClient job = start(environment(2, null), source(97, false), Partitioning.PREFIX);
        awaitFull(cluster, job);
        var savepoint =
                job.stopWithSavepoint(true, folder.toString(), SavepointFormatType.CANONICAL);
        control.release();
        savepoint.get();
        List<Outcome> drained = TestingOutcomes.of(name).all();
        assertThat(byId(drained)).hasSizeGreaterThan(2 * IN_FLIGHT);
    }

    /** Says which subtask answered. */
    private static final class Answerer extends RichMapFunction<Outcome, Outcome> {
        private static final long serialVersionUID = 1L;
        private static final Map<String, List<Integer>> BY_TEMPLATE = new TreeMap<>();

        private transient int subtask;

        @Override
        public void open(OpenContext context) {
            subtask = getRuntimeContext().getTaskInfo().getIndexOfThisSubtask();
        }

        @Override
        public Outcome map(Outcome outcome) {
            synchronized (BY_TEMPLATE) {
                BY_TEMPLATE
                        .computeIfAbsent(TestingRequests.id(outcome), id -> new ArrayList<>())
                        .add(subtask);
            }
            return outcome;
        }
    }

    @Test
    void requestsThatBeginAlikeAreAnsweredByOneSubtask() throws Exception {
        StreamExecutionEnvironment env = environment(3, null);
        TestingSource source =
                new TestingSource(
                        1023,
                        true,
                        number -> {
                            Inbound.Request request =
                                    TestingRequests.request("template " + number % 54, 1);
                            request.request()
                                    .setPrompt(
                                            (number % 54 + " ").repeat(PromptPrefix.CHARACTERS)
                                                    + number);
                            return request;
                        });
        InferencePipeline.build(env, source, "requests", options(Partitioning.PREFIX))
                .map(new Answerer())
                .uid("answerer")
                .sinkTo(new DiscardingSink<>())
                .uid("discard");
        env.execute(name);
        assertThat(Answerer.BY_TEMPLATE).hasSize(54);
        assertThat(Answerer.BY_TEMPLATE.values())
                .allSatisfy(subtasks -> assertThat(subtasks).hasSizeGreaterThan(17))
                .allSatisfy(subtasks -> assertThat(subtasks.stream().distinct()).hasSize(1));
        assertThat(
                        Answerer.BY_TEMPLATE.values().stream()
                                .map(subtasks -> subtasks.get(0))
                                .distinct())
                .hasSize(3);
    }

    @Test
    void itsCheckpointsAreUnalignedWhateverTheDelivery() {
        StreamExecutionEnvironment env = environment(2, null);
        env.getCheckpointConfig().setCheckpointingConsistencyMode(CheckpointingMode.AT_LEAST_ONCE);
        InferencePipeline.build(env, source(1, true), "requests", options(Partitioning.PREFIX))
                .sinkTo(new DiscardingSink<>())
                .uid("discard");
        assertThat(env.getStreamGraph().getCheckpointConfig().isUnalignedCheckpointsEnabled())
                .isTrue();
    }
}

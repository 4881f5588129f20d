package io.millrace.operators;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.operators.options.FaultOptions;
import io.millrace.operators.options.PipelineOptions;
import io.millrace.operators.record.Outcome;
import io.millrace.schemas.FailureCode;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadInfo;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.RestartStrategyOptions;
import org.apache.flink.core.execution.CheckpointType;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.runtime.executiongraph.AccessExecutionVertex;
import org.apache.flink.runtime.minicluster.MiniCluster;
import org.apache.flink.runtime.testutils.CommonTestUtils;
import org.apache.flink.runtime.testutils.MiniClusterResourceConfiguration;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import org.apache.flink.test.junit5.InjectMiniCluster;
import org.apache.flink.test.junit5.MiniClusterExtension;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInfo;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** A request that brings the engine down, among others, and no checkpoint between two failures. */
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class PoisonITCase {
    private static final int REQUESTS = 64;
    private static final int TOKENS = 17;
    private static final int PARALLELISM = 2;
    private static final String POISON = "r23";

    @RegisterExtension
    static final MiniClusterExtension CLUSTER =
            new MiniClusterExtension(
                    new MiniClusterResourceConfiguration.Builder()
                            .setNumberTaskManagers(1)
                            .setNumberSlotsPerTaskManager(PARALLELISM)
                            .build());

    @TempDir Path folder;
    private Path journal;
    private String name;
    private TestingControl control;
    private JobClient job;

    @BeforeEach
    void nameTheEngine(TestInfo test) {
        name = "poison-" + test.getTestMethod().orElseThrow().getName();
        control = TestingControl.of(name);
        journal = folder.resolve("suspects");
    }

    @AfterEach
    void cancel() throws Exception {
        job.cancel().get();
        control.awaitOpen(0);
    }

    @Test
    void oneThatFailsAtItsFifthTokenIsOneFailureAndTheOthersAreAnswered(
            @InjectMiniCluster MiniCluster cluster) throws Exception {
        control.failAlwaysAt(POISON, 4, () -> new IllegalStateException("the kernel failed"));
        job = start(FaultOptions.DEFAULT.withMaxAttempts(3), REQUESTS);
        Outcome.Failed failure = awaitAllAndTheFailure();
        assertThat(failure.code()).isEqualTo(FailureCode.GENERATION_FAILED);
        assertThat(failure.message())
                .startsWith("The engine failed 3 times while it ran this request and nothing else;")
                .endsWith("java.lang.IllegalStateException: the kernel failed");
        // All together once, alone three times, and the engine that answered the rest.
        assertThat(control.loads()).isEqualTo(5);
        // Though both subtasks share the engine, a failure of it restarts each once at most.
        assertThat(restarts(cluster, job)).hasSize(PARALLELISM).allMatch(count -> count <= 4);
        assertThat(files()).isPositive();
        CommonTestUtils.waitForAllTaskRunning(cluster, job.getJobID(), false);
        // Answers of an earlier attempt count as well: the last one may still be at them.
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (files() > 0) {
            try {
                cluster.triggerCheckpoint(job.getJobID(), CheckpointType.CONFIGURED)
                        .get(30, TimeUnit.SECONDS);
            } catch (TimeoutException e) {
                throw new AssertionError("A checkpoint waits.\n" + threads(), e);
            }
            if (System.nanoTime() - deadline > 0) {
                throw new AssertionError(
                        "%d suspects stay in the journal: %d engines took %d requests.%n%s"
                                .formatted(
                                        files(),
                                        control.loads(),
                                        control.added().size(),
                                        threads()));
            }
        }
    }

    @Test
    void oneThatHangsIsOneFailureAndTheOthersAreAnswered() throws Exception {
        control.hangAlwaysAt(POISON, 4);
        FaultOptions faults =
                FaultOptions.DEFAULT.withMaxAttempts(2).withStepTimeout(Duration.ofMillis(300));
        job = start(faults, 17 + 23);
        awaitAll(17 + 23);
        assertThat(awaitAllAndTheFailure(17 + 23).message())
                .contains("2 times")
                .contains("--step-timeout of 300 ms");
        assertThat(control.loads()).isEqualTo(4);
    }

    @Test
    void aFailureThatIsNoRequestsFaultCostsNobodyAnything() throws Exception {
        control.failAt(POISON, 4, () -> new IllegalStateException("a bit flipped"));
        job = start(FaultOptions.DEFAULT.withMaxAttempts(1), REQUESTS);
        awaitAll(REQUESTS);
        assertThat(answered()).hasSize(REQUESTS);
        assertThat(control.loads()).isEqualTo(2);
    }

    @Test
    void aLostJournalCostsAttemptsAndNothingElse() throws Exception {
        control.failAlwaysAt(
                POISON,
                4,
                () -> {
                    // The first time it failed alone is forgotten.
                    if (control.loads() == 2) {
                        deleteJournal();
                    }
                    return new IllegalStateException("the kernel failed");
                });
        job = start(FaultOptions.DEFAULT.withMaxAttempts(2), REQUESTS);
        assertThat(awaitAllAndTheFailure().message()).contains("2 times");
    }

    private JobClient start(FaultOptions faults, int requests) throws Exception {
        Configuration configuration = new Configuration();
        configuration.set(org.apache.flink.configuration.PipelineOptions.AUTO_GENERATE_UIDS, false);
        // As in flink-conf, but quicker: failures of subtasks that come together are one.
        configuration.set(RestartStrategyOptions.RESTART_STRATEGY, "exponential-delay");
        configuration.set(
                RestartStrategyOptions.RESTART_STRATEGY_EXPONENTIAL_DELAY_INITIAL_BACKOFF,
                Duration.ofMillis(100));
        configuration.set(
                RestartStrategyOptions.RESTART_STRATEGY_EXPONENTIAL_DELAY_BACKOFF_MULTIPLIER, 1.1);
        StreamExecutionEnvironment env =
                StreamExecutionEnvironment.getExecutionEnvironment(configuration);
        env.setParallelism(PARALLELISM);
        env.enableCheckpointing(3_600_000);
        PipelineOptions options =
                PipelineOptions.builder(TestingEngine.options(name), TestingEngine.loader())
                        .faults(faults.withJournal(journal.toUri().toString()))
                        .build();
        TestingSource source =
                new TestingSource(
                        requests, false, number -> TestingRequests.request("r" + number, TOKENS));
        InferencePipeline.build(env, source, "requests", options)
                .map(TestingOutcomes.collector(name))
                .uid("collect")
                .sinkTo(new DiscardingSink<>())
                .uid("discard");
        return env.executeAsync(name);
    }

    private Outcome.Failed awaitAllAndTheFailure() throws Exception {
        return awaitAllAndTheFailure(REQUESTS);
    }

    /** Without a checkpoint some are answered in every round, but one never is. */
    private Outcome.Failed awaitAllAndTheFailure(int requests) throws Exception {
        awaitAll(requests);
        List<Outcome.Failed> failures =
                TestingOutcomes.of(name).all().stream()
                        .filter(Outcome.Failed.class::isInstance)
                        .map(Outcome.Failed.class::cast)
                        .toList();
        assertThat(failures).hasSize(1);
        assertThat(failures.get(0).id()).isEqualTo(POISON);
        assertThat(answered()).hasSize(requests - 1).doesNotContain(POISON);
        return failures.get(0);
    }

    private Set<String> answered() {
        return TestingOutcomes.of(name).all().stream()
                .filter(Outcome.Answered.class::isInstance)
                .map(TestingRequests::id)
                .collect(Collectors.toSet());
    }

    private void awaitAll(int requests) throws Exception {
        for (int count = requests; ; count++) {
            List<Outcome> outcomes = TestingOutcomes.of(name).await(count);
            if (outcomes.stream().map(TestingRequests::id).distinct().count() == requests) {
                return;
            }
            count = Math.max(count, outcomes.size());
        }
    }

    private static List<Integer> restarts(MiniCluster cluster, JobClient job) throws Exception {
        List<Integer> attempts = new ArrayList<>();
        for (AccessExecutionVertex task :
                cluster.getExecutionGraph(job.getJobID()).get().getAllExecutionVertices()) {
            attempts.add(task.getCurrentExecutionAttempt().getAttemptNumber());
        }
        return attempts;
    }

    private static String threads() {
        StringBuilder threads = new StringBuilder();
        for (ThreadInfo thread :
                ManagementFactory.getThreadMXBean().dumpAllThreads(true, true, 54)) {
            threads.append(thread);
        }
        return threads.toString();
    }

    private long files() throws IOException {
        try (Stream<Path> all = Files.list(journal)) {
            return all.count();
        }
    }

    private void deleteJournal() {
        try (Stream<Path> all = Files.list(journal)) {
            for (Path file : all.toList()) {
                Files.delete(file);
            }
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }
}

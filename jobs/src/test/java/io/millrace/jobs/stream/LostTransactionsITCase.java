package io.millrace.jobs.stream;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.jobs.local.EmbeddedKafka;
import io.millrace.jobs.local.Topics;
import io.millrace.jobs.stream.TestingClients.TestingReader;
import io.millrace.operators.InferencePipeline;
import io.millrace.operators.TestingEngine;
import io.millrace.operators.TestingOutcomes;
import io.millrace.operators.kafka.KafkaPipes;
import io.millrace.operators.kafka.admin.KafkaSettings;
import io.millrace.operators.kafka.admin.TopicLimits;
import io.millrace.operators.kafka.sink.LostTransactionsException;
import io.millrace.operators.options.PipelineOptions;
import io.millrace.operators.record.Outcome;
import io.millrace.schemas.codec.FormatSettings;
import io.millrace.schemas.codec.RecordCodec;
import io.millrace.schemas.codec.record.RecordType;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.ExternalizedCheckpointRetention;
import org.apache.flink.configuration.RestartStrategyOptions;
import org.apache.flink.configuration.StateRecoveryOptions;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.core.execution.CheckpointType;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.core.execution.SavepointFormatType;
import org.apache.flink.runtime.minicluster.MiniCluster;
import org.apache.flink.runtime.testutils.CommonTestUtils;
import org.apache.flink.runtime.testutils.MiniClusterResourceConfiguration;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.test.junit5.InjectMiniCluster;
import org.apache.flink.test.junit5.MiniClusterExtension;
import org.apache.flink.util.ExceptionUtils;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListTransactionsOptions;
import org.apache.kafka.clients.admin.TransactionListing;
import org.apache.kafka.clients.admin.TransactionState;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/**
 * A job ends between a checkpoint and its commit, and meanwhile the broker aborts its transaction.
 * Each test goes on from what the one before it left.
 */
@Timeout(120)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class LostTransactionsITCase {
    private static final int FIRST = 54;
    private static final int SECOND = 17;
    private static final int THIRD = 23;

    @RegisterExtension
    static final MiniClusterExtension FLINK =
            new MiniClusterExtension(
                    new MiniClusterResourceConfiguration.Builder()
                            .setNumberTaskManagers(1)
                            .setNumberSlotsPerTaskManager(1)
                            .build());

    @TempDir static Path folder;

    private static EmbeddedKafka kafka;

    private static MiniCluster cluster;

    /** Outcomes of the newest run. */
    private static TestingOutcomes passed;

    private static int runs;
    private static String checkpoint;
    private static String savepoint;

    @BeforeAll
    static void start(@InjectMiniCluster MiniCluster flink) throws Exception {
        cluster = flink;
        kafka = EmbeddedKafka.start(folder.resolve("kafka"));
        try (Topics topics = new Topics(kafka.bootstrapServers(), Map.of())) {
            for (String topic : List.of("prompts", "answers", "dead")) {
                topics.createIfAbsent(topic, 1);
            }
        }
    }

    @AfterAll
    static void stop() {
        kafka.close();
    }

    @Test
    @Order(1)
    void failsLoudlyAndForGoodWhenTheBrokerHasAbortedWhatItRestores() throws Exception {
        JobClient running = run(null, settings());
        send(0, FIRST);
        long number = checkpoint(running, FIRST);
        checkpoint = folder.resolve(running.getJobID() + "/chk-" + number).toString();
        send(FIRST, SECOND);
        savepoint = savepointAndCancel(running, FIRST + SECOND);
        abortWhatIsOpen();

        LostTransactionsException failure =
                ExceptionUtils.findThrowable(
                                failureOf(run(savepoint, settings())),
                                LostTransactionsException.class)
                        .orElseThrow();
        assertThat(failure)
                .hasMessageStartingWith(
                        "Kafka refuses to commit 1 transaction with "
                                + SECOND
                                + " answers and failures for answers and dead,")
                .hasMessageContaining("transaction.timeout.ms (900000 ms)")
                .hasMessageContaining("Resume the checkpoint before ")
                .hasMessageContaining(" to have them answered again (move chk-")
                .hasMessageEndingWith("--accept-lost-transactions to go on without them.");
        assertThat(answers().size()).isEqualTo(FIRST);
    }

    @Test
    @Order(2)
    void theCheckpointBeforeAnswersWhatWasLostAndNothingTwice() throws Exception {
        // Its own commit is refused as well, since the transaction after next took over the id; but
        // the records are there.
        JobClient running = run(checkpoint, settings());
        checkpoint(running, SECOND);
        running.cancel().get();
        assertThat(ids()).doesNotHaveDuplicates().hasSize(FIRST + SECOND);
    }

    @Test
    @Order(3)
    void goesOnWithoutThemWhereThatIsAccepted() throws Exception {
        JobClient running = run(savepoint, settings().acceptLostTransactions(true));
        send(FIRST + SECOND, THIRD);
        checkpoint(running, THIRD);
        assertThat(ids()).doesNotHaveDuplicates().hasSize(FIRST + SECOND + THIRD);
        send(FIRST + SECOND + THIRD, SECOND);
        savepoint = savepointAndCancel(running, THIRD + SECOND);
    }

    @Test
    @Order(4)
    void atLeastOnceCommitsWhatExactlyOnceLeft() throws Exception {
        assertThat(answers().size()).isEqualTo(FIRST + SECOND + THIRD);
        JobClient running = run(savepoint, settings().delivery(DeliveryGuarantee.AT_LEAST_ONCE));
        awaitAnswers(FIRST + SECOND + THIRD + SECOND);
        running.cancel().get();
    }

    private static KafkaSettings.Builder settings() {
        return KafkaSettings.builder()
                .bootstrapServers(kafka.bootstrapServers())
                .topics("prompts")
                .outputTopic("answers")
                .deadLetterTopic("dead")
                .applicationId("lost");
    }

    private static JobClient run(String checkpoint, KafkaSettings.Builder builder)
            throws Exception {
        Configuration configuration = new Configuration();
        configuration.set(RestartStrategyOptions.RESTART_STRATEGY, "disable");
        configuration.set(CheckpointingOptions.CHECKPOINTS_DIRECTORY, folder.toUri().toString());
        configuration.set(
                CheckpointingOptions.EXTERNALIZED_CHECKPOINT_RETENTION,
                ExternalizedCheckpointRetention.RETAIN_ON_CANCELLATION);
        if (checkpoint != null) {
            configuration.set(StateRecoveryOptions.SAVEPOINT_PATH, checkpoint);
        }
        StreamExecutionEnvironment env =
                StreamExecutionEnvironment.getExecutionEnvironment(configuration);
        env.setParallelism(1);
        // The test says when.
        env.enableCheckpointing(3_600_000);
        KafkaSettings settings = builder.build();
        String name = "lost-" + runs++;
        passed = TestingOutcomes.of(name);
        PipelineOptions options =
                PipelineOptions.builder(TestingEngine.options("lost"), TestingEngine.loader())
                        .build();
        InferencePipeline.build(env, KafkaPipes.source(settings), "prompts", options)
                .map(TestingOutcomes.collector(name))
                .returns(Outcome.class)
                .uid("passed")
                .sinkTo(KafkaPipes.sink(settings, TopicLimits.read(settings, 1)))
                .uid("answers");
        return env.executeAsync("lost");
    }

    private static Throwable failureOf(JobClient job) throws Exception {
        try {
            job.getJobExecutionResult().get(60, TimeUnit.SECONDS);
            throw new AssertionError("The job ended as if nothing had happened.");
        } catch (ExecutionException e) {
            return e;
        }
    }

    /** A checkpoint once so many outcomes have passed in this run, and what it commits. */
    private static long checkpoint(JobClient job, int outcomes) throws Exception {
        int before = answers().size();
        awaitPassed(job, outcomes);
        long number = cluster.triggerCheckpoint(job.getJobID(), CheckpointType.CONFIGURED).get();
        awaitAnswers(before + outcomes);
        return number;
    }

    private static void awaitPassed(JobClient job, int outcomes) throws Exception {
        try {
            passed.await(outcomes);
        } catch (AssertionError e) {
            if (job.getJobStatus().get().isTerminalState()) {
                e.addSuppressed(failureOf(job));
            }
            throw e;
        }
        CommonTestUtils.waitForAllTaskRunning(cluster, job.getJobID(), false);
    }

    /** A savepoint, whose transaction only the next checkpoint would commit. */
    private static String savepointAndCancel(JobClient job, int outcomes) throws Exception {
        awaitPassed(job, outcomes);
        String path =
                job.triggerSavepoint(
                                folder.resolve("savepoints").toUri().toString(),
                                SavepointFormatType.CANONICAL)
                        .get();
        job.cancel().get();
        // Cancelled is when all tasks have ended.
        job.getJobExecutionResult().handle((result, cancelled) -> null).get();
        return path;
    }

    private static void send(int from, int count) throws Exception {
        List<ProducerRecord<byte[], byte[]>> prompts = new ArrayList<>();
        for (int i = from; i < from + count; i++) {
            String json = "{\"id\":\"%d\",\"prompt\":\"prompt %d\",\"max_tokens\":5}";
            byte[] value = String.format(json, i, i).getBytes(UTF_8);
            prompts.add(new ProducerRecord<>("prompts", ("key-" + i).getBytes(UTF_8), value));
        }
        TestingClients.send(kafka.bootstrapServers(), prompts);
    }

    private static List<ConsumerRecord<byte[], byte[]>> answers() {
        return TestingClients.committed(kafka.bootstrapServers(), "answers");
    }

    private static void awaitAnswers(int count) {
        try (TestingReader reader = new TestingReader(kafka.bootstrapServers(), "answers")) {
            long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
            int seen = 0;
            while (seen < count) {
                assertThat(System.nanoTime() - end).as(seen + " of " + count).isNegative();
                seen += reader.toTheEnd().size();
            }
            assertThat(seen).isEqualTo(count);
        }
    }

    private static List<String> ids() throws Exception {
        var codec = RecordCodec.open(RecordType.RESULT, FormatSettings.JSON, null);
        List<String> ids = new ArrayList<>();
        for (ConsumerRecord<byte[], byte[]> answer : answers()) {
            ids.add(codec.decode(answer.value()).getId());
        }
        return ids;
    }

    /**
     * Has the broker give up every transaction that is open, as it does when their time is over:
     * their producers are fenced off, and what they wrote is aborted. By its clock it would also
     * abort those of a job that a slow machine lets wait for its commit.
     */
    private static void abortWhatIsOpen() throws Exception {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", kafka.bootstrapServers()))) {
            ListTransactionsOptions open =
                    new ListTransactionsOptions()
                            .filterStates(
                                    List.of(
                                            TransactionState.ONGOING,
                                            TransactionState.PREPARE_ABORT,
                                            TransactionState.PREPARE_EPOCH_FENCE));
            List<String> ids =
                    admin.listTransactions(open).all().get().stream()
                            .map(TransactionListing::transactionalId)
                            .toList();
            assertThat(ids).isNotEmpty();
            admin.fenceProducers(ids).all().get();
            while (!admin.listTransactions(open).all().get().isEmpty()) {
                Thread.onSpinWait();
            }
        }
    }
}

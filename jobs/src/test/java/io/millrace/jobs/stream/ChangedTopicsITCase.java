package io.millrace.jobs.stream;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.jobs.local.EmbeddedKafka;
import io.millrace.jobs.local.Topics;
import io.millrace.jobs.stream.TestingClients.TestingReader;
import io.millrace.jobs.watch.GroupWatch;
import io.millrace.operators.kafka.KafkaPipes;
import io.millrace.operators.kafka.admin.KafkaSettings;
import io.millrace.operators.kafka.admin.KafkaSetupException;
import io.millrace.operators.kafka.admin.OutputPartition;
import io.millrace.operators.kafka.admin.TopicLimits;
import io.millrace.operators.kafka.input.IdlePositions;
import io.millrace.operators.kafka.input.LostInputException;
import io.millrace.operators.kafka.input.SavedPositions;
import io.millrace.operators.kafka.sink.TooLargeRecordException;
import io.millrace.operators.kafka.source.OnLostInput;
import io.millrace.operators.kafka.source.StartingPoint;
import io.millrace.operators.record.Inbound;
import io.millrace.operators.record.Outcome;
import io.millrace.schemas.Completion;
import io.millrace.schemas.InferenceFailure;
import io.millrace.schemas.InferenceRequest;
import io.millrace.schemas.InferenceResult;
import io.millrace.schemas.Usage;
import io.millrace.schemas.codec.FormatSettings;
import io.millrace.schemas.codec.RecordCodec;
import io.millrace.schemas.codec.record.RecordType;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Predicate;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.functions.RichMapFunction;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.RestartStrategyOptions;
import org.apache.flink.configuration.StateRecoveryOptions;
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
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** Topics that somebody changes under a job: each is one clear stop, or none. */
@Timeout(120)
class ChangedTopicsITCase {

    @RegisterExtension
    static final MiniClusterExtension FLINK =
            new MiniClusterExtension(
                    new MiniClusterResourceConfiguration.Builder()
                            .setNumberTaskManagers(1)
                            .setNumberSlotsPerTaskManager(1)
                            .build());

    @TempDir static Path folder;

    private static EmbeddedKafka kafka;
    private static Topics topics;
    private static Admin admin;
    private static MiniCluster cluster;

    @BeforeAll
    static void start(@InjectMiniCluster MiniCluster flink) throws Exception {
        cluster = flink;
        kafka = EmbeddedKafka.start(folder.resolve("kafka"));
        topics = new Topics(kafka.bootstrapServers(), Map.of());
        admin = Admin.create(Map.of("bootstrap.servers", kafka.bootstrapServers()));
    }

    @AfterAll
    static void stop() {
        admin.close();
        topics.close();
        kafka.close();
    }

    @BeforeEach
    void beginAnew() {
        Echo.ATTEMPTS.set(0);
        Echo.GATE.drainPermits();
        Echo.GATE.release(1_000_000);
    }

    /** Answers a prompt with itself, as soon as it may. */
    private static final class Echo extends RichMapFunction<Inbound, Outcome> {
        private static final long serialVersionUID = 1L;
        static final AtomicInteger ATTEMPTS = new AtomicInteger();
        static final Semaphore GATE = new Semaphore(0);

        @Override
        public void open(OpenContext context) {
            ATTEMPTS.incrementAndGet();
        }

        @Override
        public Outcome map(Inbound inbound) throws Exception {
            GATE.acquire();
            Inbound read = inbound instanceof Inbound.Unread unread ? unread.read() : inbound;
            InferenceRequest request = ((Inbound.Request) read).request();
            Completion text =
                    new Completion(
                            0, request.getPrompt(), List.of(), "stop", null, null, null, null);
            InferenceResult result =
                    new InferenceResult(
                            request.getId(), "m", "f", List.of(text), new Usage(1, 1), null);
            return new Outcome.Answered(
                    inbound.origin(), result, new Outcome.RunFacts(1, 2, 3, 4, 5, 6));
        }
    }

    private static KafkaSettings.Builder settings(String name, int partitions) {
        for (String topic : List.of("-in", "-out", "-dead")) {
            topics.createIfAbsent(name + topic, partitions);
        }
        return KafkaSettings.builder()
                .bootstrapServers(kafka.bootstrapServers())
                .topics(name + "-in")
                .outputTopic(name + "-out")
                .deadLetterTopic(name + "-dead")
                .applicationId(name);
    }

    /** Starts a job, from a savepoint or without one; a failure restarts it. */
    private static JobClient run(KafkaSettings settings, String savepoint) throws Exception {
        Configuration configuration = new Configuration();
        configuration.set(RestartStrategyOptions.RESTART_STRATEGY, "fixed-delay");
        configuration.set(RestartStrategyOptions.RESTART_STRATEGY_FIXED_DELAY_ATTEMPTS, 17);
        configuration.set(
                RestartStrategyOptions.RESTART_STRATEGY_FIXED_DELAY_DELAY, Duration.ofMillis(50));
        if (savepoint != null) {
            configuration.set(StateRecoveryOptions.SAVEPOINT_PATH, savepoint);
        }
        StreamExecutionEnvironment env =
                StreamExecutionEnvironment.getExecutionEnvironment(configuration);
        env.setParallelism(1);
        env.enableCheckpointing(100);
        env.fromSource(KafkaPipes.source(settings), WatermarkStrategy.noWatermarks(), "requests")
                .uid("requests")
                .map(new Echo())
                .returns(Outcome.class)
                .uid("echo")
                .sinkTo(KafkaPipes.sink(settings, TopicLimits.read(settings, 1)))
                .uid("answers");
        return env.executeAsync();
    }

    private static String stop(JobClient job) throws Exception {
        return job.stopWithSavepoint(
                        false, folder.toUri() + "savepoints", SavepointFormatType.CANONICAL)
                .get(60, TimeUnit.SECONDS);
    }

    private static <T extends Throwable> T failureOf(JobClient job, Class<T> type) {
        try {
            job.getJobExecutionResult().get(60, TimeUnit.SECONDS);
        } catch (ExecutionException e) {
            return ExceptionUtils.findThrowable(e, type).orElseThrow(() -> new AssertionError(e));
        } catch (Exception e) {
            throw new AssertionError(e);
        }
        throw new AssertionError("The job ended as if nothing had happened.");
    }

    /** Prompts with ids that count on, in batches of their own. */
    private static void send(String topic, int partition, int from, int to) throws Exception {
        for (int i = from; i < to; i++) {
            String json = "{\"id\":\"%d-%d\",\"prompt\":\"hi\"}".formatted(partition, i);
            TestingClients.send(
                    kafka.bootstrapServers(),
                    List.of(new ProducerRecord<>(topic, partition, null, json.getBytes(UTF_8))));
        }
    }

    private static void delete(String topic, int partition, long before) throws Exception {
        TopicPartition place = new TopicPartition(topic, partition);
        admin.deleteRecords(Map.of(place, RecordsToDelete.beforeOffset(before))).all().get();
    }

    /** Ids of the answers, once there are so many, in order. */
    private static List<String> answers(String topic, int count) throws Exception {
        return answers(topic, ids -> ids.size() >= count);
    }

    /** Ids of the answers, once this one is there, in order. */
    private static List<String> answers(String topic, String last) throws Exception {
        return answers(topic, ids -> ids.contains(last));
    }

    private static List<String> answers(String topic, Predicate<List<String>> enough)
            throws Exception {
        var codec = RecordCodec.open(RecordType.RESULT, FormatSettings.JSON, null);
        List<String> ids = new ArrayList<>();
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        try (TestingReader reader = new TestingReader(kafka.bootstrapServers(), topic)) {
            while (!enough.test(ids)) {
                assertThat(System.nanoTime() - end).as("%s", ids).isNegative();
                for (ConsumerRecord<byte[], byte[]> answer : reader.toTheEnd()) {
                    ids.add(codec.decode(answer.value()).getId());
                }
            }
        }
        return ids.stream().sorted().toList();
    }

    @Test
    void inputThatIsDeletedBeforeItIsReadStopsAResumedJobOnceOrIsSkipped() throws Exception {
        KafkaSettings.Builder settings = settings("deleted", 2);
        send("deleted-in", 0, 0, 3);
        send("deleted-in", 1, 0, 2);
        JobClient first = run(settings.build(), null);
        answers("deleted-out", 5);
        String savepoint = stop(first);
        send("deleted-in", 0, 3, 9);
        send("deleted-in", 1, 2, 4);
        delete("deleted-in", 0, 7);

        Echo.ATTEMPTS.set(0);
        assertThat(failureOf(run(settings.build(), savepoint), LostInputException.class))
                .hasMessageContaining(
                        "Offsets 3 to 6 (4) of partition 0 of topic deleted-in were deleted");
        assertThat(Echo.ATTEMPTS).hasValue(1);

        JobClient skipping = run(settings.onLostInput(OnLostInput.SKIP).build(), savepoint);
        assertThat(answers("deleted-out", 9))
                .containsExactly("0-0", "0-1", "0-2", "0-7", "0-8", "1-0", "1-1", "1-2", "1-3");
        String behind = stop(skipping);

        topics.delete("deleted-in");
        topics.createIfAbsent("deleted-in", 2);
        send("deleted-in", 0, 9, 11);
        assertThat(
                        failureOf(
                                run(settings.onLostInput(OnLostInput.FAIL).build(), behind),
                                LostInputException.class))
                .hasMessageContaining("would go on at offset 9 of partition 0 of topic deleted-in")
                .hasMessageContaining(
                        "has only offsets 0 to 1: the topic was deleted and made anew");
        JobClient anew = run(settings.onLostInput(OnLostInput.SKIP).build(), behind);
        assertThat(answers("deleted-out", 11)).contains("0-9", "0-10");
        anew.cancel().get();
    }

    @Test
    void aTopicThatIsDroppedIsNotReadAndGoesOnWhereItWasOnceItIsBack() throws Exception {
        KafkaSettings both = settings("kept", 1).topics("dropped-in").build();
        KafkaSettings one = settings("kept", 1).build();
        topics.createIfAbsent("dropped-in", 2);
        send("kept-in", 0, 0, 2);
        send("dropped-in", 1, 100, 103);
        JobClient first = run(both, null);
        answers("kept-out", 5);
        String savepoint = stop(first);
        Map<TopicPartition, Long> positions =
                Map.of(
                        new TopicPartition("kept-in", 0), 2L,
                        new TopicPartition("dropped-in", 0), 0L,
                        new TopicPartition("dropped-in", 1), 3L);
        assertThat(SavedPositions.read(savepoint)).containsExactlyInAnyOrderEntriesOf(positions);

        send("dropped-in", 1, 103, 105);
        JobClient without = run(one, savepoint);
        send("kept-in", 0, 2, 4);
        answers("kept-out", 7);
        String between = stop(without);
        assertThat(SavedPositions.read(between))
                .containsEntry(new TopicPartition("dropped-in", 1), 3L)
                .containsEntry(new TopicPartition("kept-in", 0), 4L);
        assertThat(answers("kept-out", 7)).doesNotContain("1-103");

        JobClient again = run(both, between);
        assertThat(answers("kept-out", "1-104"))
                .containsExactly(
                        "0-0", "0-1", "0-2", "0-3", "1-100", "1-101", "1-102", "1-103", "1-104");
        again.cancel().get();
    }

    @Test
    void inputThatIsDeletedWhileTheJobRunsIsSkippedByTheNextAttempt() throws Exception {
        KafkaSettings settings =
                settings("retained", 1)
                        .onLostInput(OnLostInput.SKIP)
                        // Nothing is fetched ahead.
                        .client("max.poll.records", "1")
                        .client("max.partition.fetch.bytes", "1")
                        .build();
        send("retained-in", 0, 0, 30);
        Echo.GATE.drainPermits();
        Echo.GATE.release(2);
        JobClient job = run(settings, null);
        while (!Echo.GATE.hasQueuedThreads() || Echo.GATE.availablePermits() > 0) {
            Thread.onSpinWait();
        }
        delete("retained-in", 0, 28);
        Echo.GATE.release(1_000_000);
        List<String> answered = answers("retained-out", "0-29");
        CommonTestUtils.waitForAllTaskRunning(cluster, job.getJobID(), false);
        assertThat(answered)
                .contains("0-28", "0-29")
                .doesNotContain("0-27")
                .doesNotHaveDuplicates();
        assertThat(Echo.ATTEMPTS).hasValueGreaterThan(1);
        job.cancel().get();
    }

    @Test
    void aTopicThatTakesLessThanAtTheStartCostsOneRestartAndOneDeadLetter() throws Exception {
        KafkaSettings settings = settings("lowered", 1).build();
        send("lowered-in", 0, 0, 1);
        JobClient job = run(settings, null);
        answers("lowered-out", 1);
        ConfigResource topic = new ConfigResource(ConfigResource.Type.TOPIC, "lowered-out");
        AlterConfigOp lower =
                new AlterConfigOp(
                        new ConfigEntry("max.message.bytes", "20000"), AlterConfigOp.OpType.SET);
        admin.incrementalAlterConfigs(Map.of(topic, List.of(lower))).all().get();
        String large = "{\"id\":\"large\",\"prompt\":\"%s\"}".formatted("x".repeat(50_000));
        TestingClients.send(
                kafka.bootstrapServers(),
                List.of(new ProducerRecord<>("lowered-in", large.getBytes(UTF_8))));
        send("lowered-in", 0, 1, 3);

        assertThat(answers("lowered-out", 3)).containsExactly("0-0", "0-1", "0-2");
        var codec = RecordCodec.open(RecordType.FAILURE, FormatSettings.JSON, null);
        List<ConsumerRecord<byte[], byte[]>> dead =
                TestingClients.committed(kafka.bootstrapServers(), "lowered-dead");
        assertThat(dead).hasSize(1);
        InferenceFailure failure = codec.decode(dead.get(0).value());
        assertThat(failure.getCode()).isEqualTo("result_too_large");
        assertThat(failure.getMessage()).contains("topic lowered-out takes 20000");
        assertThat(Echo.ATTEMPTS).hasValue(2);
        Throwable told =
                cluster.getExecutionGraphInfo(job.getJobID())
                        .get()
                        .getExceptionHistory()
                        .iterator()
                        .next()
                        .getException()
                        .deserializeError(ChangedTopicsITCase.class.getClassLoader());
        assertThat(ExceptionUtils.findThrowable(told, TooLargeRecordException.class))
                .get()
                .asString()
                .contains("Topic lowered-out refused a record: the largest since")
                .contains("has 50", "was lowered from 1048588 to 20000");
        job.cancel().get();
    }

    @Test
    void answersGoToTheirRequestsPartitionAndANewOneThatIsNotThereStopsTheJobOnce()
            throws Exception {
        KafkaSettings.Builder builder =
                settings("same", 2)
                        .outputPartition(OutputPartition.SAME)
                        .client("partition.discovery.interval.ms", "200");
        KafkaSettings settings = builder.build();
        send("same-in", 0, 0, 3);
        send("same-in", 1, 0, 2);
        JobClient job = run(settings, null);
        answers("same-out", 5);
        for (ConsumerRecord<byte[], byte[]> answer :
                TestingClients.committed(kafka.bootstrapServers(), "same-out")) {
            assertThat(new String(answer.value(), UTF_8))
                    .startsWith("{\"id\":\"" + answer.partition() + "-");
        }
        admin.createPartitions(Map.of("same-in", NewPartitions.increaseTo(3))).all().get();
        send("same-in", 2, 0, 1);
        assertThat(failureOf(job, KafkaSetupException.class))
                .hasMessageStartingWith("Topic same-out has 2 partitions, but same-in has 3")
                .hasMessageContaining(
                        "\nkafka-topics.sh --bootstrap-server "
                                + kafka.bootstrapServers()
                                + " --alter --topic same-out --partitions 3");
        assertThat(Echo.ATTEMPTS).hasValue(1);
        assertThatThrownBy(() -> TopicLimits.read(settings, 1))
                .isInstanceOf(KafkaSetupException.class)
                .hasMessageStartingWith("Topic same-out has 2 partitions, but same-in has 3");
        TopicLimits.read(builder.outputPartition(OutputPartition.KEY).build(), 1);
    }

    @Test
    void anotherConsumerInTheJobsGroupIsNoticedOnceWhenItComesAndWhenItGoes() throws Exception {
        KafkaSettings settings = settings("group", 1).build();
        Map<String, Object> other =
                Map.of(
                        "bootstrap.servers",
                        kafka.bootstrapServers(),
                        "group.id",
                        "group",
                        "client.id",
                        "somebody");
        ByteArrayDeserializer bytes = new ByteArrayDeserializer();
        try (GroupWatch watch = new GroupWatch(settings, Duration.ofMillis(100))) {
            try (var consumer = new KafkaConsumer<byte[], byte[]>(other, bytes, bytes)) {
                consumer.subscribe(List.of("group-in"));
                assertThat(news(watch, () -> consumer.poll(Duration.ofMillis(50))))
                        .startsWith("another consumer (somebody at /127.0.0.1) is in group group:")
                        .contains("--group-id");
                Thread.sleep(500);
                assertThat(watch.look()).isNull();
                assertThat(watch.look()).isNull();
            }
            assertThat(news(watch, () -> {})).contains("has no other consumer any more");
        }
    }

    private static String news(GroupWatch watch, Runnable meanwhile) throws Exception {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        for (String news = watch.look(); ; news = watch.look()) {
            if (news != null) {
                return news;
            }
            assertThat(System.nanoTime() - end).isNegative();
            meanwhile.run();
        }
    }

    @Test
    void endsOfTransactionsAndAbortedRecordsAreNotTakenForLostInput() throws Exception {
        KafkaSettings settings = settings("marks", 2).build();
        TopicPartition passed = new TopicPartition("marks-in", 0);
        TopicPartition unread = new TopicPartition("marks-in", 1);
        try (var producer = TestingClients.producer(kafka.bootstrapServers(), "marks", Map.of())) {
            producer.send(new ProducerRecord<>("marks-in", 0, null, new byte[17]));
            producer.commitTransaction();
            producer.beginTransaction();
            producer.send(new ProducerRecord<>("marks-in", 0, null, new byte[17]));
            producer.send(new ProducerRecord<>("marks-in", 1, null, new byte[17])).get();
            producer.abortTransaction();
            producer.beginTransaction();
            producer.send(new ProducerRecord<>("marks-in", 1, null, new byte[17])).get();
            producer.commitTransaction();
        }
        try (IdlePositions idle = new IdlePositions(settings, Duration.ZERO)) {
            Map<TopicPartition, Long> positions = Map.of(passed, 1L, unread, 0L);
            long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
            // A record, its mark, an aborted record, its mark.
            while (idle.behind(passed, 1) != 4) {
                assertThat(System.nanoTime() - end).isNegative();
                idle.look(positions);
            }
            assertThat(idle.behind(passed, 0)).isZero();
            assertThat(idle.behind(unread, 0)).isZero();
        }
    }

    @Test
    void aJobThatBeganAtTheLatestReadsWhatWasNotCommittedThenAndGoesOnWhereItBegan()
            throws Exception {
        KafkaSettings settings = settings("latest", 1).start(StartingPoint.LATEST).build();
        send("latest-in", 0, 0, 2);
        String savepoint;
        try (var open = TestingClients.producer(kafka.bootstrapServers(), "open", Map.of())) {
            byte[] value = "{\"id\":\"0-1a\",\"prompt\":\"hi\"}".getBytes(UTF_8);
            open.send(new ProducerRecord<>("latest-in", value)).get();
            JobClient first = run(settings, null);
            CommonTestUtils.waitForAllTaskRunning(cluster, first.getJobID(), false);
            // A checkpoint that has a position commits it to the group.
            while (admin.listConsumerGroupOffsets("latest")
                    .partitionsToOffsetAndMetadata()
                    .get()
                    .isEmpty()) {
                Thread.sleep(50);
            }
            savepoint = stop(first);
            open.commitTransaction();
        }
        send("latest-in", 0, 2, 4);
        JobClient second = run(settings, savepoint);
        assertThat(answers("latest-out", 3)).containsExactly("0-1a", "0-2", "0-3");
        second.cancel().get();
    }
}

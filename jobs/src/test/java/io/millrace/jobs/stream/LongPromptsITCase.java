package io.millrace.jobs.stream;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.millrace.gpu.text.HuggingFaceTokenizer;
import io.millrace.jobs.bench.result.Bar;
import io.millrace.jobs.bench.result.BenchOrigin;
import io.millrace.jobs.bench.result.ResultFiles;
import io.millrace.jobs.local.EmbeddedKafka;
import io.millrace.jobs.local.Topics;
import io.millrace.operators.InferencePipeline;
import io.millrace.operators.TestingControl;
import io.millrace.operators.TestingEngine;
import io.millrace.operators.kafka.KafkaPipes;
import io.millrace.operators.kafka.admin.KafkaSettings;
import io.millrace.operators.kafka.admin.TopicLimits;
import io.millrace.operators.kafka.sink.RunHeaders;
import io.millrace.operators.options.PipelineOptions;
import io.millrace.schemas.InferenceFailure;
import io.millrace.schemas.codec.FormatSettings;
import io.millrace.schemas.codec.RecordCodec;
import io.millrace.schemas.codec.record.RecordType;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.RestartStrategyOptions;
import org.apache.flink.configuration.WebOptions;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.runtime.checkpoint.AbstractCheckpointStats;
import org.apache.flink.runtime.checkpoint.CheckpointStatsStatus;
import org.apache.flink.runtime.minicluster.MiniCluster;
import org.apache.flink.runtime.testutils.MiniClusterResourceConfiguration;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.test.junit5.InjectMiniCluster;
import org.apache.flink.test.junit5.MiniClusterExtension;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Long prompts among short ones: what checkpoints take meanwhile, and by how much the short ones
 * are delayed, with Kafka and the tokenizer of {@code models/triage}.
 *
 * <p>The bars are 100 ms for the 99th percentile of checkpoints and 200 ms for the delay. They are
 * judged by hand, from a quiet machine; here the same run without long prompts says how noisy this
 * one is. {@code -Dmillrace.results.write=true} writes the figures to {@code docs/results}.
 */
@Timeout(300)
class LongPromptsITCase {
    private static final int SHORT = 600;
    private static final int SHORT_EVERY_MS = 10;

    /** The long ones come behind this many short ones. */
    private static final int WARM_UP = 200;

    private static final long CHECKPOINT_EVERY_MS = 100;
    private static final double MOST_CHECKPOINT_MS = 100;
    private static final double MOST_DELAY_MS = 200;

    /** By how much a machine that has other work may miss the bars. */
    private static final int SLACK = 20;

    private static final String ALPHABET =
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    private static final Path TRIAGE = Path.of("..", "models", "triage");
    private static final Path RESULTS = Path.of("..", "docs", "results");

    /** What the long prompts are, and what becomes of them. */
    private enum Case {
        NONE("no long prompts", 0, 0, 1024, false),
        BY_LENGTH("40 prompts of 1 MB, refused by their length", 40, 1_000_000, 1024, false),
        BY_TOKENS("40 prompts of 1 MB, refused once tokenized", 40, 1_000_000, 1024, true),
        VALID("a valid prompt of 128k tokens", 1, 2 * 128 * 1024, 1 << 18, false);

        final String words;
        final int records;
        final int size;
        final int context;
        final boolean unbounded;

        Case(String words, int records, int size, int context, boolean unbounded) {
            this.words = words;
            this.records = records;
            this.size = size;
            this.context = context;
            this.unbounded = unbounded;
        }

        /** Base64 that nobody can compress; a valid one has a token every two characters. */
        String prompt(Random random) {
            StringBuilder text = new StringBuilder(size);
            for (int i = 0; i < size; i++) {
                text.append(
                        this == VALID
                                ? i % 2 == 0 ? ' ' : '#'
                                : ALPHABET.charAt(random.nextInt(ALPHABET.length())));
            }
            return text.toString();
        }
    }

    /**
     * What a run was like, ms.
     *
     * @param median of what short ones waited, from the producer's clock to the last token
     * @param worst the longest such wait
     * @param checkpoint99 99th percentile of the checkpoints' durations from the first long one on
     * @param checkpoints how many these were
     */
    private record Figures(double median, double worst, double checkpoint99, int checkpoints) {}

    @RegisterExtension
    static final MiniClusterExtension FLINK =
            new MiniClusterExtension(
                    new MiniClusterResourceConfiguration.Builder()
                            .setConfiguration(
                                    new Configuration()
                                            .set(WebOptions.CHECKPOINTS_HISTORY_SIZE, 10_000))
                            .setNumberTaskManagers(1)
                            .setNumberSlotsPerTaskManager(1)
                            .build());

    @TempDir static Path folder;

    private static EmbeddedKafka kafka;

    /** Of a run without long prompts; null before it. */
    private static Figures quiet;

    @BeforeAll
    static void start() throws Exception {
        kafka = EmbeddedKafka.start(folder.resolve("kafka"));
    }

    @AfterAll
    static void stop() {
        kafka.close();
    }

    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "NONE")
    void longPromptsDelayNobody(Case longOnes, @InjectMiniCluster MiniCluster cluster)
            throws Exception {
        if (quiet == null) {
            // Twice: the first run also loads classes and compiles.
            run(Case.NONE, "warm", cluster);
            quiet = run(Case.NONE, "quiet", cluster);
        }
        Figures figures = run(longOnes, longOnes.name(), cluster);
        double delay = Math.max(0, figures.worst - quiet.median);
        String told =
                "%s: %s, delay %.0f ms; without: %s"
                        .formatted(longOnes.words, figures, delay, quiet);
        System.out.println(told);
        assertThat(figures.checkpoints).as(told).isPositive();
        double noise = quiet.checkpoint99 / MOST_CHECKPOINT_MS;
        assertThat(figures.checkpoint99)
                .as(told)
                .isLessThan(SLACK * MOST_CHECKPOINT_MS * Math.max(1, noise));
        noise = (quiet.worst - quiet.median) / MOST_DELAY_MS;
        assertThat(delay).as(told).isLessThan(SLACK * MOST_DELAY_MS * Math.max(1, noise));
        if (Boolean.getBoolean("millrace.results.write")) {
            write(longOnes, figures, delay);
        }
    }

    private static void write(Case longOnes, Figures figures, double delay) throws Exception {
        BenchOrigin origin = BenchOrigin.of(Path.of(".."));
        String among = longOnes.words + " among short ones, ";
        ResultFiles.replaceBars(
                RESULTS,
                List.of(
                        bar(among + "checkpoint p99: at most 100 ms", figures.checkpoint99, origin),
                        bar(
                                among + "longest delay of a good request: at most 200 ms",
                                delay,
                                origin)));
    }

    private static Bar bar(String words, double value, BenchOrigin origin) {
        return new Bar(
                "Right where a good guess is wrong: model folders, requests, hardware",
                words,
                Math.round(value),
                "ms",
                "mvn -pl jobs -am verify -Dit.test=LongPromptsITCase -Dmillrace.results.write=true",
                origin.machine(),
                origin.commit());
    }

    private static Figures run(Case longOnes, String name, MiniCluster cluster) throws Exception {
        try (Topics topics = new Topics(kafka.bootstrapServers(), Map.of())) {
            // One partition: a short one is behind the long ones that came before it.
            topics.createIfAbsent(name, 1, Map.of("max.message.bytes", "4194304"));
            topics.createIfAbsent(name + "-answers", 1);
            topics.createIfAbsent(name + "-dead", 1);
        }
        TestingControl.of(name).tokenizer(tokenizer(longOnes.unbounded), 1 << 14);
        JobClient job = submit(longOnes, name);
        long begun = send(longOnes, name);
        List<ConsumerRecord<byte[], byte[]>> answers = new ArrayList<>();
        List<ConsumerRecord<byte[], byte[]>> dead = new ArrayList<>();
        int refused = longOnes == Case.VALID ? 0 : longOnes.records;
        try (var answered =
                        new TestingClients.TestingReader(
                                kafka.bootstrapServers(), name + "-answers");
                var failed =
                        new TestingClients.TestingReader(
                                kafka.bootstrapServers(), name + "-dead")) {
            while (answers.size() < SHORT + longOnes.records - refused || dead.size() < refused) {
                answers.addAll(answered.toTheEnd());
                dead.addAll(failed.toTheEnd());
                TimeUnit.MILLISECONDS.sleep(20);
            }
        }
        RecordCodec<InferenceFailure> codec =
                RecordCodec.open(RecordType.FAILURE, FormatSettings.JSON, null);
        for (ConsumerRecord<byte[], byte[]> failure : dead) {
            assertThat(codec.decode(failure.value()).getCode()).isEqualTo("prompt_too_long");
        }
        long end = System.currentTimeMillis();
        List<Double> checkpoints = new ArrayList<>();
        var history =
                cluster.getExecutionGraph(job.getJobID())
                        .get(30, TimeUnit.SECONDS)
                        .getCheckpointStatsSnapshot()
                        .getHistory();
        for (AbstractCheckpointStats checkpoint : history.getCheckpoints()) {
            if (checkpoint.getStatus() == CheckpointStatsStatus.COMPLETED
                    && checkpoint.getTriggerTimestamp() >= begun - CHECKPOINT_EVERY_MS
                    && checkpoint.getTriggerTimestamp() <= end) {
                checkpoints.add((double) checkpoint.getEndToEndDuration());
            }
        }
        job.cancel().get(30, TimeUnit.SECONDS);
        double[] waits =
                answers.stream()
                        .filter(answer -> new String(answer.key(), UTF_8).startsWith("short"))
                        .skip(WARM_UP / 2)
                        .mapToDouble(LongPromptsITCase::waited)
                        .sorted()
                        .toArray();
        double[] sorted = checkpoints.stream().mapToDouble(Double::doubleValue).sorted().toArray();
        return new Figures(
                waits[waits.length / 2],
                waits[waits.length - 1],
                sorted.length == 0 ? 0 : sorted[(int) Math.ceil(0.99 * sorted.length) - 1],
                sorted.length);
    }

    /** From the producer's clock to the last token. */
    private static double waited(ConsumerRecord<byte[], byte[]> answer) {
        byte[] finished = answer.headers().lastHeader(RunHeaders.FINISHED_MS).value();
        return Long.parseLong(new String(finished, UTF_8)) - answer.timestamp();
    }

    /** Short ones at a steady pace, and the long ones among them; when these began, ms. */
    private static long send(Case longOnes, String name) throws Exception {
        Random random = new Random(1);
        List<byte[]> values = new ArrayList<>();
        for (int i = 0; i < longOnes.records; i++) {
            String value =
                    "{\"id\":\"long%d\",\"max_tokens\":3,\"prompt\":\"%s\"}"
                            .formatted(i, longOnes.prompt(random));
            values.add(value.getBytes(UTF_8));
        }
        long begun = 0;
        try (KafkaProducer<byte[], byte[]> producer =
                TestingClients.producer(
                        kafka.bootstrapServers(), null, Map.of("max.request.size", "4194304"))) {
            long next = System.nanoTime();
            for (int i = 0; i < SHORT; i++) {
                if (i == WARM_UP) {
                    begun = System.currentTimeMillis();
                }
                if (i >= WARM_UP && i < WARM_UP + values.size()) {
                    producer.send(
                            new ProducerRecord<>(
                                    name, "long".getBytes(UTF_8), values.get(i - WARM_UP)));
                }
                String id = "short" + i;
                String value =
                        "{\"id\":\"%s\",\"prompt\":\"Dear friend, offer %d\",\"max_tokens\":3,\"ignore_eos\":true}"
                                .formatted(id, i);
                producer.send(
                        new ProducerRecord<>(
                                name,
                                null,
                                System.currentTimeMillis(),
                                id.getBytes(UTF_8),
                                value.getBytes(UTF_8)));
                next += TimeUnit.MILLISECONDS.toNanos(SHORT_EVERY_MS);
                TimeUnit.NANOSECONDS.sleep(next - System.nanoTime());
            }
        }
        return begun;
    }

    private static JobClient submit(Case longOnes, String name) throws Exception {
        Configuration configuration = new Configuration();
        configuration.set(RestartStrategyOptions.RESTART_STRATEGY, "disable");
        configuration.set(org.apache.flink.configuration.PipelineOptions.GENERIC_TYPES, false);
        configuration.set(
                CheckpointingOptions.CHECKPOINTS_DIRECTORY,
                folder.resolve("checkpoints").toUri().toString());
        StreamExecutionEnvironment env =
                StreamExecutionEnvironment.getExecutionEnvironment(configuration);
        env.setParallelism(1);
        env.enableCheckpointing(CHECKPOINT_EVERY_MS);
        KafkaSettings settings =
                KafkaSettings.builder()
                        .bootstrapServers(kafka.bootstrapServers())
                        .topics(name)
                        .outputTopic(name + "-answers")
                        .deadLetterTopic(name + "-dead")
                        .applicationId(name)
                        .build();
        TopicLimits limits = TopicLimits.read(settings, 1);
        PipelineOptions options =
                PipelineOptions.builder(
                                TestingEngine.options(name).withMaxModelLen(longOnes.context),
                                TestingEngine.loader())
                        .maxPromptBytes(Math.max(1 << 20, longOnes.size))
                        .failures(KafkaPipes.failures(settings, limits))
                        .build();
        TestingControl.of(name).stepTime(Duration.ofMillis(1));
        InferencePipeline.build(env, KafkaPipes.source(settings), name, options)
                .sinkTo(KafkaPipes.sink(settings, limits))
                .uid("answers");
        return env.executeAsync(name);
    }

    /**
     * @param unbounded with a normalizer that may shorten a text: no length says how many tokens
     */
    private static HuggingFaceTokenizer tokenizer(boolean unbounded) throws Exception {
        ObjectMapper json = new ObjectMapper();
        ObjectNode root =
                (ObjectNode) json.readTree(Files.readString(TRIAGE.resolve("tokenizer.json")));
        if (unbounded) {
            root.putObject("normalizer").put("type", "NFC");
        }
        Path file = folder.resolve(unbounded ? "unbounded.json" : "tokenizer.json");
        Files.writeString(file, json.writeValueAsString(root));
        return HuggingFaceTokenizer.open(file);
    }
}

package io.millrace.jobs.stream;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.jobs.local.EmbeddedKafka;
import io.millrace.jobs.local.Topics;
import io.millrace.operators.InferencePipeline;
import io.millrace.operators.TestingControl;
import io.millrace.operators.TestingEngine;
import io.millrace.operators.kafka.KafkaPipes;
import io.millrace.operators.kafka.admin.KafkaSettings;
import io.millrace.operators.kafka.admin.TopicLimits;
import io.millrace.operators.options.PipelineOptions;
import io.millrace.schemas.InferenceFailure;
import io.millrace.schemas.codec.FormatSettings;
import io.millrace.schemas.codec.RecordCodec;
import io.millrace.schemas.codec.RecordType;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.RestartStrategyOptions;
import org.apache.flink.runtime.testutils.MiniClusterResourceConfiguration;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.test.junit5.MiniClusterExtension;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/** Law 3: one bad request costs one request. */
@Timeout(120)
class BadInputITCase {

    /** All prompts, for the long run: one in a hundred is bad. */
    private static final Integer ALL = Integer.getInteger("millrace.bad.prompts");

    private static final int BAD = ALL == null ? 26 : ALL / 100;
    private static final int GOOD = ALL == null ? 300 : ALL - BAD;
    private static final int BETWEEN = ALL == null ? 11 : 99;
    private static final int PARALLELISM = 2;

    @RegisterExtension
    static final MiniClusterExtension FLINK =
            new MiniClusterExtension(
                    new MiniClusterResourceConfiguration.Builder()
                            .setNumberTaskManagers(1)
                            .setNumberSlotsPerTaskManager(PARALLELISM)
                            .build());

    @TempDir static Path folder;

    /** A bad record: what is wrong, and how its failure says so. */
    private record Bad(byte[] value, String code, String message) {}

    private static Bad bad(String json, String code, String message) {
        return new Bad(json.getBytes(UTF_8), code, message);
    }

    private static List<Bad> badRecords() {
        return List.of(
                new Bad(null, "unreadable", "tombstone"),
                new Bad(new byte[0], "unreadable", "the record is empty"),
                new Bad(new byte[] {(byte) 0xFF, 0}, "unreadable", "byte 0 is not valid UTF-8"),
                bad(
                        "{\"id\":\"b\",\"prompt\":\"hi",
                        "unreadable",
                        "not valid JSON in field prompt"),
                bad("{\"id\":\"b\",\"promt\":\"hi\"}", "unknown_field", "did you mean prompt?"),
                bad("{\"prompt\":\"hi\"}", "missing_id", "id is missing"),
                bad("{\"id\":\"\",\"prompt\":\"hi\"}", "missing_id", "id is empty"),
                bad("{\"id\":\"b\"}", "empty_prompt", "prompt"),
                bad("{\"id\":\"b\",\"prompt\":\"\"}", "empty_prompt", "prompt is empty"),
                bad(request("\"prompt_token_ids\":[1]"), "ambiguous_prompt", "More than one"),
                bad(
                        "{\"id\":\"b\",\"prompt\":\"" + "p".repeat(5000) + "\"}",
                        "prompt_too_long",
                        "5000"),
                bad(
                        "{\"id\":\"b\",\"prompt\":\"" + "p".repeat(1 << 20) + "\"}",
                        "prompt_too_long",
                        "1048576"),
                bad(request("\"max_tokens\":-1"), "invalid_parameter", "max_tokens is -1"),
                bad(request("\"max_tokens\":1.5"), "invalid_parameter", "field max_tokens"),
                bad(request("\"max_tokens\":\"5\""), "invalid_parameter", "without quotes"),
                new Bad(
                        new byte[] {0, 0, 0, 0, 17, 2, '1'},
                        "unreadable",
                        "not JSON, but Confluent's wire format"),
                bad(
                        "{\"custom_id\":\"b\",\"body\":{}}",
                        "unknown_field",
                        "a line of OpenAI's batch format"),
                bad(request("\"deadline_ms\":1764000000"), "invalid_parameter", "not seconds"),
                bad(request("\"temperature\":-0.1"), "invalid_parameter", "temperature is -0.1"),
                bad(request("\"temperature\":NaN"), "invalid_parameter", "temperature is NaN"),
                bad(request("\"top_p\":0"), "invalid_parameter", "top_p is 0"),
                bad(request("\"n\":1000000"), "invalid_parameter", "n is 1000000"),
                bad(request("\"stop\":[\"\"]"), "invalid_parameter", "stop is"),
                bad(request("\"model\":\"another\""), "unknown_model", "another"),
                bad(
                        request("\"constraint\":{\"regex\":\"a+\"}"),
                        "unsupported",
                        "constraint.regex is set"),
                bad(
                        request("\"max_tokens\":3000,\"ignore_eos\":true"),
                        "result_too_large",
                        "topic answers takes 8192"));
    }

    private static String request(String more) {
        return "{\"id\":\"b\",\"prompt\":\"hi\"," + more + "}";
    }

    @Test
    void eachBadRecordIsOneFailureAndEverythingElseIsAnswered() throws Exception {
        try (EmbeddedKafka kafka = EmbeddedKafka.start(folder)) {
            try (Topics topics = new Topics(kafka.bootstrapServers(), Map.of())) {
                topics.createIfAbsent("prompts", 3, Map.of("max.message.bytes", "4194304"));
                topics.createIfAbsent("answers", 1, Map.of("max.message.bytes", "8192"));
                topics.createIfAbsent("dead", 1);
            }
            List<Bad> kinds = badRecords();
            List<Bad> bad = new ArrayList<>();
            for (int i = 0; i < BAD; i++) {
                Bad kind = kinds.get(i % kinds.size());
                byte[] value = kind.value() == null ? null : kind.value().clone();
                bad.add(new Bad(value, kind.code(), kind.message()));
            }
            Map<String, Bad> expected = new LinkedHashMap<>();
            List<ProducerRecord<byte[], byte[]>> records = new ArrayList<>();
            for (int i = 0; i < GOOD; i++) {
                // Each id twice: ids are the user's business.
                String json = "{\"id\":\"" + i / 2 + "\",\"prompt\":\"good " + i + "\"}";
                records.add(record(json.getBytes(UTF_8)));
                if (i % BETWEEN == 7 && i / BETWEEN < bad.size()) {
                    records.add(record(bad.get(i / BETWEEN).value()));
                }
            }
            List<RecordMetadata> places = TestingClients.send(kafka.bootstrapServers(), records);
            for (int i = 0, b = 0; i < records.size() && b < bad.size(); i++) {
                if (records.get(i).value() == bad.get(b).value()) {
                    expected.put(
                            places.get(i).partition() + "@" + places.get(i).offset(), bad.get(b++));
                }
            }
            assertThat(expected).hasSize(bad.size());

            run(kafka.bootstrapServers());

            Map<String, InferenceFailure> failures = new TreeMap<>();
            var failureCodec = RecordCodec.open(RecordType.FAILURE, FormatSettings.JSON, null);
            for (ConsumerRecord<byte[], byte[]> record :
                    TestingClients.committed(kafka.bootstrapServers(), "dead")) {
                InferenceFailure failure = failureCodec.decode(record.value());
                String place = failure.getPartition() + "@" + failure.getOffset();
                assertThat(failures.put(place, failure)).isNull();
            }
            assertThat(failures.keySet()).containsExactlyInAnyOrderElementsOf(expected.keySet());
            expected.forEach(
                    (place, wrong) -> {
                        InferenceFailure failure = failures.get(place);
                        assertThat(failure.getTopic()).isEqualTo("prompts");
                        assertThat(failure.getCode())
                                .as(failure.getMessage())
                                .isEqualTo(wrong.code());
                        assertThat(failure.getMessage()).contains(wrong.message());
                        assertThat(failure.getOriginalLength())
                                .isEqualTo(wrong.value() == null ? 0 : wrong.value().length);
                    });
            assertThat(failures.values().stream().mapToInt(f -> f.getOriginal().remaining()).max())
                    .hasValue(65_536);

            Map<String, Integer> answers = new TreeMap<>();
            var resultCodec = RecordCodec.open(RecordType.RESULT, FormatSettings.JSON, null);
            for (ConsumerRecord<byte[], byte[]> record :
                    TestingClients.committed(kafka.bootstrapServers(), "answers")) {
                answers.merge(resultCodec.decode(record.value()).getId(), 1, Integer::sum);
            }
            assertThat(answers).hasSize(GOOD / 2);
            assertThat(answers.values()).containsOnly(2);
            assertThat(TestingControl.of("bad-input").loads()).isEqualTo(1);
        }
    }

    private static ProducerRecord<byte[], byte[]> record(byte[] value) {
        return new ProducerRecord<>("prompts", value);
    }

    /** Fails if the job does: it may not restart. */
    private static void run(String bootstrapServers) throws Exception {
        Configuration configuration = new Configuration();
        configuration.set(RestartStrategyOptions.RESTART_STRATEGY, "disable");
        StreamExecutionEnvironment env =
                StreamExecutionEnvironment.getExecutionEnvironment(configuration);
        env.setParallelism(PARALLELISM);
        env.enableCheckpointing(200);
        KafkaSettings settings =
                KafkaSettings.builder()
                        .bootstrapServers(bootstrapServers)
                        .topics("prompts")
                        .outputTopic("answers")
                        .deadLetterTopic("dead")
                        .applicationId("bad-input")
                        .bounded(true)
                        .build();
        PipelineOptions options =
                PipelineOptions.builder(TestingEngine.options("bad-input"), TestingEngine.loader())
                        .build();
        InferencePipeline.build(env, KafkaPipes.source(settings), "prompts", options)
                .sinkTo(KafkaPipes.sink(settings, TopicLimits.read(settings, PARALLELISM)))
                .uid("answers");
        env.execute();
    }
}

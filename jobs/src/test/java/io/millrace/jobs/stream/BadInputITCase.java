package io.millrace.jobs.stream;

import static java.nio.charset.StandardCharsets.UTF_16;
import static java.nio.charset.StandardCharsets.UTF_16BE;
import static java.nio.charset.StandardCharsets.UTF_16LE;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.jobs.local.EmbeddedKafka;
import io.millrace.jobs.local.Topics;
import io.millrace.operators.TestingControl;
import io.millrace.operators.kafka.admin.KafkaSettings;
import io.millrace.schemas.InferenceFailure;
import io.millrace.schemas.InferenceRequest;
import io.millrace.schemas.codec.FormatSettings;
import io.millrace.schemas.codec.RecordCodec;
import io.millrace.schemas.codec.record.RecordType;
import io.millrace.schemas.codec.record.SchemaRef;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.Charset;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.zip.GZIPOutputStream;
import org.apache.flink.runtime.testutils.MiniClusterResourceConfiguration;
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

    /** Good records to each bad one. */
    private static final int BETWEEN = ALL == null ? 5 : 99;

    private static final int PARALLELISM = 2;

    @RegisterExtension
    static final MiniClusterExtension FLINK =
            new MiniClusterExtension(
                    new MiniClusterResourceConfiguration.Builder()
                            .setNumberTaskManagers(1)
                            .setNumberSlotsPerTaskManager(PARALLELISM)
                            .build());

    @TempDir static Path folder;

    /**
     * A bad record: what is wrong, and how its failure says so.
     *
     * @param schemaId a header of Confluent's clients; null for none
     */
    private record Bad(byte[] value, byte[] schemaId, String code, String message) {
        Bad(byte[] value, String code, String message) {
            this(value, null, code, message);
        }
    }

    private static Bad bad(String json, String code, String message) {
        return new Bad(json.getBytes(UTF_8), code, message);
    }

    /** What the page of formats says of records that are refused. */
    private static List<Bad> documented() throws IOException {
        String page = Files.readString(Path.of("../docs/formats.md"));
        String start = "<!-- refused -->";
        int from = page.indexOf(start);
        String table = page.substring(from, page.indexOf("<!-- end -->", from));
        List<Bad> rows =
                Pattern.compile("^\\| `(.*)` \\| `(\\w+)` \\| (.*) \\|$", Pattern.MULTILINE)
                        .matcher(table)
                        .results()
                        .map(row -> bad(row.group(1), row.group(2), row.group(3)))
                        .toList();
        assertThat(rows).hasSize((int) table.lines().count() - 3).hasSizeGreaterThan(20);
        return rows;
    }

    /** What comes from producers of other formats. */
    private static List<Bad> ofOtherFormats() throws IOException {
        byte[] json = request("\"seed\":1").getBytes(UTF_8);
        InferenceRequest request = InferenceRequest.newBuilder().setId("b").setPrompt("hi").build();
        byte[] avro =
                RecordCodec.open(RecordType.REQUEST, FormatSettings.AVRO, null).encode(request);
        byte[] binary = Arrays.copyOfRange(avro, 10, avro.length);
        byte[] guid = ByteBuffer.allocate(17).put((byte) 1).array();
        ByteArrayOutputStream zipped = new ByteArrayOutputStream();
        try (GZIPOutputStream out = new GZIPOutputStream(zipped)) {
            out.write(json);
        }
        List<Bad> bad = new ArrayList<>();
        bad.add(unreadable(framed(binary), null, "use --format confluent with --registry-url"));
        bad.add(unreadable(framed(json), null, "have the producer write JSON alone"));
        bad.add(unreadable(binary, guid, "whose schema a header, __value_schema_id, names"));
        bad.add(unreadable(avro, null, "use --format avro"));
        bad.add(unreadable(zipped.toByteArray(), null, "gzip: let the producer compress"));
        for (Charset charset : List.of(UTF_16, UTF_16LE, UTF_16BE)) {
            byte[] text = new String(json, UTF_8).getBytes(charset);
            bad.add(unreadable(text, null, "UTF-16 or UTF-32 text: write UTF-8"));
        }
        bad.add(
                bad(
                        "{\"before\":null,\"after\":{\"id\":\"b\"},\"op\":\"c\"}",
                        "unknown_field",
                        "a change event of Debezium"));
        return bad;
    }

    private static Bad unreadable(byte[] value, byte[] schemaId, String message) {
        return new Bad(value, schemaId, "unreadable", message);
    }

    /** As clients of a schema registry put its number before a value. */
    private static byte[] framed(byte[] value) {
        return ByteBuffer.allocate(5 + value.length).put((byte) 0).putInt(17).put(value).array();
    }

    private static List<Bad> ofTheContract() {
        return List.of(
                new Bad(null, "unreadable", "tombstone"),
                new Bad(new byte[0], "unreadable", "the record is empty"),
                new Bad(new byte[] {(byte) 0xFF, 0}, "unreadable", "byte 0 is not valid UTF-8"),
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
                bad(request("\"max_tokens\":\"5\""), "invalid_parameter", "without quotes"),
                bad(request("\"max_completion_tokens\":5"), "unknown_field", "write max_tokens"),
                bad(request("\"deadline_ms\":1764000000"), "invalid_parameter", "not seconds"),
                bad(request("\"temperature\":-0.1"), "invalid_parameter", "temperature is -0.1"),
                bad(request("\"temperature\":NaN"), "invalid_parameter", "temperature is NaN"),
                bad(request("\"top_p\":0"), "invalid_parameter", "top_p is 0"),
                bad(request("\"n\":1000000"), "invalid_parameter", "n is 1000000"),
                bad(request("\"stop\":[\"\"]"), "invalid_parameter", "stop is"),
                bad(request("\"model\":\"another\""), "unknown_model", "another"),
                bad(
                        request("\"constraint\":{\"regex\":\"a+\",\"choice\":[\"a\"]}"),
                        "invalid_parameter",
                        "constraint has 2 of choice, regex and json_schema"),
                bad(
                        request("\"max_tokens\":3000,\"ignore_eos\":true"),
                        "result_too_large",
                        "topic answers takes 8192"));
    }

    /** What is taken as it comes from programs of all kinds: id and prompt are put in. */
    private static final List<String> GOOD =
            List.of(
                    "{%s,\"prompt\":\"%s\"}",
                    "\uFEFF\n {%s,\"prompt\":\"%s\",\"max_tokens\":4.0} \n",
                    "{%s,\"prompt\":\"%s\",\"stop\":\"END\",\"seed\":null}",
                    "{%s,\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"%s\"}]}]}");

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
            List<Bad> kinds = new ArrayList<>(ofTheContract());
            kinds.addAll(ofOtherFormats());
            kinds.addAll(documented());
            List<Bad> bad = new ArrayList<>();
            for (int i = 0; i < (ALL == null ? kinds.size() : ALL / 100); i++) {
                Bad kind = kinds.get(i % kinds.size());
                byte[] value = kind.value() == null ? null : kind.value().clone();
                bad.add(new Bad(value, kind.schemaId(), kind.code(), kind.message()));
            }
            // Ids come in pairs.
            int all = ALL == null ? BETWEEN * (bad.size() + 1) : ALL - bad.size();
            int good = all / 2 * 2;
            Map<String, Bad> expected = new LinkedHashMap<>();
            List<ProducerRecord<byte[], byte[]>> records = new ArrayList<>();
            for (int i = 0; i < good; i++) {
                // Each id twice: ids are the user's business.
                String json =
                        GOOD.get(i % GOOD.size())
                                .formatted("\"id\":\"" + i / 2 + "\"", "good " + i);
                records.add(new ProducerRecord<>("prompts", json.getBytes(UTF_8)));
                if (i % BETWEEN == 3 && i / BETWEEN < bad.size()) {
                    records.add(record(bad.get(i / BETWEEN)));
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

            TestingJob.run(
                    KafkaSettings.builder()
                            .bootstrapServers(kafka.bootstrapServers())
                            .topics("prompts")
                            .outputTopic("answers")
                            .deadLetterTopic("dead")
                            .applicationId("bad-input")
                            .bounded(true)
                            .build(),
                    PARALLELISM);

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
            assertThat(answers).hasSize(good / 2);
            assertThat(answers.values()).containsOnly(2);
            assertThat(TestingControl.of("bad-input").loads()).isEqualTo(1);
        }
    }

    private static ProducerRecord<byte[], byte[]> record(Bad bad) {
        ProducerRecord<byte[], byte[]> record = new ProducerRecord<>("prompts", bad.value());
        if (bad.schemaId() != null) {
            record.headers().add(SchemaRef.HEADER, bad.schemaId());
        }
        return record;
    }
}

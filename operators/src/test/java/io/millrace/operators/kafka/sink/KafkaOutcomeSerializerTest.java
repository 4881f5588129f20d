package io.millrace.operators.kafka.sink;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.operators.event.EventAnswer;
import io.millrace.operators.event.EventReading;
import io.millrace.operators.event.TestingEvents;
import io.millrace.operators.kafka.admin.KafkaSettings;
import io.millrace.operators.kafka.admin.KafkaSettingsTest;
import io.millrace.operators.kafka.admin.KafkaSetupException;
import io.millrace.operators.kafka.admin.TopicLimits;
import io.millrace.operators.record.Origin;
import io.millrace.operators.record.Outcome;
import io.millrace.operators.record.Position;
import io.millrace.schemas.Completion;
import io.millrace.schemas.FailureCode;
import io.millrace.schemas.InferenceFailure;
import io.millrace.schemas.InferenceResult;
import io.millrace.schemas.Usage;
import io.millrace.schemas.codec.FormatSettings;
import io.millrace.schemas.codec.RecordCodec;
import io.millrace.schemas.codec.record.RecordType;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.TreeMap;
import org.apache.flink.util.InstantiationUtil;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Header;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class KafkaOutcomeSerializerTest {

    private static final Outcome.RunFacts REFUSED = new Outcome.RunFacts(1, 0, 0, 4, 0, 6);

    private static final int AMPLE = 1 << 20;
    private static final byte[] KEY = "key".getBytes(UTF_8);

    private static KafkaOutcomeSerializer serializer(FormatSettings format, TopicLimits limits) {
        KafkaOutcomeSerializer serializer =
                new KafkaOutcomeSerializer(
                        KafkaSettingsTest.settings().format(format).build(), limits);
        serializer.open();
        return serializer;
    }

    private static ProducerRecord<byte[], byte[]> serialize(TopicLimits limits, Outcome outcome) {
        return serializer(FormatSettings.JSON, limits).serialize(outcome, null, null);
    }

    private static Origin origin(byte[] key, byte[] value, Origin.Header... headers) {
        return new Origin(
                "in", new Position.InPartition(3, 97), 54_000, key, List.of(headers), value);
    }

    private static Origin.Header header(String name, int size) {
        byte[] value = new byte[size];
        Arrays.fill(value, (byte) 'h');
        return new Origin.Header(name, value);
    }

    private static Outcome answered(Origin origin, int textSize) {
        InferenceResult result =
                InferenceResult.newBuilder()
                        .setId("1")
                        .setModel("m")
                        .setModelFingerprint("f")
                        .setCompletions(
                                List.of(
                                        new Completion(
                                                0,
                                                "t".repeat(textSize),
                                                List.of(),
                                                "stop",
                                                null,
                                                null,
                                                null,
                                                null)))
                        .setUsage(new Usage(1, 1))
                        .build();
        return new Outcome.Answered(origin, result, new Outcome.RunFacts(1, 2, 3, 4, 5, 6));
    }

    private static Outcome failed(Origin origin) {
        return new Outcome.Failed(origin, "1", FailureCode.UNREADABLE, "not JSON", REFUSED);
    }

    private static InferenceFailure failure(ProducerRecord<byte[], byte[]> record)
            throws Exception {
        assertThat(record.topic()).isEqualTo("dead");
        return RecordCodec.open(RecordType.FAILURE, FormatSettings.JSON, null)
                .decode(record.value());
    }

    private static String sha256(byte[] bytes) throws Exception {
        return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    }

    @Test
    void aResultKeepsKeyHeadersAndTimestampAndTellsOfItsRun() {
        Origin origin =
                origin(
                        KEY,
                        new byte[0],
                        header("trace", 1),
                        header(RunHeaders.ATTEMPTS, 2),
                        header("trace", 3));
        ProducerRecord<byte[], byte[]> record =
                serialize(KafkaSettingsTest.limits(AMPLE, AMPLE, AMPLE), answered(origin, 17));
        assertThat(record.topic()).isEqualTo("out");
        assertThat(record.partition()).isNull();
        assertThat(record.key()).isEqualTo(KEY);
        assertThat(record.timestamp()).isEqualTo(54_000);
        assertThat(Arrays.stream(record.headers().toArray()).map(this::shown))
                .containsExactly(
                        "trace=h",
                        "trace=hhh",
                        "millrace.arrived_ms=1",
                        "millrace.admitted_ms=2",
                        "millrace.first_token_ms=3",
                        "millrace.finished_ms=4",
                        "millrace.cached_tokens=5",
                        "millrace.attempts=6",
                        "millrace.request_timestamp_ms=54000");
    }

    @Test
    void anEventHasItsAnswerAndHeadersTellTheRestOfTheResult() throws Exception {
        EventReading reading = new EventReading(TestingEvents.form(9).build());
        Origin origin = origin(KEY, "{\"text\":\"x\", \"n\": 1e400}".getBytes(UTF_8));
        Outcome.Answered plain = (Outcome.Answered) answered(origin, 3);
        Outcome answered =
                new Outcome.Answered(
                        origin, plain.result(), plain.facts(), new EventAnswer(reading, false));
        ProducerRecord<byte[], byte[]> record =
                serialize(KafkaSettingsTest.limits(AMPLE, AMPLE, AMPLE), answered);
        assertThat(new String(record.value(), UTF_8))
                .isEqualTo("{\"text\":\"x\", \"n\": 1e400,\"answer\":\"ttt\"}");
        assertThat(record.key()).isEqualTo(KEY);
        assertThat(Arrays.stream(record.headers().toArray()).map(this::shown))
                .contains(
                        "millrace.request_timestamp_ms=54000",
                        "millrace.id=1",
                        "millrace.model=m",
                        "millrace.model_fingerprint=f",
                        "millrace.finish_reason=stop",
                        "millrace.prompt_tokens=1",
                        "millrace.completion_tokens=1");
        // Too large with its answer, or not the JSON that was asked for: a dead letter each.
        assertThat(failure(serialize(KafkaSettingsTest.limits(200, AMPLE, AMPLE), answered)))
                .extracting(InferenceFailure::getCode)
                .isEqualTo("result_too_large");
        InferenceFailure failure =
                failure(
                        serialize(
                                KafkaSettingsTest.limits(AMPLE, AMPLE, AMPLE),
                                new Outcome.Answered(
                                        origin,
                                        plain.result(),
                                        plain.facts(),
                                        new EventAnswer(reading, true))));
        assertThat(failure.getCode()).isEqualTo("generation_failed");
        assertThat(failure.getOriginal()).isEqualTo(ByteBuffer.wrap(origin.value()));
    }

    @Test
    void aTombstonePassesWithItsKeyHeadersAndTimestamp() {
        Origin origin = origin(KEY, new byte[0], header("trace", 1));
        ProducerRecord<byte[], byte[]> record =
                serialize(
                        KafkaSettingsTest.limits(AMPLE, AMPLE, AMPLE),
                        new Outcome.Passed(origin, REFUSED));
        assertThat(record.topic()).isEqualTo("out");
        assertThat(record.value()).isNull();
        assertThat(record.key()).isEqualTo(KEY);
        assertThat(record.timestamp()).isEqualTo(54_000);
        assertThat(Arrays.stream(record.headers().toArray()).map(this::shown))
                .contains("trace=h", "millrace.request_timestamp_ms=54000");
    }

    @Test
    void aDeletedRowPassesAsItIs() {
        Origin origin = origin(KEY, "{\"after\":null}".getBytes(UTF_8));
        assertThat(
                        serialize(
                                        KafkaSettingsTest.limits(AMPLE, AMPLE, AMPLE),
                                        new Outcome.Passed(origin, REFUSED))
                                .value())
                .isEqualTo(origin.value());
    }

    private String shown(Header header) {
        return header.key() + "=" + new String(header.value(), UTF_8);
    }

    @Test
    void aFailureSaysWhereItCameFromAndKeepsKeyHeadersAndTimestamp() throws Exception {
        byte[] value = {(byte) 0xFF, 0, 17};
        ProducerRecord<byte[], byte[]> record =
                serialize(
                        KafkaSettingsTest.limits(AMPLE, AMPLE, AMPLE),
                        failed(origin(null, value, header("trace", 1))));
        assertThat(record.key()).isNull();
        assertThat(record.timestamp()).isEqualTo(54_000);
        assertThat(Arrays.stream(record.headers().toArray()).map(this::shown))
                .containsExactly(
                        "trace=h",
                        "millrace.arrived_ms=1",
                        "millrace.finished_ms=4",
                        "millrace.cached_tokens=0",
                        "millrace.attempts=6",
                        "millrace.request_timestamp_ms=54000");
        assertThat(failure(record))
                .isEqualTo(
                        InferenceFailure.newBuilder()
                                .setId("1")
                                .setTopic("in")
                                .setPartition(3)
                                .setOffset(97)
                                .setCode("unreadable")
                                .setMessage("not JSON")
                                .setOriginal(ByteBuffer.wrap(value))
                                .setOriginalLength(3)
                                .setOriginalSha256(sha256(value))
                                .build());
    }

    @ParameterizedTest
    @CsvSource({"-1, true", "0, true", "1, false"})
    void aResultIsMeasuredAsTheBrokerDoes(int over, boolean fits) throws Exception {
        Outcome outcome = answered(origin(KEY, new byte[17], header("trace", 9)), 10_000);
        int size =
                RecordSize.forBroker(
                        serialize(KafkaSettingsTest.limits(AMPLE, AMPLE, AMPLE), outcome), false);
        ProducerRecord<byte[], byte[]> record =
                serialize(KafkaSettingsTest.limits(size - over, AMPLE, AMPLE), outcome);
        assertThat(record.topic()).isEqualTo(fits ? "out" : "dead");
        if (!fits) {
            InferenceFailure failure = failure(record);
            assertThat(failure.getCode()).isEqualTo("result_too_large");
            assertThat(failure.getId()).isEqualTo("1");
            assertThat(failure.getMessage())
                    .contains(
                            "its record has " + size + " bytes, topic out takes " + (size - 1),
                            "raise the topic's max.message.bytes");
        }
    }

    @ParameterizedTest
    @CsvSource({"-1, true", "0, true", "1, false"})
    void aResultIsMeasuredAsTheProducerDoes(int over, boolean fits) throws Exception {
        Outcome outcome = answered(origin(null, new byte[17]), 10_000);
        int size =
                RecordSize.forProducer(
                        serialize(KafkaSettingsTest.limits(AMPLE, AMPLE, AMPLE), outcome));
        ProducerRecord<byte[], byte[]> record =
                serialize(KafkaSettingsTest.limits(AMPLE, AMPLE, size - over), outcome);
        assertThat(record.topic()).isEqualTo(fits ? "out" : "dead");
        if (!fits) {
            assertThat(failure(record).getMessage()).contains("raise max.request.size");
        }
    }

    @Test
    void aCompressedTopicLeavesRoomForWhatCannotBeCompressed() {
        Outcome outcome = answered(origin(null, new byte[17]), 10_000);
        int size =
                RecordSize.forBroker(
                        serialize(KafkaSettingsTest.limits(AMPLE, AMPLE, AMPLE), outcome), false);
        TopicLimits plain = KafkaSettingsTest.limits(size, AMPLE, AMPLE);
        TopicLimits compressed =
                new TopicLimits(
                        new TopicLimits.Topic("out", 1, size, true, Long.MAX_VALUE, Long.MAX_VALUE),
                        plain.deadLetter(),
                        AMPLE,
                        1,
                        new TreeMap<>());
        assertThat(serialize(plain, outcome).topic()).isEqualTo("out");
        assertThat(serialize(compressed, outcome).topic()).isEqualTo("dead");
    }

    @Test
    void aFailureTooLargeKeepsTheFirst64KiBTheLengthAndTheSum() throws Exception {
        byte[] value = new byte[100_001];
        Arrays.fill(value, (byte) 'v');
        Outcome outcome = failed(origin(KEY, value, header("trace", 17)));
        int whole =
                RecordSize.forBroker(
                        serialize(KafkaSettingsTest.limits(AMPLE, AMPLE, AMPLE), outcome), false);
        for (int limit : new int[] {whole - 1, whole, whole + 1}) {
            ProducerRecord<byte[], byte[]> record =
                    serialize(KafkaSettingsTest.limits(AMPLE, limit, AMPLE), outcome);
            InferenceFailure failure = failure(record);
            assertThat(failure.getOriginal().remaining())
                    .isEqualTo(limit < whole ? 65_536 : 100_001);
            assertThat(failure.getOriginalLength()).isEqualTo(100_001);
            assertThat(failure.getOriginalSha256()).isEqualTo(sha256(value));
            assertThat(failure.getOffset()).isEqualTo(97);
            assertThat(record.headers().lastHeader("trace")).isNotNull();
        }
    }

    @Test
    void aFailureStillTooLargeKeepsAsMuchAsFits() throws Exception {
        byte[] value = new byte[100_001];
        Arrays.fill(value, (byte) 'v');
        for (int limit : new int[] {4096, 9_973, 65_536}) {
            ProducerRecord<byte[], byte[]> record =
                    serialize(
                            KafkaSettingsTest.limits(AMPLE, limit, AMPLE),
                            failed(origin(KEY, value, header("trace", 17))));
            // ASCII: one byte more of it would be one byte more of record.
            assertThat(RecordSize.forBroker(record, false)).isEqualTo(limit);
            assertThat(failure(record).getMessage()).isEqualTo("not JSON");
        }
    }

    @Test
    void aFailureLosesItsHeadersOnlyWithTheOriginalGone() throws Exception {
        ProducerRecord<byte[], byte[]> record =
                serialize(
                        KafkaSettingsTest.limits(AMPLE, 8192, AMPLE),
                        failed(origin(KEY, new byte[10], header("a", 5000), header("b", 5000))));
        assertThat(Arrays.stream(record.headers().toArray()).map(Header::key))
                .allMatch(RunHeaders::isOurs);
        assertThat(record.key()).isEqualTo(KEY);
        InferenceFailure failure = failure(record);
        assertThat(failure.getMessage()).isEqualTo("not JSON (2 headers did not fit this record)");
        assertThat(failure.getOriginal().remaining()).isEqualTo(10);
    }

    @Test
    void aFailureWithEverythingTooLargeStillFitsTheLeastTopic() throws Exception {
        byte[] value = new byte[200_000];
        Arrays.fill(value, (byte) 1);
        Outcome outcome =
                new Outcome.Failed(
                        new Origin(
                                "t".repeat(249),
                                new Position.InPartition(Integer.MAX_VALUE, Long.MAX_VALUE),
                                54,
                                new byte[9000],
                                List.of(header("a", 9000)),
                                value),
                        "\u0001".repeat(9000),
                        FailureCode.UNREADABLE,
                        "\u0001".repeat(9000),
                        REFUSED);
        for (FormatSettings format : List.of(FormatSettings.JSON, FormatSettings.AVRO)) {
            ProducerRecord<byte[], byte[]> record =
                    serializer(format, KafkaSettingsTest.limits(AMPLE, 4096, AMPLE))
                            .serialize(outcome, null, null);
            assertThat(RecordSize.forBroker(record, false)).isLessThanOrEqualTo(4096);
            InferenceFailure failure =
                    RecordCodec.open(RecordType.FAILURE, format, null).decode(record.value());
            assertThat(failure.getId()).hasSize(128);
            assertThat(failure.getOffset()).isEqualTo(Long.MAX_VALUE);
            assertThat(failure.getOriginalLength()).isEqualTo(200_000);
            assertThat(failure.getMessage()).contains("did not fit this record");
        }
    }

    @Test
    void aCutLeavesTextText() {
        byte[] text = "aä€😀".getBytes(UTF_8);
        assertThat(FailureFitter.characterBorder(text, 10)).isEqualTo(10);
        int[] borders = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6};
        for (int i = 0; i < 10; i++) {
            assertThat(FailureFitter.characterBorder(text, i)).isEqualTo(borders[i]);
        }
        byte[] noText = new byte[17];
        Arrays.fill(noText, (byte) 0x80);
        assertThat(FailureFitter.characterBorder(noText, 9)).isEqualTo(9);
    }

    @Test
    void aTimestampThatTheBrokerWouldRefuseGivesWayToTheTimeOfWriting() {
        TopicLimits limits =
                new TopicLimits(
                        new TopicLimits.Topic("out", 1, AMPLE, false, 1_000_000, 1_000_000),
                        new TopicLimits.Topic(
                                "dead", 1, AMPLE, false, Long.MAX_VALUE, Long.MAX_VALUE),
                        AMPLE,
                        1,
                        new TreeMap<>());
        long now = System.currentTimeMillis();
        for (long timestamp : new long[] {now, now - 500_000, now + 500_000}) {
            assertThat(serialize(limits, at(timestamp)).timestamp()).isEqualTo(timestamp);
        }
        for (long timestamp :
                new long[] {-1, 0, now - 2_000_000, now + 2_000_000, Long.MAX_VALUE}) {
            ProducerRecord<byte[], byte[]> record = serialize(limits, at(timestamp));
            assertThat(record.timestamp()).isNull();
            assertThat(record.headers().lastHeader(RunHeaders.REQUEST_TIMESTAMP_MS).value())
                    .isEqualTo(Long.toString(timestamp).getBytes(UTF_8));
        }
    }

    private static Outcome at(long timestamp) {
        return answered(
                new Origin(
                        "in",
                        new Position.InPartition(0, 1),
                        timestamp,
                        null,
                        List.of(),
                        new byte[0]),
                1);
    }

    @Test
    void equalOutcomesAreEqualBytes() {
        TopicLimits limits = KafkaSettingsTest.limits(AMPLE, 5000, AMPLE);
        for (Outcome outcome :
                List.of(
                        answered(origin(KEY, new byte[1]), 54),
                        failed(origin(KEY, new byte[9999])))) {
            assertThat(serialize(limits, outcome).value())
                    .isEqualTo(serialize(limits, outcome).value());
        }
    }

    @Test
    void namesBothTopicsToTheConnector() {
        TopicLimits limits = KafkaSettingsTest.limits(AMPLE, AMPLE, AMPLE);
        assertThat(
                        new KafkaOutcomeSerializer(KafkaSettingsTest.settings().build(), limits)
                                .getKafkaDatasetFacet()
                                .orElseThrow()
                                .getTopicIdentifier()
                                .getTopics())
                .containsExactly("out", "dead");
    }

    @Test
    void aWrongBootstrapServerIsOneSentence() {
        KafkaSettings unknown =
                KafkaSettingsTest.settings().bootstrapServers("no-such-host.invalid:9092").build();
        assertThatThrownBy(() -> TopicLimits.read(unknown, 1))
                .isInstanceOf(KafkaSetupException.class)
                .hasMessageContaining("no-such-host.invalid:9092");
    }

    @Test
    void aFailureEncodedAheadIsTheSameRecordAndNotMadeAgain() throws Exception {
        KafkaSettings settings = KafkaSettingsTest.settings().build();
        TopicLimits limits = KafkaSettingsTest.limits(AMPLE, AMPLE, AMPLE);
        byte[] value = "{\"id\":\"7\"".repeat(5_000).getBytes(UTF_8);
        Outcome.Failed failed =
                new Outcome.Failed(
                        origin(KEY, value, header("trace", 17)),
                        "7",
                        FailureCode.UNREADABLE,
                        "no JSON",
                        REFUSED);
        KafkaFailureEncoder encoder =
                InstantiationUtil.clone(new KafkaFailureEncoder(settings, limits));
        Outcome.Failed ahead = failed.with(encoder.encode(failed));
        ProducerRecord<byte[], byte[]> written = serialize(limits, ahead);
        ProducerRecord<byte[], byte[]> expected = serialize(limits, failed);
        assertThat(written).usingRecursiveComparison().isEqualTo(expected);
        assertThat(written).isSameAs(((KafkaFailureEncoder.Encoded) ahead.encoded()).record());
    }

    @Test
    void aFailureMadeAheadForALargerTopicIsMadeAgain() throws Exception {
        Outcome.Failed failed = (Outcome.Failed) failed(origin(KEY, new byte[100_000]));
        KafkaFailureEncoder ahead =
                new KafkaFailureEncoder(
                        KafkaSettingsTest.settings().build(),
                        KafkaSettingsTest.limits(AMPLE, AMPLE, AMPLE));
        ProducerRecord<byte[], byte[]> record =
                serialize(
                        KafkaSettingsTest.limits(AMPLE, 9_973, AMPLE),
                        failed.with(ahead.encode(failed)));
        assertThat(RecordSize.forBroker(record, false)).isLessThanOrEqualTo(9_973);
        assertThat(failure(record).getOriginalLength()).isEqualTo(100_000);
    }
}

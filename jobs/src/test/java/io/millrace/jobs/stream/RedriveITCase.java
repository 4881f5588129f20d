package io.millrace.jobs.stream;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.gpu.common.Sha256;
import io.millrace.jobs.TestingCommand;
import io.millrace.jobs.local.EmbeddedKafka;
import io.millrace.jobs.local.Topics;
import io.millrace.schemas.InferenceFailure;
import io.millrace.schemas.codec.FormatSettings;
import io.millrace.schemas.codec.RecordCodec;
import io.millrace.schemas.codec.record.RecordType;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Dead letters of a real broker are sent again. */
@Timeout(240)
class RedriveITCase {
    private static final RecordCodec<InferenceFailure> CODEC =
            RecordCodec.open(RecordType.FAILURE, FormatSettings.JSON, "dead");

    @TempDir Path folder;

    /**
     * A dead letter of a record.
     *
     * @param kept bytes of the record that it has
     */
    private static ProducerRecord<byte[], byte[]> letter(
            String topic, long offset, String code, byte[] value, int kept) {
        InferenceFailure failure =
                InferenceFailure.newBuilder()
                        .setTopic(topic)
                        .setPartition(0)
                        .setOffset(offset)
                        .setCode(code)
                        .setMessage("why")
                        .setOriginal(ByteBuffer.wrap(Arrays.copyOf(value, kept)))
                        .setOriginalLength(value.length)
                        .setOriginalSha256(Sha256.hex(value))
                        .build();
        ProducerRecord<byte[], byte[]> letter =
                new ProducerRecord<>("dead", "letter".getBytes(UTF_8), CODEC.encode(failure));
        letter.headers().add("trace", "t".getBytes(UTF_8));
        letter.headers().add("millrace.original.content-type", "x/y".getBytes(UTF_8));
        letter.headers().add("millrace.request_timestamp_ms", "1700000000000".getBytes(UTF_8));
        letter.headers().add("millrace.attempts", "0".getBytes(UTF_8));
        return letter;
    }

    private static List<String> shown(EmbeddedKafka kafka) {
        List<String> shown = new ArrayList<>();
        for (ConsumerRecord<byte[], byte[]> record :
                TestingClients.committed(kafka.bootstrapServers(), "in")) {
            List<String> headers = new ArrayList<>();
            record.headers()
                    .forEach(h -> headers.add(h.key() + "=" + new String(h.value(), UTF_8)));
            shown.add(
                    new String(record.key(), UTF_8)
                            + " "
                            + record.value().length
                            + " "
                            + record.timestamp()
                            + " "
                            + headers);
        }
        return shown;
    }

    private static TestingCommand redrive(EmbeddedKafka kafka, String... more) {
        List<String> arguments =
                new ArrayList<>(
                        List.of(
                                "redrive",
                                "--bootstrap-servers=" + kafka.bootstrapServers(),
                                "--dead-letters=dead",
                                "--to=in"));
        arguments.addAll(List.of(more));
        return TestingCommand.run(arguments);
    }

    @Test
    void recordsAreSentOnceFromTheirPlaceOrTheirDeadLetter() throws Exception {
        try (EmbeddedKafka kafka = EmbeddedKafka.start(folder)) {
            try (Topics topics = new Topics(kafka.bootstrapServers(), Map.of())) {
                for (String topic : List.of("in", "dead")) {
                    topics.createIfAbsent(topic, 1);
                }
            }
            byte[] first = "{\"promt\":\"hi\"}".getBytes(UTF_8);
            byte[] second = new byte[70_000];
            byte[] gone = "gone".getBytes(UTF_8);
            ProducerRecord<byte[], byte[]> there =
                    new ProducerRecord<>("in", null, 17L, "a".getBytes(UTF_8), second);
            there.headers().add("ce_type", "order".getBytes(UTF_8));
            TestingClients.send(kafka.bootstrapServers(), List.of(there));
            TestingClients.send(
                    kafka.bootstrapServers(),
                    List.of(
                            letter("none", 5, "unknown_field", first, first.length),
                            letter("in", 0, "prompt_too_long", second, 65_536),
                            letter("in", 0, "prompt_too_long", gone, 2),
                            letter("none", 5, "prompt_too_long", gone, 2)));
            TestingCommand one = redrive(kafka, "--code=unknown_field");
            assertThat(one.exitCode()).as(one.all()).isZero();
            assertThat(one.all()).contains("1 records of dead letters were sent to in");
            assertThat(shown(kafka))
                    .containsExactly(
                            "a 70000 17 [ce_type=order]",
                            "letter 14 1700000000000 [trace=t, content-type=x/y]");
            // What is cut is read at its place; what is not there, or another record, is left.
            TestingCommand other = redrive(kafka, "--code=prompt_too_long");
            assertThat(other.exitCode()).isEqualTo(1);
            assertThat(other.all())
                    .contains("1 records of dead letters were sent to in, 2 were left");
            assertThat(shown(kafka).get(2)).isEqualTo("a 70000 17 [ce_type=order]");
            TestingCommand again = redrive(kafka, "--code=prompt_too_long");
            assertThat(again.exitCode()).as(again.all()).isZero();
            assertThat(shown(kafka)).hasSize(3);
            assertThat(redrive(kafka, "--code=unknown_feld").all())
                    .contains("did you mean unknown_field?");
            assertThat(redrive(kafka, "--to=dead").exitCode()).isNotZero();
        }
    }
}

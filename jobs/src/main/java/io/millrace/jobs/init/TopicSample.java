package io.millrace.jobs.init;

import io.millrace.jobs.cli.CommandFailedException;
import io.millrace.jobs.cli.KafkaArguments;
import io.millrace.jobs.stream.AnswerReader;
import io.millrace.jobs.stream.Brokers;
import io.millrace.schemas.codec.EventSchemas;
import io.millrace.schemas.codec.FormatSettings;
import io.millrace.schemas.codec.avro.AvroTree;
import io.millrace.schemas.codec.record.CodecException;
import io.millrace.schemas.codec.record.OtherFormat;
import io.millrace.schemas.codec.record.SchemaRef;
import io.millrace.schemas.codec.record.WireFormat;
import io.millrace.schemas.text.Text;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;

/** Reads the oldest records of a topic, without a consumer group. */
final class TopicSample {
    private static final Duration POLL = Duration.ofMillis(200);

    private final String topic;
    private final FormatSettings format;
    private final EventSchemas schemas;

    /**
     * @param inputSchemas that records in Avro may have been written by, as JSON
     */
    TopicSample(String topic, FormatSettings format, List<String> inputSchemas) {
        this.topic = topic;
        this.format = format;
        this.schemas =
                format.format() == WireFormat.JSON ? null : new EventSchemas(format, inputSchemas);
    }

    /** Reads up to {@link Sample#ROWS} records that have a value. */
    Sample read(KafkaArguments kafka) {
        try (Brokers brokers = Brokers.connect(kafka)) {
            brokers.partitions(List.of(topic));
        }
        List<Map<String, Object>> rows = new ArrayList<>();
        try (KafkaConsumer<byte[], byte[]> consumer =
                AnswerReader.consumer(kafka, List.of(topic), true)) {
            Map<TopicPartition, Long> ends = consumer.endOffsets(consumer.assignment());
            while (rows.size() < Sample.ROWS
                    && ends.entrySet().stream()
                            .anyMatch(end -> consumer.position(end.getKey()) < end.getValue())) {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(POLL)) {
                    if (record.value() != null && rows.size() < Sample.ROWS) {
                        rows.add(row(record));
                    }
                }
            }
        }
        if (rows.isEmpty()) {
            throw new CommandFailedException(
                    "Topic "
                            + topic
                            + " has no records with a value: there is nothing to look at.");
        }
        return new Sample(topic, null, null, rows);
    }

    private Map<String, Object> row(ConsumerRecord<byte[], byte[]> record) {
        byte[] value = record.value();
        String where =
                "The record at %s-%d@%d".formatted(topic, record.partition(), record.offset());
        Header header = record.headers().lastHeader(SchemaRef.HEADER);
        byte[] schemaId = header == null ? null : header.value();
        if (schemas == null) {
            String other = OtherFormat.of(value, schemaId, WireFormat.JSON);
            if (other != null) {
                throw new CommandFailedException("%s is not JSON but %s.".formatted(where, other));
            }
            return JsonRows.parse(Text.decode(value, 0, value.length), where);
        }
        try {
            EventSchemas.Writer writer = schemas.of(value, schemaId);
            return AvroTree.tree(
                    AvroTree.read(writer.schema(), writer.schema(), value, writer.start()));
        } catch (CodecException e) {
            throw new CommandFailedException(
                    "%s is not in --format %s: %s."
                            .formatted(where, format.format(), e.getMessage()),
                    e);
        }
    }
}

package io.millrace.jobs.stream;

import io.millrace.jobs.cli.CommandFailedException;
import io.millrace.jobs.cli.KafkaArguments;
import io.millrace.jobs.cli.Progress;
import io.millrace.jobs.cli.VerboseArgument;
import io.millrace.jobs.cli.job.JobArguments;
import io.millrace.operators.kafka.admin.ClientProperties;
import io.millrace.schemas.FailureCode;
import io.millrace.schemas.InferenceFailure;
import io.millrace.schemas.codec.RecordCodec;
import io.millrace.schemas.codec.record.CodecException;
import io.millrace.schemas.codec.record.RecordType;
import io.millrace.schemas.text.NearestName;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.Callable;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Sends the records of dead letters to a topic again, each once. */
@Command(
        name = "redrive",
        abbreviateSynopsis = true,
        sortOptions = false,
        showDefaultValues = true,
        description = {
            "Sends the records behind dead letters to a topic again, after what was in their way is"
                    + " gone: another model, template or limit.",
            "Records and the group's offsets are one transaction, so each is sent once, whatever"
                    + " happens; a second run sends what has come since. A record that is not in its"
                    + " dead letter as a whole is read at its place, checked by its SHA-256, or named"
                    + " and left; the exit code is then 1."
        })
public final class RedriveCommand implements Callable<Integer> {
    private static final Duration POLL = Duration.ofMillis(500);
    private static final int LEFT_SHOWN = 20;

    @Mixin private KafkaArguments kafka = new KafkaArguments();
    @Mixin private JobArguments.FormatArguments format = new JobArguments.FormatArguments();
    @Mixin private VerboseArgument verbose = new VerboseArgument();

    @Option(
            names = "--dead-letters",
            paramLabel = "TOPIC",
            defaultValue = "dead-letters",
            description = "Topic with the dead letters.")
    private String deadLetters;

    @Option(
            names = "--code",
            paramLabel = "CODE",
            description = "Only those with this code, such as prompt_too_long; else all.")
    private String code;

    @Option(
            names = "--to",
            paramLabel = "TOPIC",
            required = true,
            description = "Topic that the records are sent to.")
    private String to;

    @Option(
            names = "--group-id",
            paramLabel = "ID",
            description =
                    "Consumer group that remembers how far dead letters were read; by default"
                            + " millrace-redrive, with --code a group for each code.")
    private String group;

    private final Progress progress = new Progress(System.out);
    private RecordCodec<InferenceFailure> codec;
    private long sent;
    private long left;

    @Override
    public Integer call() {
        checkCode();
        if (to.equals(deadLetters)) {
            throw new CommandFailedException(
                    "--to is " + to + ", the topic of the dead letters: name the job's input.");
        }
        codec = RecordCodec.open(RecordType.FAILURE, format.settings(), null);
        String id =
                group != null
                        ? group
                        : code == null ? "millrace-redrive" : "millrace-redrive-" + code;
        try (Brokers brokers = Brokers.connect(kafka)) {
            brokers.partitions(List.of(deadLetters, to));
        }
        try (KafkaConsumer<byte[], byte[]> letters = consumer(id);
                OriginalRecords originals = new OriginalRecords(consumer(null));
                KafkaProducer<byte[], byte[]> producer = producer(id)) {
            producer.initTransactions();
            redrive(letters, originals, producer);
        } catch (KafkaException e) {
            throw new CommandFailedException(
                    "%d records were sent to %s, and then: %s. The same command goes on."
                            .formatted(sent, to, e.getMessage()),
                    e);
        }
        progress.plain(
                "%d records of dead letters were sent to %s%s"
                        .formatted(
                                sent,
                                to,
                                left == 0 ? "" : ", " + left + " were left, named above"));
        return left == 0 ? 0 : 1;
    }

    private void checkCode() {
        List<String> codes =
                Arrays.stream(FailureCode.values()).map(FailureCode::wireName).toList();
        if (code != null && !codes.contains(code)) {
            String near = NearestName.of(code, codes);
            throw new CommandFailedException(
                    "--code is %s: %s"
                            .formatted(
                                    code,
                                    near == null
                                            ? "it must be one of " + String.join(", ", codes) + "."
                                            : "did you mean " + near + "?"));
        }
    }

    /**
     * @param id of the group; null for none
     */
    private KafkaConsumer<byte[], byte[]> consumer(String id) {
        Properties properties =
                ClientProperties.consumer(kafka.bootstrapServers, kafka.clientSettings());
        properties.setProperty(ConsumerConfig.ENABLE_AUTO_COMMIT_CONFIG, "false");
        properties.setProperty(ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed");
        properties.setProperty(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
        if (id != null) {
            properties.setProperty(ConsumerConfig.GROUP_ID_CONFIG, id);
        }
        return new KafkaConsumer<>(
                properties, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }

    private KafkaProducer<byte[], byte[]> producer(String id) {
        Properties properties =
                ClientProperties.producer(kafka.bootstrapServers, kafka.clientSettings());
        properties.setProperty(ProducerConfig.TRANSACTIONAL_ID_CONFIG, id);
        return new KafkaProducer<>(
                properties, new ByteArraySerializer(), new ByteArraySerializer());
    }

    private void redrive(
            KafkaConsumer<byte[], byte[]> letters,
            OriginalRecords originals,
            KafkaProducer<byte[], byte[]> producer) {
        letters.subscribe(List.of(deadLetters));
        Map<TopicPartition, Long> ends = null;
        while (ends == null || !isAt(letters, ends)) {
            ConsumerRecords<byte[], byte[]> records = letters.poll(POLL);
            if (ends == null && !letters.assignment().isEmpty()) {
                ends = letters.endOffsets(letters.assignment());
            }
            if (records.isEmpty()) {
                continue;
            }
            producer.beginTransaction();
            long inTransaction = 0;
            Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
            for (ConsumerRecord<byte[], byte[]> record : records) {
                ProducerRecord<byte[], byte[]> again = again(record, originals);
                if (again != null) {
                    producer.send(again);
                    inTransaction++;
                }
                offsets.put(
                        new TopicPartition(record.topic(), record.partition()),
                        new OffsetAndMetadata(record.offset() + 1));
            }
            producer.sendOffsetsToTransaction(offsets, letters.groupMetadata());
            producer.commitTransaction();
            sent += inTransaction;
        }
    }

    /** Whether all that was there at the start is read. */
    private static boolean isAt(
            KafkaConsumer<byte[], byte[]> letters, Map<TopicPartition, Long> ends) {
        return ends.entrySet().stream()
                .allMatch(
                        end ->
                                !letters.assignment().contains(end.getKey())
                                        || letters.position(end.getKey()) >= end.getValue());
    }

    /** The record to send; null for one that is not asked for, or is left. */
    private ProducerRecord<byte[], byte[]> again(
            ConsumerRecord<byte[], byte[]> letter, OriginalRecords originals) {
        String place = letter.topic() + "-" + letter.partition() + "@" + letter.offset();
        InferenceFailure failure;
        try {
            failure = letter.value() == null ? null : codec.decode(letter.value());
        } catch (CodecException e) {
            leave(place, "it is no dead letter in the format of --format: " + e.getMessage());
            return null;
        }
        if (failure == null) {
            leave(place, "it has no value");
            return null;
        }
        if (code != null && !code.equals(failure.getCode())) {
            return null;
        }
        OriginalRecords.Original original = originals.of(failure, letter);
        if (original.missing() != null) {
            leave(place, original.missing());
            return null;
        }
        return original.record(to);
    }

    private void leave(String place, String why) {
        left++;
        if (left <= LEFT_SHOWN) {
            System.err.println(place + " is left: " + why);
        } else if (left == LEFT_SHOWN + 1) {
            System.err.println("More are counted, not shown.");
        }
    }
}

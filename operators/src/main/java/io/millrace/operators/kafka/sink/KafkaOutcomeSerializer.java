package io.millrace.operators.kafka.sink;

import io.millrace.operators.event.EventReading;
import io.millrace.operators.kafka.admin.KafkaSettings;
import io.millrace.operators.kafka.admin.KafkaSetupException;
import io.millrace.operators.kafka.admin.OutputPartition;
import io.millrace.operators.kafka.admin.TopicLimits;
import io.millrace.operators.record.Origin;
import io.millrace.operators.record.Outcome;
import io.millrace.operators.record.Outcome.RunFacts;
import io.millrace.operators.tool.AnswerText;
import io.millrace.schemas.Completion;
import io.millrace.schemas.FailureCode;
import io.millrace.schemas.InferenceFailure;
import io.millrace.schemas.InferenceResult;
import io.millrace.schemas.codec.EventSchemas;
import io.millrace.schemas.codec.RecordCodec;
import io.millrace.schemas.codec.record.CodecException;
import io.millrace.schemas.codec.record.RecordType;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.apache.flink.api.common.serialization.SerializationSchema;
import org.apache.flink.connector.kafka.lineage.DefaultKafkaDatasetFacet;
import org.apache.flink.connector.kafka.lineage.DefaultKafkaDatasetIdentifier;
import org.apache.flink.connector.kafka.lineage.KafkaDatasetFacet;
import org.apache.flink.connector.kafka.lineage.KafkaDatasetFacetProvider;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.flink.runtime.execution.SuppressRestartsException;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Headers;

/**
 * Makes the Kafka record of an outcome, for the topic of its kind, within the limits of producer
 * and broker: a refused record would fail the task, and the replay would meet it again.
 */
public final class KafkaOutcomeSerializer
        implements KafkaRecordSerializationSchema<Outcome>, KafkaDatasetFacetProvider {

    private static final long serialVersionUID = 1;

    private final KafkaSettings settings;
    private TopicLimits limits;
    private transient HeaderRules rules;
    private transient int largestResult;
    private transient int largestFailure;
    private transient RecordCodec<InferenceResult> results;
    private transient FailureFitter failures;
    private transient EventSchemas schemas;

    public KafkaOutcomeSerializer(KafkaSettings settings, TopicLimits limits) {
        this.settings = settings;
        this.limits = limits;
    }

    @Override
    public void open(
            SerializationSchema.InitializationContext context, KafkaSinkContext sinkContext) {
        open();
    }

    void open() {
        rules = new HeaderRules(settings);
        results = RecordCodec.open(RecordType.RESULT, settings.format(), limits.output().name());
        if (settings.events() == null) {
            results.prepare();
        }
        schemas = new EventSchemas(settings.format(), settings.inputSchemas());
        RecordCodec<InferenceFailure> codec =
                RecordCodec.open(RecordType.FAILURE, settings.format(), limits.deadLetter().name());
        codec.prepare();
        failures =
                new FailureFitter(
                        codec,
                        rules,
                        (key, value, headers, failed) ->
                                record(
                                        limits.deadLetter(),
                                        failed.origin(),
                                        key,
                                        value,
                                        headers,
                                        failed.facts()),
                        record -> excess(limits.deadLetter(), record) == null,
                        Math.min(limits.deadLetter().maxMessageBytes(), limits.maxRequestBytes()));
    }

    /** The limits of topics and producer that this writer uses. */
    public TopicLimits limits() {
        return limits;
    }

    /** Sets newer limits; to be called before it is opened. */
    void takeLimits(TopicLimits newer) {
        limits = newer;
    }

    /** Bytes of the largest result since {@link #forgetLargest}, as the broker counts. */
    int largestResult() {
        return largestResult;
    }

    /** Bytes of the largest failure since {@link #forgetLargest}, as the broker counts. */
    int largestFailure() {
        return largestFailure;
    }

    void forgetLargest() {
        largestResult = 0;
        largestFailure = 0;
    }

    /** Flink's timestamp is ignored: a record keeps the one of its request. */
    @Override
    public ProducerRecord<byte[], byte[]> serialize(
            Outcome outcome, KafkaSinkContext context, Long timestamp) {
        ProducerRecord<byte[], byte[]> record =
                outcome instanceof Outcome.Answered answered
                        ? serialize(answered)
                        : outcome instanceof Outcome.Passed passed
                                ? serialize(passed)
                                : serialize((Outcome.Failed) outcome);
        if (record.partition() != null) {
            requirePartition(record, outcome.origin().source());
        }
        return record;
    }

    /**
     * Fails for good if the output lacks the partition: an input may get partitions while the job
     * runs, and another attempt would fail in the same way.
     */
    private void requirePartition(ProducerRecord<byte[], byte[]> record, String input) {
        int count = record.partition() + 1;
        if (count > topic(record).partitions()) {
            limits = limits.readAgain(settings);
            try {
                topic(record).requirePartitions(count, input, settings);
            } catch (KafkaSetupException e) {
                throw new SuppressRestartsException(e);
            }
        }
    }

    private TopicLimits.Topic topic(ProducerRecord<byte[], byte[]> record) {
        return record.topic().equals(limits.output().name())
                ? limits.output()
                : limits.deadLetter();
    }

    ProducerRecord<byte[], byte[]> serialize(Outcome.Failed failed) {
        ProducerRecord<byte[], byte[]> record =
                failed.encoded() instanceof KafkaFailureEncoder.Encoded encoded
                                // Encoded with the limits of the job's start, which may be too
                                // high.
                                && excess(limits.deadLetter(), encoded.record()) == null
                        ? encoded.record()
                        : failures.fit(failed);
        largestFailure = Math.max(largestFailure, counted(limits.deadLetter(), record));
        return record;
    }

    private ProducerRecord<byte[], byte[]> serialize(Outcome.Answered answered) {
        Origin origin = answered.origin();
        byte[] value;
        try {
            value = value(answered);
        } catch (CodecException e) {
            return serialize(
                    new Outcome.Failed(
                            origin,
                            answered.result().getId(),
                            e.code(),
                            e.getMessage(),
                            answered.facts()));
        }
        ProducerRecord<byte[], byte[]> record =
                record(
                        limits.output(),
                        origin,
                        origin.key(),
                        value,
                        rules.ofResult(origin, answered.facts()),
                        answered.facts());
        if (answered.event() != null) {
            RunHeaders.addResult(record.headers(), answered.result());
        }
        String excess = excess(limits.output(), record);
        if (excess == null) {
            largestResult = Math.max(largestResult, counted(limits.output(), record));
            return record;
        }
        return serialize(
                new Outcome.Failed(
                        origin,
                        answered.result().getId(),
                        FailureCode.RESULT_TOO_LARGE,
                        "the result is too large: " + excess + "; or ask for fewer tokens",
                        answered.facts()));
    }

    /** Of an event the event with its answer. */
    private byte[] value(Outcome.Answered answered) throws CodecException {
        if (answered.event() == null) {
            return results.encode(answered.result());
        }
        List<Completion> completions = answered.result().getCompletions();
        List<String> texts = completions.stream().map(AnswerText::of).toList();
        EventReading reading = answered.event().reading();
        boolean calls =
                reading.writer() == null
                        && completions.stream().allMatch(each -> each.getToolCalls() != null);
        byte[] event =
                reading.answered(
                        answered.origin().asEvent(), texts, calls || answered.event().json());
        if (reading.writer() == null) {
            return event;
        }
        byte[] prefix = schemas.prefix(reading.output(), limits.output().name());
        byte[] value = Arrays.copyOf(prefix, prefix.length + event.length);
        System.arraycopy(event, 0, value, prefix.length, event.length);
        return value;
    }

    /** A record that passes as it is: a tombstone has no value there either. */
    private ProducerRecord<byte[], byte[]> serialize(Outcome.Passed passed) {
        Origin origin = passed.origin();
        ProducerRecord<byte[], byte[]> record =
                record(
                        limits.output(),
                        origin,
                        origin.key(),
                        origin.value().length == 0 ? null : origin.value(),
                        rules.ofResult(origin, passed.facts()),
                        passed.facts());
        String excess = excess(limits.output(), record);
        if (excess == null) {
            largestResult = Math.max(largestResult, counted(limits.output(), record));
            return record;
        }
        return serialize(
                new Outcome.Failed(
                        origin,
                        null,
                        FailureCode.RESULT_TOO_LARGE,
                        "the record, which passes as it is, is too large: " + excess,
                        passed.facts()));
    }

    private static int counted(TopicLimits.Topic topic, ProducerRecord<byte[], byte[]> record) {
        return RecordSize.forBroker(record, topic.compressed());
    }

    /** The limit that a record exceeds, with the remedy; null if it fits. */
    private String excess(TopicLimits.Topic topic, ProducerRecord<byte[], byte[]> record) {
        int counted = counted(topic, record);
        if (counted > topic.maxMessageBytes()) {
            return "its record has "
                    + counted
                    + " bytes, topic "
                    + topic.name()
                    + " takes "
                    + topic.maxMessageBytes()
                    + ": raise the topic's max.message.bytes";
        }
        int estimated = RecordSize.forProducer(record);
        if (estimated > limits.maxRequestBytes()) {
            return "its record has "
                    + estimated
                    + " bytes, the producer takes "
                    + limits.maxRequestBytes()
                    + ": raise max.request.size (and buffer.memory, if that is smaller)";
        }
        return null;
    }

    /**
     * A record with the request's timestamp. Without one, or if the broker would refuse it, the
     * producer sets the time of writing; a broker with LogAppendTime always does.
     */
    private ProducerRecord<byte[], byte[]> record(
            TopicLimits.Topic topic,
            Origin origin,
            byte[] key,
            byte[] value,
            List<Origin.Header> headers,
            RunFacts facts) {
        boolean kept = origin.timestamp() >= 0 && takes(topic, origin.timestamp());
        Integer partition =
                settings.outputPartition() == OutputPartition.SAME
                        ? origin.position().partition()
                        : null;
        ProducerRecord<byte[], byte[]> record =
                new ProducerRecord<>(
                        topic.name(), partition, kept ? origin.timestamp() : null, key, value);
        Headers all = record.headers();
        headers.forEach(header -> all.add(header.name(), header.value()));
        RunHeaders.add(all, facts, origin.timestamp());
        return record;
    }

    /** A tenth of each limit is kept in reserve for the broker's clock and the transfer. */
    private static boolean takes(TopicLimits.Topic topic, long timestamp) {
        long age = System.currentTimeMillis() - timestamp;
        return age <= topic.oldestMs() - topic.oldestMs() / 10
                && -age <= topic.newestMs() - topic.newestMs() / 10;
    }

    /** Required by the connector to pool transactional ids. */
    @Override
    public Optional<KafkaDatasetFacet> getKafkaDatasetFacet() {
        return Optional.of(
                new DefaultKafkaDatasetFacet(
                        DefaultKafkaDatasetIdentifier.ofTopics(
                                List.of(limits.output().name(), limits.deadLetter().name()))));
    }
}

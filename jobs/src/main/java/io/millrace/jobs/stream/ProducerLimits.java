package io.millrace.jobs.stream;

import io.millrace.operators.kafka.sink.RecordSize;
import java.util.Map;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.config.ConfigDef;

/**
 * How large a record may be that is sent to a topic.
 *
 * @param topic its name
 * @param topicBytes largest batch that the broker takes (max.message.bytes)
 * @param requestBytes largest record that the producer sends (max.request.size, buffer.memory)
 * @param batchBytes of a producer's batch: no more than the broker takes, or it would refuse
 *     batches of records that are small enough each, and the producer would split and send them
 *     again
 * @param compressed whether the producer compresses, so that a record's size is not known before
 */
record ProducerLimits(
        String topic, int topicBytes, int requestBytes, int batchBytes, boolean compressed) {

    /** What the client settings alone say. */
    static ProducerLimits of(Map<String, String> client) {
        long request =
                Math.min(
                        number(client, ProducerConfig.MAX_REQUEST_SIZE_CONFIG),
                        number(client, ProducerConfig.BUFFER_MEMORY_CONFIG));
        return new ProducerLimits(
                "",
                Integer.MAX_VALUE,
                (int) Math.min(request, Integer.MAX_VALUE),
                (int) number(client, ProducerConfig.BATCH_SIZE_CONFIG),
                !client.getOrDefault(ProducerConfig.COMPRESSION_TYPE_CONFIG, "none")
                        .strip()
                        .equals("none"));
    }

    private static long number(Map<String, String> client, String key) {
        String given = client.get(key);
        if (given == null) {
            ConfigDef.ConfigKey known = ProducerConfig.configDef().configKeys().get(key);
            return ((Number) known.defaultValue).longValue();
        }
        try {
            return Long.parseLong(given.strip());
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException(
                    "Kafka setting " + key + " is " + given + ", not a number.", e);
        }
    }

    /** The same for a topic that takes batches of so many bytes. */
    ProducerLimits forTopic(String name, int maxMessageBytes) {
        return new ProducerLimits(
                name,
                maxMessageBytes,
                requestBytes,
                Math.min(batchBytes, maxMessageBytes),
                compressed);
    }

    /** Most bytes of a record, as far as they are known before it is made. */
    int recordBytes() {
        return compressed ? requestBytes : Math.min(topicBytes, requestBytes);
    }

    /** Why a record would be refused; null if nothing is known against it. */
    String reasonAgainst(ProducerRecord<byte[], byte[]> record) {
        int batch = RecordSize.forBroker(record, false);
        if (!compressed && batch > topicBytes) {
            return ("the record has %,d bytes, and topic %s takes %,d: raise the topic's"
                            + " max.message.bytes, or shorten the prompt")
                    .formatted(batch, topic, topicBytes);
        }
        int request = RecordSize.forProducer(record);
        if (request > requestBytes) {
            return ("the record has %,d bytes, and the producer sends %,d: raise max.request.size"
                            + " (and buffer.memory, if that is smaller)")
                    .formatted(request, requestBytes);
        }
        return null;
    }
}

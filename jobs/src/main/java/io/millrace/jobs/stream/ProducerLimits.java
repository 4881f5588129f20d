package io.millrace.jobs.stream;

import io.millrace.operators.kafka.sink.RecordSize;
import java.util.Map;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.config.ConfigDef;

/**
 * Limits of the size of a record that is sent to a topic.
 *
 * @param topic its name
 * @param topicBytes largest batch that the broker accepts (max.message.bytes)
 * @param requestBytes largest record that the producer sends (max.request.size, buffer.memory)
 * @param batchBytes batch size of the producer: at most what the broker accepts; otherwise it would
 *     refuse batches of records that are small enough, and the producer would split and resend them
 * @param compressed whether the producer compresses, so that the final size of a record is unknown
 */
record ProducerLimits(
        String topic, int topicBytes, int requestBytes, int batchBytes, boolean compressed) {

    /** The limits of the client settings alone. */
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

    /** The same with the limit of a topic. */
    ProducerLimits forTopic(String name, int maxMessageBytes) {
        return new ProducerLimits(
                name,
                maxMessageBytes,
                requestBytes,
                Math.min(batchBytes, maxMessageBytes),
                compressed);
    }

    /** Maximum bytes of a record, as far as known before it is made. */
    int recordBytes() {
        return compressed ? requestBytes : Math.min(topicBytes, requestBytes);
    }

    /** The reason why a record would be refused; null if none is known. */
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

package io.millrace.jobs.stream;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** Plain Kafka clients of one broker, as another program would use them. */
public final class TestingClients {

    private static final ByteArraySerializer BYTES = new ByteArraySerializer();

    private TestingClients() {}

    /** A producer; with a transactional id it has begun a transaction. */
    public static KafkaProducer<byte[], byte[]> producer(
            String bootstrapServers, String transactionalId, Map<String, String> settings) {
        Properties properties = new Properties();
        properties.setProperty("bootstrap.servers", bootstrapServers);
        properties.putAll(settings);
        if (transactionalId != null) {
            properties.setProperty("transactional.id", transactionalId);
        }
        KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(properties, BYTES, BYTES);
        if (transactionalId != null) {
            producer.initTransactions();
            producer.beginTransaction();
        }
        return producer;
    }

    /** Sends records, of up to 4 MB each, and returns where they are. */
    public static List<RecordMetadata> send(
            String bootstrapServers, List<ProducerRecord<byte[], byte[]>> records)
            throws ExecutionException, InterruptedException {
        Map<String, String> settings = Map.of("linger.ms", "5", "max.request.size", "4194304");
        try (KafkaProducer<byte[], byte[]> producer = producer(bootstrapServers, null, settings)) {
            var sent = records.stream().map(producer::send).toList();
            List<RecordMetadata> places = new ArrayList<>();
            for (var future : sent) {
                places.add(future.get());
            }
            return places;
        }
    }

    /** All committed records that a topic holds now, in the order of partitions and offsets. */
    public static List<ConsumerRecord<byte[], byte[]>> committed(
            String bootstrapServers, String topic) {
        try (TestingReader reader = new TestingReader(bootstrapServers, topic)) {
            return reader.toTheEnd();
        }
    }

    /** Reads committed records of one topic from its beginning, on and on. */
    public static final class TestingReader implements AutoCloseable {

        private final KafkaConsumer<byte[], byte[]> consumer;
        private final List<TopicPartition> partitions;

        public TestingReader(String bootstrapServers, String topic) {
            Map<String, Object> properties = new HashMap<>();
            properties.put("bootstrap.servers", bootstrapServers);
            properties.put("isolation.level", "read_committed");
            consumer =
                    new KafkaConsumer<>(
                            properties, new ByteArrayDeserializer(), new ByteArrayDeserializer());
            partitions =
                    consumer.partitionsFor(topic).stream()
                            .map(p -> new TopicPartition(topic, p.partition()))
                            .toList();
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
        }

        /** What is committed by now and was not read yet. */
        public List<ConsumerRecord<byte[], byte[]>> toTheEnd() {
            List<ConsumerRecord<byte[], byte[]>> records = new ArrayList<>();
            Map<TopicPartition, Long> end = consumer.endOffsets(partitions);
            while (end.entrySet().stream()
                    .anyMatch(e -> consumer.position(e.getKey()) < e.getValue())) {
                consumer.poll(Duration.ofMillis(100)).forEach(records::add);
            }
            return records;
        }

        @Override
        public void close() {
            consumer.close();
        }
    }
}

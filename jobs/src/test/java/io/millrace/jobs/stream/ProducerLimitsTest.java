package io.millrace.jobs.stream;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Map;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.junit.jupiter.api.Test;

class ProducerLimitsTest {
    private static ProducerRecord<byte[], byte[]> record(int bytes) {
        return new ProducerRecord<>("prompts", new byte[] {1}, new byte[bytes]);
    }

    @Test
    void aRecordIsRefusedAboveWhatTheTopicTakes() {
        ProducerLimits limits = ProducerLimits.of(Map.of()).forTopic("prompts", 10_000);
        assertThat(limits.reasonAgainst(record(9_900))).isNull();
        assertThat(limits.reasonAgainst(record(10_000)))
                .contains("topic prompts takes 10,000", "max.message.bytes");
    }

    @Test
    void aRecordIsRefusedAboveWhatTheProducerSends() {
        Map<String, String> client =
                Map.of("max.request.size", "20000", "buffer.memory", " 10000 ");
        ProducerLimits limits = ProducerLimits.of(client).forTopic("prompts", 1_000_000);
        assertThat(limits.reasonAgainst(record(9_900))).isNull();
        assertThat(limits.reasonAgainst(record(10_000)))
                .contains("the producer sends 10,000", "max.request.size");
        assertThat(limits.recordBytes()).isEqualTo(10_000);
    }

    @Test
    void whatCompressesIsLeftToTheBroker() {
        ProducerLimits limits =
                ProducerLimits.of(Map.of("compression.type", "zstd")).forTopic("prompts", 10_000);
        assertThat(limits.reasonAgainst(record(500_000))).isNull();
        assertThat(limits.reasonAgainst(record(2_000_000))).contains("max.request.size");
    }

    @Test
    void aBatchIsNoLargerThanTheTopicTakes() {
        assertThat(ProducerLimits.of(Map.of()).forTopic("t", 10_000).batchBytes())
                .isEqualTo(10_000);
        assertThat(ProducerLimits.of(Map.of()).forTopic("t", 1_000_000).batchBytes())
                .isEqualTo(16_384);
        Map<String, String> large = Map.of("batch.size", "5000000");
        assertThat(ProducerLimits.of(large).forTopic("t", 1_000_000).batchBytes())
                .isEqualTo(1_000_000);
    }

    @Test
    void whatIsNoNumberIsNamed() {
        assertThatThrownBy(() -> ProducerLimits.of(Map.of("batch.size", "big")))
                .hasMessage("Kafka setting batch.size is big, not a number.");
    }
}

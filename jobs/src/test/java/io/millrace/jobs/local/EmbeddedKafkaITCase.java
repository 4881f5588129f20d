package io.millrace.jobs.local;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.BindException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class EmbeddedKafkaITCase {

    @TempDir Path folder;

    @Test
    void startsInTheSameFolderAgainWithItsTopics() throws Exception {
        try (EmbeddedKafka kafka = EmbeddedKafka.start(folder);
                Topics topics = new Topics(kafka.bootstrapServers(), Map.of())) {
            topics.createIfAbsent("a", 3);
            topics.createIfAbsent("a", 1);
            topics.createIfAbsent("b", 1);
            topics.delete("b");
        }
        try (EmbeddedKafka kafka = EmbeddedKafka.start(folder);
                Topics topics = new Topics(kafka.bootstrapServers(), Map.of())) {
            assertThat(topics.names()).containsExactly("a");
        }
    }

    @Test
    void saysThatAPortIsInUse() throws Exception {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getByName("127.0.0.1"))) {
            assertThatThrownBy(() -> EmbeddedKafka.start(folder, taken.getLocalPort(), Map.of()))
                    .isInstanceOf(BindException.class)
                    .hasMessageContaining("port " + taken.getLocalPort() + " is in use");
        }
    }
}

package io.millrace.operators.kafka.sink;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.operators.kafka.KafkaPipes;
import io.millrace.operators.kafka.admin.KafkaSettings;
import io.millrace.operators.kafka.admin.KafkaSettingsTest;
import io.millrace.operators.kafka.admin.KafkaSetupException;
import io.millrace.operators.kafka.admin.TopicLimits;
import java.io.IOException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.OptionalLong;
import java.util.Set;
import org.apache.flink.api.connector.sink2.Committer.CommitRequest;
import org.apache.flink.api.connector.sink2.WriterInitContext;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaCommittable;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.core.io.SimpleVersionedSerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class WatchedSinkTest {
    private static final String PACKAGE = "org.apache.flink.connector.kafka.sink.";

    @Test
    void theSinkIsEverythingThatTheConnectorsIs() {
        assertIsAll(WatchedSink.class, KafkaSink.class);
    }

    @ParameterizedTest
    @ValueSource(strings = {"KafkaWriter", "ExactlyOnceKafkaWriter"})
    void theWriterIsEverythingThatTheConnectorsIs(String name) throws Exception {
        assertIsAll(WatchedWriter.class, Class.forName(PACKAGE + name));
    }

    @Test
    void theContextCallsEverythingThrough() {
        assertDeclaresAll(WatchedWriterContext.class, Set.of(WriterInitContext.class));
    }

    @Test
    void theCommitRequestCallsEverythingThrough() {
        assertDeclaresAll(WatchedRequest.class, Set.of(CommitRequest.class));
    }

    /** Each interface, and each method of these: a default would not reach the connector. */
    private static void assertIsAll(Class<?> ours, Class<?> connectors) {
        Set<Class<?>> wanted = interfaces(connectors);
        wanted.remove(AutoCloseable.class);
        wanted.remove(java.io.Serializable.class);
        assertThat(interfaces(ours)).containsAll(wanted);
        assertThat(wanted).isNotEmpty();
        assertDeclaresAll(ours, wanted);
    }

    private static void assertDeclaresAll(Class<?> ours, Set<Class<?>> interfaces) {
        for (Class<?> type : interfaces) {
            for (Method method : type.getMethods()) {
                if (!Modifier.isStatic(method.getModifiers())) {
                    assertThat(ours.getDeclaredMethods())
                            .as("%s of %s", method, type.getSimpleName())
                            .anyMatch(
                                    own ->
                                            own.getName().equals(method.getName())
                                                    && own.getParameterCount()
                                                            == method.getParameterCount());
                }
            }
        }
    }

    private static Set<Class<?>> interfaces(Class<?> type) {
        Set<Class<?>> all = new LinkedHashSet<>();
        if (type != null) {
            all.addAll(interfaces(type.getSuperclass()));
            for (Class<?> each : type.getInterfaces()) {
                all.add(each);
                all.addAll(interfaces(each));
            }
        }
        return all;
    }

    @Test
    void pendingTransactionsSurviveTheirState() throws Exception {
        TopicLimits limits = KafkaSettingsTest.limits(5000, 5000, 5000);
        WatchedSink sink =
                (WatchedSink) KafkaPipes.sink(KafkaSettingsTest.settings().build(), limits);
        SimpleVersionedSerializer<PendingTransaction> serializer = sink.getCommittableSerializer();
        PendingTransaction pending =
                new PendingTransaction(
                        new KafkaCommittable(97, (short) 3, "app.-0-1", null), 17, "out", 5, 1023);
        byte[] bytes = serializer.serialize(pending);
        assertThat(serializer.deserialize(serializer.getVersion(), bytes)).isEqualTo(pending);
        assertThatThrownBy(() -> serializer.deserialize(3, bytes))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("form 3")
                .hasMessageContaining("forms up to 2");
    }

    @Test
    void pendingTransactionsOfTheFirstStateFormAreRead() throws Exception {
        KafkaSettings settings = KafkaSettingsTest.settings().build();
        WatchedSink sink =
                (WatchedSink) KafkaPipes.sink(settings, KafkaSettingsTest.limits(5000, 5000, 5000));
        // Epoch, producer id, transactional id, as the connector 5.0.0-2.2 writes them.
        byte[] bytes = new byte[] {0, 3, 0, 0, 0, 0, 0, 0, 0, 97, 0, 2, 'a', '.'};
        PendingTransaction pending = sink.getCommittableSerializer().deserialize(1, bytes);
        assertThat(pending.committable())
                .isEqualTo(new KafkaCommittable(97, (short) 3, "a.", null));
        assertThat(pending.topic()).isNull();
    }

    @Test
    void theMessageNamesCountTopicsAndRemedy() {
        KafkaSettings settings = KafkaSettingsTest.settings().build();
        assertThat(
                        new LostTransactionsException(2, 97, settings, 900_000, OptionalLong.of(12))
                                .getMessage())
                .isEqualTo(
                        "Kafka refuses to commit 2 transactions with 97 answers and failures for out"
                                + " and dead, and they are not in the topics: they were aborted, since"
                                + " the job was down for longer than transaction.timeout.ms (900000 ms)"
                                + " or another job uses application id app. Resume the checkpoint"
                                + " before 12 to have them answered again (move chk-12 away), or give"
                                + " --accept-lost-transactions to go on without them.");
        assertThat(new LostTransactionsException(1, 1, settings, 1, OptionalLong.empty()))
                .hasMessageContaining("1 transaction with 1")
                .hasMessageEndingWith("Give --accept-lost-transactions to go on without them.");
    }

    @Test
    void aTransactionTimeoutThatHealthyCheckpointsWouldMeetIsRefused() {
        KafkaSettings settings = KafkaSettingsTest.settings().build();
        TopicLimits limits = KafkaSettingsTest.limits(5000, 5000, 5000);
        Duration most = Duration.ofMillis(limits.transactionTimeoutMs() / 2);
        limits.checkTransactionTimeout(settings, most);
        assertThatThrownBy(() -> limits.checkTransactionTimeout(settings, most.plusMillis(1)))
                .isInstanceOf(KafkaSetupException.class)
                .hasMessageContaining("transaction.timeout.ms is " + limits.transactionTimeoutMs())
                .hasMessageContaining("--checkpoint-interval");
        KafkaSettings atLeastOnce =
                KafkaSettingsTest.settings().delivery(DeliveryGuarantee.AT_LEAST_ONCE).build();
        limits.checkTransactionTimeout(atLeastOnce, most.plusMillis(1));
    }
}

package io.millrace.jobs.watch;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.operators.kafka.admin.KafkaSettings;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.errors.TimeoutException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class BrokerWatchTest {
    private static final Duration PATIENCE = Duration.ofMillis(200);
    private static final Node ONE = new Node(1, "one", 9092);
    private static final Node TWO = new Node(2, "two", 9093);
    private static final Node THREE = new Node(3, "three", 9094);

    /** Has a port and does not listen, so that nobody else does. */
    private final Socket deaf = new Socket();

    @BeforeEach
    void takePort() throws IOException {
        deaf.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
    }

    @AfterEach
    void freePort() throws IOException {
        deaf.close();
    }

    /** At an address where nobody listens. */
    private BrokerWatch watch() {
        KafkaSettings settings =
                KafkaSettings.builder()
                        .bootstrapServers("127.0.0.1:" + deaf.getLocalPort())
                        .topics("prompts")
                        .outputTopic("answers")
                        .deadLetterTopic("dead")
                        .applicationId("watched")
                        .build();
        return new BrokerWatch(settings, Duration.ofMillis(10), PATIENCE);
    }

    @Test
    void aFirstRefusalIsNotBelieved() throws Exception {
        try (BrokerWatch watch = watch()) {
            long start = System.nanoTime();
            assertThat(await(watch)).startsWith("no broker answers at 127.0.0.1:");
            assertThat(Duration.ofNanos(System.nanoTime() - start))
                    .isGreaterThanOrEqualTo(PATIENCE.multipliedBy(2));
        }
    }

    @Test
    void aRefusalThatNobodyLookedAtForLongIsAskedForAnew() throws Exception {
        try (BrokerWatch watch = watch()) {
            await(watch);
            watch.answered(List.of(ONE));
            watch.look();
            TimeUnit.MILLISECONDS.sleep(3 * PATIENCE.toMillis());
            long start = System.nanoTime();
            assertThat(await(watch)).startsWith("no broker answers at one:9092.");
            assertThat(Duration.ofNanos(System.nanoTime() - start))
                    .isGreaterThanOrEqualTo(PATIENCE);
        }
    }

    private static String await(BrokerWatch watch) throws InterruptedException {
        String news = watch.look();
        while (news == null) {
            TimeUnit.MILLISECONDS.sleep(10);
            news = watch.look();
        }
        return news;
    }

    @Test
    void brokersThatAreAwayAreToldOnceAndExplainWhatFollows() throws Exception {
        try (BrokerWatch watch = watch()) {
            Throwable timeout = new RuntimeException("task", new TimeoutException("flush"));
            assertThat(watch.explains(timeout)).isFalse();
            assertThat(await(watch)).startsWith("no broker answers at 127.0.0.1:");
            for (int i = 0; i < 54; i++) {
                assertThat(watch.look()).isNull();
                TimeUnit.MILLISECONDS.sleep(10);
            }
            assertThat(watch.explains(new IllegalStateException("a bug"))).isFalse();
            assertThat(watch.explains(timeout)).isTrue();
            assertThat(watch.answered(List.of(ONE, TWO)))
                    .startsWith("brokers answer again at one:9092, two:9093, after ")
                    .endsWith(" s, and the job went back to its last checkpoint once");
            assertThat(watch.explains(timeout)).isFalse();
        }
    }

    @Test
    void ofSeveralBrokersEachIsToldOf() throws Exception {
        try (BrokerWatch watch = watch()) {
            assertThat(watch.answered(List.of(ONE, TWO, THREE))).isNull();
            assertThat(watch.answered(List.of(THREE, ONE)))
                    .isEqualTo(
                            "broker two:9093 is gone, others answer: 2. What it alone has waits.");
            assertThat(watch.answered(List.of(ONE, THREE))).isNull();
            assertThat(watch.answered(List.of(THREE)))
                    .isEqualTo(
                            "broker one:9092 is gone, others answer: 1. What it alone has waits.");
            assertThat(watch.answered(List.of(ONE, TWO, THREE)))
                    .isEqualTo("broker one:9092, two:9093 is back");
            assertThat(watch.answered(List.of(ONE, TWO, THREE))).isNull();
        }
    }
}

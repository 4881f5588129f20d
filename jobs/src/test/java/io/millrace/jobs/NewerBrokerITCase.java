package io.millrace.jobs;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.jobs.local.FreePorts;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.server.common.MetadataVersion;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * The job against a broker that is newer than its clients. The broker has a JVM and a class path of
 * its own ({@code jobs/src/it/newer-broker}): its libraries on ours would break exactly-once.
 */
@Timeout(600)
class NewerBrokerITCase {
    private static final Duration LIMIT = Duration.ofSeconds(240);
    private static final Path JARS = Path.of("src/it/newer-broker/target/broker");
    private static final String APPLICATION = "newer";
    private static final int REQUESTS = 197;
    private static final int TOKENS = 54;

    @TempDir Path folder;

    @Test
    void aKilledJobGoesOnAndAnswersEachRequestOnce() throws Exception {
        assertThat(JARS).as("what `mvn verify` puts there").isNotEmptyDirectory();
        int port = FreePorts.next();
        String server = "127.0.0.1:" + port;
        Path settings = settings(port);
        try (TestingProcess format =
                kafka(
                        "kafka.tools.StorageTool",
                        "format",
                        "--cluster-id=" + Uuid.randomUuid(),
                        "--config=" + settings)) {
            assertThat(format.exitCode(LIMIT)).as("%s", format.lines()).isZero();
        }
        try (TestingProcess broker = kafka("kafka.Kafka", settings.toString())) {
            broker.awaitLine("Kafka Server started", LIMIT);
            assertNewerThanOurs(server);
            TestingTopics topics = new TestingTopics(server, APPLICATION, 2);
            topics.answeredOnceThroughAKill(
                    REQUESTS, TOKENS, LIMIT, () -> run(topics), () -> run(topics));
        }
    }

    private static void assertNewerThanOurs(String server) throws Exception {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", server))) {
            assertThat(
                            admin.describeFeatures()
                                    .featureMetadata()
                                    .get()
                                    .finalizedFeatures()
                                    .get(MetadataVersion.FEATURE_NAME)
                                    .maxVersionLevel())
                    .as("the broker's metadata version")
                    .isGreaterThan(MetadataVersion.latestProduction().featureLevel());
        }
    }

    private TestingProcess run(TestingTopics topics) throws IOException {
        List<String> arguments = new ArrayList<>();
        arguments.add("run");
        arguments.add("--model=" + TestingProcess.root().resolve("models/triage"));
        arguments.add("--application-id=" + APPLICATION);
        arguments.add("--checkpoint-interval=200ms");
        arguments.add("--max-in-flight=32");
        arguments.addAll(topics.options());
        return TestingProcess.millrace(folder.resolve("data"), arguments.toArray(new String[0]));
    }

    private static TestingProcess kafka(String main, String... arguments) throws IOException {
        List<String> command = new ArrayList<>();
        command.addAll(List.of("-Xmx400m", "-XX:TieredStopAtLevel=1"));
        command.addAll(List.of("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"));
        // Says when the broker is up.
        command.add("-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info");
        command.addAll(List.of("-cp", JARS.toAbsolutePath() + "/*", main));
        command.addAll(List.of(arguments));
        return TestingProcess.java(Map.of(), command);
    }

    /** The file of one node that holds one copy of everything. */
    private Path settings(int port) throws IOException {
        return Files.writeString(
                folder.resolve("server.properties"),
                """
                process.roles=broker,controller
                node.id=1
                log.dirs=%1$s
                listeners=PLAINTEXT://127.0.0.1:%2$d,CONTROLLER://127.0.0.1:%3$d
                advertised.listeners=PLAINTEXT://127.0.0.1:%2$d
                inter.broker.listener.name=PLAINTEXT
                controller.listener.names=CONTROLLER
                listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
                controller.quorum.voters=1@127.0.0.1:%3$d
                offsets.topic.replication.factor=1
                offsets.topic.num.partitions=2
                transaction.state.log.replication.factor=1
                transaction.state.log.num.partitions=2
                transaction.state.log.min.isr=1
                group.initial.rebalance.delay.ms=0
                auto.create.topics.enable=false
                log.retention.ms=-1
                log.cleaner.dedupe.buffer.size=4194304
                """
                        .formatted(folder.resolve("kafka"), port, FreePorts.next()));
    }
}

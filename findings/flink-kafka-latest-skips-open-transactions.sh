#!/usr/bin/env bash
# Flink's Kafka connector 5.0.0-2.2: OffsetsInitializer.latest() begins behind what open transactions have written, although it reads
# committed records only.
#
# A consumer with isolation.level=read_committed that starts at the latest offset starts at the last stable offset: what a transaction
# that is open at that moment has written is still to come, and is read once it commits. KafkaSource with the same isolation level
# asks an AdminClient for the end of the log, and that has its own isolation level, read_uncommitted by default: it begins at the high
# watermark. The records of a transaction that was open at the start, and commits a second later, are never read, and nothing says
# so. With a sink of Flink's, exactly-once, at the other end of the topic that is up to one checkpoint interval of records.
#
# Needs a JDK 17, Maven and Maven Central. Runs for about a minute.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/pom.xml" <<'POM'
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>findings</groupId>
  <artifactId>latest</artifactId>
  <version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka-clients</artifactId>
      <version>4.2.2</version>
    </dependency>
    <dependency>
      <groupId>org.apache.flink</groupId>
      <artifactId>flink-clients</artifactId>
      <version>2.3.0</version>
    </dependency>
    <dependency>
      <groupId>org.apache.flink</groupId>
      <artifactId>flink-connector-base</artifactId>
      <version>2.3.0</version>
    </dependency>
    <dependency>
      <groupId>org.apache.flink</groupId>
      <artifactId>flink-connector-kafka</artifactId>
      <version>5.0.0-2.2</version>
    </dependency>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_2.13</artifactId>
      <version>4.2.2</version>
    </dependency>
  </dependencies>
</project>
POM
mvn -q -B -f "$work/pom.xml" org.apache.maven.plugins:maven-dependency-plugin:3.8.1:build-classpath -Dmdep.outputFile="$work/classpath"
cat > "$work/Latest.java" <<'JAVA'
import java.net.ServerSocket;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import kafka.server.KafkaConfig;
import kafka.server.KafkaRaftServer;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.serialization.SimpleStringSchema;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.util.CloseableIterator;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.common.utils.Time;
import org.apache.kafka.metadata.storage.Formatter;

public class Latest {
    public static void main(String[] args) throws Exception {
        int port = free();
        KafkaRaftServer broker = broker(Path.of(args[0]), port, free());
        String servers = "127.0.0.1:" + port;
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", servers))) {
            admin.createTopics(List.of(new NewTopic("t", 1, (short) 1))).all().get();
        }
        KafkaProducer<String, String> producer =
                new KafkaProducer<>(
                        Map.of("bootstrap.servers", servers, "transactional.id", "x"),
                        new StringSerializer(),
                        new StringSerializer());
        producer.initTransactions();
        producer.beginTransaction();
        producer.send(new ProducerRecord<>("t", "of the open transaction")).get();

        KafkaConsumer<String, String> consumer =
                new KafkaConsumer<>(
                        Map.of("bootstrap.servers", servers, "isolation.level", "read_committed"),
                        new StringDeserializer(),
                        new StringDeserializer());
        TopicPartition partition = new TopicPartition("t", 0);
        consumer.assign(List.of(partition));
        consumer.seekToEnd(List.of(partition));
        System.out.println("a consumer's latest offset, read_committed: " + consumer.position(partition));

        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.setParallelism(1);
        KafkaSource<String> source =
                KafkaSource.<String>builder()
                        .setBootstrapServers(servers)
                        .setTopics("t")
                        .setProperty("isolation.level", "read_committed")
                        .setStartingOffsets(OffsetsInitializer.latest())
                        .setValueOnlyDeserializer(new SimpleStringSchema())
                        .build();
        List<String> flink = new ArrayList<>();
        try (CloseableIterator<String> records =
                env.fromSource(source, WatermarkStrategy.noWatermarks(), "t").executeAndCollect()) {
            // Long enough for the job to have begun.
            Thread.sleep(15_000);
            producer.commitTransaction();
            producer.beginTransaction();
            producer.send(new ProducerRecord<>("t", "of the next"));
            producer.commitTransaction();
            do {
                flink.add(records.next());
            } while (!flink.contains("of the next"));
        }
        List<String> kafka = new ArrayList<>();
        while (!kafka.contains("of the next")) {
            for (ConsumerRecord<String, String> each : consumer.poll(Duration.ofSeconds(1))) {
                kafka.add(each.value());
            }
        }
        System.out.println("the consumer read: " + kafka);
        System.out.println("the job read:      " + flink);
        boolean asDescribed =
                kafka.equals(List.of("of the open transaction", "of the next"))
                        && flink.equals(List.of("of the next"));
        Runtime.getRuntime().halt(asDescribed ? 0 : 1);
    }

    private static int free() throws Exception {
        try (ServerSocket socket = new ServerSocket(0)) {
            return socket.getLocalPort();
        }
    }

    private static KafkaRaftServer broker(Path folder, int port, int controller) throws Exception {
        Properties all = new Properties();
        all.putAll(
                Map.of(
                        "process.roles", "broker,controller",
                        "node.id", "1",
                        "log.dirs", folder.toString(),
                        "listeners", "PLAINTEXT://127.0.0.1:" + port + ",CONTROLLER://127.0.0.1:" + controller,
                        "advertised.listeners", "PLAINTEXT://127.0.0.1:" + port,
                        "controller.listener.names", "CONTROLLER",
                        "listener.security.protocol.map", "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
                        "controller.quorum.voters", "1@127.0.0.1:" + controller));
        for (String topic : List.of("offsets.topic", "transaction.state.log")) {
            all.put(topic + ".replication.factor", "1");
            all.put(topic + ".num.partitions", "1");
        }
        all.put("transaction.state.log.min.isr", "1");
        all.put("log.cleaner.dedupe.buffer.size", "4194304");
        KafkaConfig config = KafkaConfig.fromProps(all, false);
        new Formatter()
                .setPrintStream(new java.io.PrintStream(java.io.OutputStream.nullOutputStream()))
                .setNodeId(1)
                .setClusterId(Uuid.randomUuid().toString())
                .setControllerListenerName("CONTROLLER")
                .setMetadataLogDirectory(folder.toString())
                .addDirectory(folder.toString())
                .run();
        KafkaRaftServer server = new KafkaRaftServer(config, Time.SYSTEM);
        server.startup();
        return server;
    }
}
JAVA
java -Xmx1g -cp "$(cat "$work/classpath")" "$work/Latest.java" "$work/kafka" 2>"$work/log" || { tail -30 "$work/log" >&2; exit 1; }
echo "as described: the job never reads the records of the transaction that was open at its start"

package io.millrace.jobs.local;

import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.net.BindException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Properties;
import kafka.server.KafkaConfig;
import kafka.server.KafkaRaftServer;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.utils.Exit;
import org.apache.kafka.common.utils.Time;
import org.apache.kafka.metadata.storage.Formatter;

/**
 * A real Kafka broker of one node in this JVM, on the loopback address, without security. Its data
 * is kept in its folder: started there again, it has the same topics.
 */
public final class EmbeddedKafka implements AutoCloseable {

    private static final String HOST = "127.0.0.1";
    private static final int ATTEMPTS = 3;

    private final KafkaRaftServer server;
    private final int port;

    private EmbeddedKafka(KafkaRaftServer server, int port) {
        this.server = server;
        this.port = port;
    }

    /** Starts a broker on a free port. Takes about three seconds in a new folder. */
    public static EmbeddedKafka start(Path folder) throws IOException {
        return start(folder, 0, Map.of());
    }

    /**
     * Starts a broker.
     *
     * @param folder folder of its data; created if absent
     * @param port port for clients, 0 for a free one
     * @param settings broker settings that extend or override ours
     * @throws BindException if the port is in use
     */
    public static EmbeddedKafka start(Path folder, int port, Map<String, String> settings)
            throws IOException {
        return start(folder, port, null, settings);
    }

    /**
     * A second listener of the broker, for clients that connect through a proxy.
     *
     * @param listens port at which the broker listens
     * @param told advertised port
     */
    record Detour(int listens, int told) {}

    static EmbeddedKafka start(Path folder, int port, Detour detour, Map<String, String> settings)
            throws IOException {
        surviveFaults();
        for (int attempt = 1; ; attempt++) {
            int[] ports = freePorts(port);
            KafkaConfig config = config(folder, ports, detour, settings);
            format(folder, config);
            KafkaRaftServer server = new KafkaRaftServer(config, Time.SYSTEM);
            try {
                server.startup();
                return new EmbeddedKafka(server, ports[0]);
            } catch (RuntimeException e) {
                server.shutdown();
                server.awaitShutdown();
                // Another process may take a free port before the broker starts.
                if (port != 0 || attempt == ATTEMPTS) {
                    throw e;
                }
            }
        }
    }

    /** Address for clients, {@code host:port}. */
    public String bootstrapServers() {
        return HOST + ":" + port;
    }

    /**
     * Keeps a fatal fault of the broker from ending this process, which runs more than the broker.
     */
    private static void surviveFaults() {
        Exit.Procedure fault =
                (status, message) -> {
                    throw new IllegalStateException(
                            "The embedded Kafka broker failed (status " + status + "): " + message);
                };
        Exit.setExitProcedure(fault);
        Exit.setHaltProcedure(fault);
    }

    /** Free ports for clients and controller. */
    private static int[] freePorts(int wanted) throws IOException {
        if (wanted == 0) {
            return new int[] {FreePorts.next(), FreePorts.next()};
        }
        try (ServerSocket clients = new ServerSocket()) {
            clients.setReuseAddress(true);
            clients.bind(new InetSocketAddress(HOST, wanted));
        } catch (BindException e) {
            throw new BindException(
                    "port "
                            + wanted
                            + " is in use: stop what listens there (another Kafka?) or choose"
                            + " another port");
        }
        return new int[] {wanted, FreePorts.next()};
    }

    private static KafkaConfig config(
            Path folder, int[] ports, Detour detour, Map<String, String> settings) {
        String clients = "PLAINTEXT://" + HOST + ":" + ports[0];
        String controller = ",CONTROLLER://" + HOST + ":" + ports[1];
        String listens = detour == null ? "" : ",DETOUR://" + HOST + ":" + detour.listens();
        String told = detour == null ? "" : ",DETOUR://" + HOST + ":" + detour.told();
        Properties all = new Properties();
        all.setProperty("process.roles", "broker,controller");
        all.setProperty("node.id", "1");
        all.setProperty("log.dirs", folder.toAbsolutePath().toString());
        all.setProperty("listeners", clients + listens + controller);
        all.setProperty("advertised.listeners", clients + told);
        all.setProperty("inter.broker.listener.name", "PLAINTEXT");
        all.setProperty("controller.listener.names", "CONTROLLER");
        all.setProperty(
                "listener.security.protocol.map",
                "PLAINTEXT:PLAINTEXT,DETOUR:PLAINTEXT,CONTROLLER:PLAINTEXT");
        all.setProperty("controller.quorum.voters", "1@" + HOST + ":" + ports[1]);
        // One node holds one copy of everything.
        for (String topic :
                new String[] {
                    "offsets.topic", "transaction.state.log", "share.coordinator.state.topic"
                }) {
            all.setProperty(topic + ".replication.factor", "1");
            all.setProperty(topic + ".num.partitions", "2");
        }
        all.setProperty("transaction.state.log.min.isr", "1");
        all.setProperty("share.coordinator.state.topic.min.isr", "1");
        all.setProperty("group.initial.rebalance.delay.ms", "0");
        all.setProperty("auto.create.topics.enable", "false");
        // Results keep their request's timestamp: retention by age could delete them at once.
        all.setProperty("log.retention.ms", "-1");
        all.setProperty("log.cleaner.dedupe.buffer.size", "4194304");
        all.setProperty("num.network.threads", "2");
        all.setProperty("num.io.threads", "2");
        settings.forEach(all::setProperty);
        return KafkaConfig.fromProps(all, false);
    }

    private static void format(Path folder, KafkaConfig config) throws IOException {
        if (Files.exists(folder.resolve("meta.properties"))) {
            return;
        }
        Files.createDirectories(folder);
        try (PrintStream silent =
                new PrintStream(OutputStream.nullOutputStream(), false, StandardCharsets.UTF_8)) {
            new Formatter()
                    .setPrintStream(silent)
                    .setNodeId(config.nodeId())
                    .setClusterId(Uuid.randomUuid().toString())
                    .setControllerListenerName("CONTROLLER")
                    .setMetadataLogDirectory(folder.toAbsolutePath().toString())
                    .addDirectory(folder.toAbsolutePath().toString())
                    .run();
        } catch (IOException | RuntimeException e) {
            throw e;
        } catch (Exception e) {
            throw new IOException("cannot prepare " + folder + " for Kafka: " + e.getMessage(), e);
        }
    }

    /** Stops the broker; its data is kept. */
    @Override
    public void close() {
        server.shutdown();
        server.awaitShutdown();
    }
}

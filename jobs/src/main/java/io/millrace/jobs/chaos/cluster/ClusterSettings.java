package io.millrace.jobs.chaos.cluster;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.GlobalConfiguration;

/**
 * The configuration files of Flink and ZooKeeper: those of {@code flink-conf}, with short timeouts.
 */
final class ClusterSettings {
    /** Logging through the pipe, added to the file of {@code flink-conf}. */
    private static final String PIPE =
            """
            rootLogger.level = INFO
            rootLogger.appenderRef.pipe.ref = Pipe
            appender.pipe.name = Pipe
            appender.pipe.type = Console
            appender.pipe.target = SYSTEM_OUT
            appender.pipe.layout.type = PatternLayout
            appender.pipe.layout.pattern = %d{yyyy-MM-dd HH:mm:ss,SSS} %-5p %-50.50c [%t] %m%n
            """;

    private final Installation installation;
    private final Path folder;
    private final Path files;
    private final int zooKeeperPort;
    private final int restPort;
    private int zooKeeperData;

    /**
     * @param folder folder of the cluster
     */
    ClusterSettings(Installation installation, Path folder, int zooKeeperPort, int restPort)
            throws IOException {
        this.installation = installation;
        this.folder = folder;
        this.files = Files.createDirectories(folder.resolve("conf"));
        this.zooKeeperPort = zooKeeperPort;
        this.restPort = restPort;
    }

    /**
     * Writes all files.
     *
     * @param slots slots per TaskManager
     */
    void write(int slots) throws IOException {
        Files.copy(
                installation.flinkSettings().resolve("log4j.properties"),
                files.resolve("log4j.properties"));
        Files.writeString(pipe(), PIPE);
        Files.createDirectories(folder.resolve("tmp"));
        Map<String, String> all =
                new TreeMap<>(
                        GlobalConfiguration.loadConfiguration(
                                        installation.flinkSettings().toString())
                                .toMap());
        all.put("jobmanager.rpc.address", Cluster.HOST);
        all.put("jobmanager.bind-host", Cluster.HOST);
        all.put("taskmanager.host", Cluster.HOST);
        all.put("taskmanager.bind-host", Cluster.HOST);
        all.put("rest.address", Cluster.HOST);
        all.put("rest.bind-address", Cluster.HOST);
        all.put("rest.port", Integer.toString(restPort));
        all.put("io.tmp.dirs", folder.resolve("tmp").toString());
        all.put("high-availability.type", "zookeeper");
        all.put("high-availability.zookeeper.quorum", Cluster.HOST + ":" + zooKeeperPort);
        all.put("high-availability.storageDir", folder.resolve("ha").toUri().toString());
        all.put("high-availability.cluster-id", "/chaos");
        // A killed JobManager keeps the leadership until its ZooKeeper session times out.
        all.put("high-availability.zookeeper.client.session-timeout", "5 s");
        all.put("high-availability.zookeeper.client.connection-timeout", "5 s");
        all.put("heartbeat.interval", "1 s");
        all.put("heartbeat.timeout", "5 s");
        all.put("restart-strategy.exponential-delay.initial-backoff", "200 ms");
        all.put("restart-strategy.exponential-delay.max-backoff", "1 s");
        all.put("taskmanager.memory.process.size", "1200m");
        all.put("taskmanager.numberOfTaskSlots", Integer.toString(slots));
        all.put("taskmanager.load-balance.mode", "SLOTS");
        // The monitor polls these figures several times per second.
        all.put("metrics.fetcher.update-interval", "300 ms");
        all.put("web.refresh-interval", "200");
        StringBuilder yaml = new StringBuilder();
        all.forEach(
                (key, value) ->
                        yaml.append(key)
                                .append(": '")
                                .append(value.replace("'", "''"))
                                .append("'\n"));
        Files.writeString(files.resolve(GlobalConfiguration.FLINK_CONF_FILENAME), yaml);
        writeZooKeeper();
    }

    /** Deletes ZooKeeper's data; takes effect at its next start. */
    void forgetJobs() throws IOException {
        zooKeeperData++;
        writeZooKeeper();
    }

    private void writeZooKeeper() throws IOException {
        Files.writeString(
                zooKeeper(),
                """
                tickTime=500
                dataDir=%s
                clientPort=%d
                clientPortAddress=%s
                admin.enableServer=false
                """
                        .formatted(
                                folder.resolve("zookeeper-" + zooKeeperData),
                                zooKeeperPort,
                                Cluster.HOST));
    }

    Path folder() {
        return files;
    }

    Path zooKeeper() {
        return files.resolve("zoo.cfg");
    }

    Configuration load() {
        return GlobalConfiguration.loadConfiguration(files.toString());
    }

    /** The JVM flag for logging to a file, as in production. */
    String logging() {
        return "-Dlog4j.configurationFile=file:" + files.resolve("log4j.properties");
    }

    /** The same, and also to the standard output, whose pipe a full disk does not affect. */
    String loggingToOutput() {
        return logging() + ",file:" + pipe();
    }

    private Path pipe() {
        return files.resolve("pipe.properties");
    }
}

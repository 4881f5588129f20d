package io.millrace.jobs.chaos.cluster;

import io.millrace.jobs.chaos.check.Deadline;
import io.millrace.jobs.local.BrokerProcess;
import io.millrace.jobs.local.FreePorts;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import org.apache.flink.runtime.clusterframework.TaskExecutorProcessUtils;

/**
 * A Kafka broker, ZooKeeper, a Flink JobManager and TaskManagers, each in a separate process from
 * the built jars. One thread.
 *
 * <pre>
 *   job ──> {@link Link} ──> broker &lt;── checker
 *   JobManager, TaskManagers ──> ZooKeeper
 * </pre>
 */
public final class Cluster implements AutoCloseable {
    public static final int SLOTS = 2;

    static final String HOST = "127.0.0.1";
    private static final Duration PATIENCE = Duration.ofSeconds(240);

    /** JVM flags of short-lived processes. */
    private static final List<String> SHORT_LIVED = List.of("-XX:TieredStopAtLevel=1");

    private final Installation installation;
    private final Path folder;
    private final ClusterSettings settings;
    private final Guard guard;
    private final int zooKeeperPort = FreePorts.next();
    private final int brokerPort = FreePorts.next();
    private final int detourPort = FreePorts.next();
    private final int restPort = FreePorts.next();
    private final Link link;
    private final FlinkRest rest;
    private final ChildProcess[] taskManagers;
    private final String[] resourceIds;
    private ChildProcess zooKeeper;
    private ChildProcess broker;
    private ChildProcess jobManager;
    private int started;

    /**
     * Prepares the folder; starts nothing.
     *
     * @param folder folder of logs, data and configuration
     */
    public Cluster(Installation installation, Path folder, Guard guard, int taskManagers)
            throws IOException {
        this.installation = installation;
        this.folder = folder;
        this.guard = guard;
        this.taskManagers = new ChildProcess[taskManagers];
        this.resourceIds = new String[taskManagers];
        this.link = new Link(detourPort);
        this.rest = new FlinkRest(HOST, restPort);
        this.settings = new ClusterSettings(installation, folder, zooKeeperPort, restPort);
        settings.write(SLOTS);
    }

    /**
     * Starts all processes; waits for ZooKeeper, without which Flink gives up, and for the broker.
     */
    public void startAll() throws IOException, InterruptedException {
        startZooKeeper();
        startBroker();
        awaitPort("ZooKeeper", zooKeeper, zooKeeperPort);
        startFlink();
        awaitBroker();
    }

    public void startFlink() throws IOException {
        startJobManager();
        for (int i = 0; i < taskManagers.length; i++) {
            startTaskManager(i);
        }
    }

    private void startZooKeeper() throws IOException {
        List<String> command = new ArrayList<>(SHORT_LIVED);
        command.addAll(
                List.of(
                        "-Xmx64m",
                        settings.loggingToOutput(),
                        "-cp",
                        installation.flinkClassPath(),
                        "org.apache.flink.runtime.zookeeper.FlinkZooKeeperQuorumPeer",
                        "--zkConfigFile",
                        settings.zooKeeper().toString(),
                        "--peerId",
                        "1"));
        zooKeeper = start("zookeeper", Map.of(), command);
    }

    public void startBroker() throws IOException {
        List<String> command = new ArrayList<>(SHORT_LIVED);
        command.addAll(
                List.of(
                        "-Xmx300m",
                        settings.loggingToOutput(),
                        "-cp",
                        installation.wholeClassPath(),
                        BrokerProcess.class.getName(),
                        folder.resolve("kafka").toString(),
                        Integer.toString(brokerPort),
                        Integer.toString(detourPort),
                        Integer.toString(link.port()),
                        // The interval at which the broker aborts transactions of killed processes
                        // after their timeout.
                        "transaction.abort.timed.out.transaction.cleanup.interval.ms=500"));
        broker = start("broker", Map.of(), command);
    }

    public void startJobManager() throws IOException {
        List<String> command = new ArrayList<>(SHORT_LIVED);
        command.addAll(
                List.of(
                        "-Xmx400m",
                        settings.loggingToOutput(),
                        "-cp",
                        installation.flinkClassPath(),
                        "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint",
                        "--configDir",
                        settings.folder().toString()));
        jobManager = start("jobmanager", Map.of(), command);
    }

    public void startTaskManager(int number) throws IOException {
        // As Flink's shell script, computes the memory from the file and passes it as flags.
        String memory =
                TaskExecutorProcessUtils.generateDynamicConfigsStr(
                        TaskExecutorProcessUtils.processSpecFromConfig(settings.load()));
        List<String> command =
                new ArrayList<>(
                        List.of(
                                "-Xmx700m",
                                "--add-modules=jdk.incubator.vector",
                                "-XX:+ExitOnOutOfMemoryError",
                                "-DDJL_OFFLINE=true",
                                "-DRUST_FLAVOR=cpu",
                                settings.loggingToOutput(),
                                "-cp",
                                installation.flinkClassPath(),
                                "org.apache.flink.runtime.taskexecutor.TaskManagerRunner",
                                "--configDir",
                                settings.folder().toString()));
        command.addAll(List.of(memory.strip().split("\\s+")));
        resourceIds[number] = "taskmanager-" + number + "-" + started;
        command.addAll(List.of("-D", "taskmanager.resource-id=" + resourceIds[number]));
        taskManagers[number] = start("taskmanager-" + number, Map.of(), command);
    }

    /**
     * Runs Flink's command line.
     *
     * @return its output
     */
    String client(List<String> arguments) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(SHORT_LIVED);
        command.addAll(
                List.of(
                        "-Xmx256m",
                        "--add-opens=java.base/java.util=ALL-UNNAMED",
                        settings.logging(),
                        "-cp",
                        installation.flinkClassPath(),
                        "org.apache.flink.client.cli.CliFrontend"));
        command.addAll(arguments);
        ChildProcess client =
                start("client", Map.of("FLINK_CONF_DIR", settings.folder().toString()), command);
        if (client.exitCode(PATIENCE) != 0) {
            throw new IOException("flink " + arguments.get(0) + " failed:\n" + client.output());
        }
        return client.output();
    }

    private ChildProcess start(String role, Map<String, String> environment, List<String> command)
            throws IOException {
        String name = "%03d-%s".formatted(started++, role);
        return ChildProcess.java(name, folder, environment, guard, command);
    }

    /** Restarts all processes; Flink has no job, the broker keeps its data. */
    public void startAnew() throws IOException, InterruptedException {
        killAll();
        settings.forgetJobs();
        startAll();
        awaitTaskManagers();
    }

    /** Kills JobManager, TaskManagers, broker and ZooKeeper. */
    public void killAll() throws IOException, InterruptedException {
        killFlink();
        broker.kill();
        zooKeeper.kill();
    }

    /** Kills JobManager and TaskManagers. */
    public void killFlink() throws IOException, InterruptedException {
        for (ChildProcess taskManager : taskManagers) {
            taskManager.kill();
        }
        jobManager.kill();
    }

    public ChildProcess taskManager(int number) {
        return taskManagers[number];
    }

    /** Numbers of the TaskManagers with tasks of a job; all if unknown. */
    public List<Integer> busyTaskManagers(String job) throws InterruptedException {
        List<Integer> all = IntStream.range(0, taskManagers.length).boxed().toList();
        try {
            Set<String> ids = rest.taskManagers(job);
            List<Integer> busy =
                    all.stream().filter(number -> ids.contains(resourceIds[number])).toList();
            return busy.isEmpty() ? all : busy;
        } catch (IOException e) {
            return all;
        }
    }

    public List<ChildProcess> taskManagers() {
        return List.of(taskManagers);
    }

    public ChildProcess jobManager() {
        return jobManager;
    }

    public ChildProcess broker() {
        return broker;
    }

    public Link link() {
        return link;
    }

    public FlinkRest rest() {
        return rest;
    }

    Installation installation() {
        return installation;
    }

    /** The broker's address for the job. */
    String brokerThroughLink() {
        return HOST + ":" + link.port();
    }

    /** The broker's direct address, for clients that are not under test. */
    public String brokerDirect() {
        return HOST + ":" + brokerPort;
    }

    /** Waits until the broker takes connections. */
    public void awaitBroker() throws IOException, InterruptedException {
        awaitPort("the broker", broker, brokerPort);
    }

    private static void awaitPort(String what, ChildProcess process, int port)
            throws IOException, InterruptedException {
        await(
                what,
                () -> {
                    process.requireAlive();
                    try (Socket socket = new Socket()) {
                        socket.connect(new InetSocketAddress(HOST, port), 1000);
                        return true;
                    } catch (IOException e) {
                        return false;
                    }
                });
    }

    /** Flushes the output of all processes to the logs. */
    public void takeLogs() throws IOException {
        for (ChildProcess each : taskManagers) {
            each.takeOutput();
        }
        jobManager.takeOutput();
    }

    /** Waits until each TaskManager has registered with the JobManager. */
    public void awaitTaskManagers() throws IOException, InterruptedException {
        await(
                "the TaskManagers",
                () -> {
                    zooKeeper.requireAlive();
                    jobManager.requireAlive();
                    for (ChildProcess taskManager : taskManagers) {
                        taskManager.requireAlive();
                    }
                    return rest.taskManagers() >= taskManagers.length;
                });
    }

    public static void await(String what, Condition condition)
            throws IOException, InterruptedException {
        Deadline deadline = Deadline.in(PATIENCE);
        while (!condition.holds()) {
            if (deadline.isOver()) {
                throw new IOException("Waited " + PATIENCE.toSeconds() + " s for " + what + ".");
            }
            deadline.pause();
        }
    }

    /** A condition to wait for. */
    public interface Condition {
        boolean holds() throws IOException, InterruptedException;
    }

    @Override
    public void close() throws IOException, InterruptedException {
        link.close();
        for (ChildProcess taskManager : taskManagers) {
            kill(taskManager);
        }
        kill(jobManager);
        kill(broker);
        kill(zooKeeper);
    }

    private static void kill(ChildProcess process) throws IOException, InterruptedException {
        // Null if the start failed.
        if (process != null) {
            process.kill();
        }
    }
}

package io.millrace.jobs;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.millrace.jobs.local.EmbeddedKafka;
import io.millrace.jobs.stream.AnswerReader;
import java.io.File;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.flink.configuration.GlobalConfiguration;
import org.apache.flink.runtime.clusterframework.TaskExecutorProcessUtils;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * The job jar on a Flink cluster of real processes, submitted by Flink's own client: each job has a
 * class loader of its own there, while the engine comes from lib.
 */
@Timeout(900)
class ClusterITCase {
    private static final Duration LIMIT = Duration.ofSeconds(240);
    private static final Pattern JOB_ID = Pattern.compile("JobID ([0-9a-f]{32})");
    private static final int REQUESTS = 97;

    @TempDir Path folder;

    private EmbeddedKafka broker;
    private Path configuration;
    private int restPort;
    private TestingProcess jobManager;
    private TestingProcess taskManager;

    @BeforeEach
    void startCluster() throws Exception {
        broker = EmbeddedKafka.start(folder.resolve("kafka"));
        configuration = Files.createDirectories(folder.resolve("conf"));
        Files.copy(
                TestingProcess.root().resolve("flink-conf/log4j.properties"),
                configuration.resolve("log4j.properties"));
        int rpc = freePort();
        restPort = freePort();
        String yaml =
                Files.readString(TestingProcess.root().resolve("flink-conf/config.yaml"))
                        .replace("port: 6123", "port: " + rpc)
                        .replace("size: 8g", "size: 2g")
                        .replace("file:///tmp/millrace", folder.resolve("state").toUri().toString())
                        .replace("numberOfTaskSlots: 1", "numberOfTaskSlots: 2")
                        .replace(
                                "bind-address: localhost",
                                "bind-address: localhost\n  port: " + restPort);
        Files.writeString(configuration.resolve("config.yaml"), yaml);
        jobManager =
                flink(
                        "jobmanager",
                        List.of("-Xmx512m"),
                        true,
                        "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint",
                        "--configDir",
                        configuration.toString());
        // Flink's shell script works the memory out of the file and passes it on, as is done here.
        String memory =
                TaskExecutorProcessUtils.generateDynamicConfigsStr(
                        TaskExecutorProcessUtils.processSpecFromConfig(
                                GlobalConfiguration.loadConfiguration(configuration.toString())));
        List<String> arguments = new ArrayList<>(List.of("--configDir", configuration.toString()));
        arguments.addAll(List.of(memory.strip().split("\\s+")));
        taskManager =
                flink(
                        "taskmanager",
                        List.of("-Xmx1g", "--add-modules=jdk.incubator.vector"),
                        true,
                        "org.apache.flink.runtime.taskexecutor.TaskManagerRunner",
                        arguments.toArray(new String[0]));
    }

    @AfterEach
    void stopCluster() {
        // Killed children of a failed start are null.
        Stream.of(taskManager, jobManager)
                .filter(process -> process != null)
                .forEach(TestingProcess::close);
        broker.close();
    }

    @Test
    void aJobIsStoppedAndSubmittedAgainOnOneTaskManagerAndTwoRunAtOnce() throws Exception {
        TestingTopics first = new TestingTopics(broker.bootstrapServers(), "first", 2);
        TestingTopics second = new TestingTopics(broker.bootstrapServers(), "second", 2);
        try (AnswerReader firsts = first.reader();
                AnswerReader seconds = second.reader()) {
            first.send(0, REQUESTS, 17);
            String job = submit("first", first);
            List<String> ids = TestingTopics.await(firsts, List.of(), REQUESTS, LIMIT);
            assertMetricsAreNamedAsDocumented(job);

            client("stop", "-p", folder.resolve("stopped").toString(), job).expect(0);
            first.send(REQUESTS, 2 * REQUESTS, 17);
            second.send(0, REQUESTS, 17);
            submit("first", first, "-s", savepoint());
            submit("second", second);

            assertThat(TestingTopics.await(firsts, ids, 2 * REQUESTS, LIMIT))
                    .containsExactlyInAnyOrderElementsOf(numbers(2 * REQUESTS));
            assertThat(TestingTopics.await(seconds, List.of(), REQUESTS, LIMIT))
                    .containsExactlyInAnyOrderElementsOf(numbers(REQUESTS));
        }
        assertThat(folder.resolve("state/checkpoints")).isNotEmptyDirectory();
        String log = Files.readString(folder.resolve("taskmanager.log"));
        assertThat(log).doesNotContain("UnsatisfiedLinkError").doesNotContain("to FAILED");
    }

    @Test
    void theClientsParallelismCountsAndItsStorageIsLookedAt() throws Exception {
        TestingTopics topics = new TestingTopics(broker.bootstrapServers(), "settings", 2);
        // Two partitions do not suffice for three subtasks, wherever the three comes from.
        refused(topics, "fewer than the parallelism of 3", "-p", "3");
        refused(topics, "fewer than the parallelism of 3", "-Dparallelism.default=3");
        refused(topics, "--checkpoint-dir", "-Dexecution.checkpointing.storage=jobmanager");
    }

    private void refused(TestingTopics topics, String told, String... flinkOptions)
            throws Exception {
        List<String> command = run("settings", topics);
        command.addAll(1, List.of(flinkOptions));
        Ended ended = client(command.toArray(new String[0]));
        ended.expect(1);
        assertThat(ended.lines()).anyMatch(line -> line.contains(told));
    }

    @Test
    void theClientTellsInOneSentenceThatLibIsMissing() throws Exception {
        TestingTopics topics = new TestingTopics(broker.bootstrapServers(), "lib", 2);
        List<String> command = run("lib", topics);
        try (TestingProcess client =
                flink(
                        "client",
                        List.of("--add-opens=java.base/java.util=ALL-UNNAMED"),
                        false,
                        "org.apache.flink.client.cli.CliFrontend",
                        command.toArray(new String[0]))) {
            assertThat(client.exitCode(LIMIT)).isEqualTo(1);
            assertThat(client.lines()).anyMatch(line -> line.contains("dist/lib"));
            assertThat(client.lines()).noneMatch(line -> line.contains("\tat "));
        }
    }

    /** Each name of the page, as Flink's REST has it. */
    private void assertMetricsAreNamedAsDocumented(String job) throws Exception {
        String page = Files.readString(TestingProcess.root().resolve("docs/running.md"));
        String table =
                page.substring(
                        page.indexOf("<!-- metrics:begin -->"),
                        page.indexOf("<!-- metrics:end -->"));
        List<String> documented =
                Pattern.compile("`(0\\.inference_[^`]+)`")
                        .matcher(table)
                        .results()
                        .map(name -> name.group(1).replace("MODEL", "triage"))
                        .map(name -> name.replace("CODE", "unreadable"))
                        .toList();
        assertThat(documented).hasSizeGreaterThan(17);
        String vertex =
                new ObjectMapper()
                        .readTree(rest("/jobs/" + job))
                        .path("vertices")
                        .path(0)
                        .path("id")
                        .asText();
        long deadline = System.nanoTime() + LIMIT.toNanos();
        String told;
        do {
            assertThat(System.nanoTime()).as("metrics in time").isLessThan(deadline);
            // The JobManager asks the TaskManager for them now and then.
            Thread.sleep(200);
            told = rest("/jobs/" + job + "/vertices/" + vertex + "/metrics");
        } while (!told.contains("answered"));
        for (String name : documented) {
            assertThat(told).containsPattern(Pattern.quote("\"" + name) + "(_p99)?\"");
        }
    }

    private String rest(String path) throws Exception {
        URI address = URI.create("http://localhost:" + restPort + path);
        return HttpClient.newHttpClient()
                .send(HttpRequest.newBuilder(address).build(), HttpResponse.BodyHandlers.ofString())
                .body();
    }

    private String savepoint() throws IOException {
        try (Stream<Path> states = Files.list(folder.resolve("stopped"))) {
            return states.findFirst().orElseThrow().toString();
        }
    }

    private String submit(String application, TestingTopics topics, String... flinkOptions)
            throws Exception {
        List<String> command = run(application, topics);
        command.addAll(1, List.of(flinkOptions));
        Ended ended = client(command.toArray(new String[0]));
        ended.expect(0);
        Matcher id = JOB_ID.matcher(String.join("\n", ended.lines()));
        assertThat(id.find()).as(String.join("\n", ended.lines())).isTrue();
        return id.group(1);
    }

    private List<String> run(String application, TestingTopics topics) throws IOException {
        List<String> command = new ArrayList<>();
        command.addAll(List.of("run", "-d", DistITCase.jobJar().toString(), "run"));
        command.add("--model=" + TestingProcess.root().resolve("models/triage"));
        command.add("--application-id=" + application);
        command.add("--checkpoint-interval=300ms");
        command.addAll(topics.options());
        return command;
    }

    /** What Flink's client printed. */
    private record Ended(int exitCode, List<String> lines) {
        void expect(int code) {
            assertThat(exitCode).as(String.join("\n", lines)).isEqualTo(code);
        }
    }

    private Ended client(String... arguments) throws Exception {
        try (TestingProcess client =
                flink(
                        "client",
                        List.of("--add-opens=java.base/java.util=ALL-UNNAMED"),
                        true,
                        "org.apache.flink.client.cli.CliFrontend",
                        arguments)) {
            return new Ended(client.exitCode(LIMIT), client.lines());
        }
    }

    private TestingProcess flink(
            String log, List<String> flags, boolean withLib, String main, String... arguments)
            throws IOException {
        List<Path> jars = new ArrayList<>(DistITCase.jars("embedded"));
        for (Path jar : DistITCase.jars("lib")) {
            // The others are in Flink's own distribution, some of them.
            if (withLib || !jar.getFileName().toString().startsWith("millrace-")) {
                jars.add(jar);
            }
        }
        List<String> command = new ArrayList<>(flags);
        command.add("-Dlog.file=" + folder.resolve(log + ".log"));
        command.add("-Dlog4j.configurationFile=file:" + configuration.resolve("log4j.properties"));
        command.add("-cp");
        command.add(
                jars.stream().map(Path::toString).collect(Collectors.joining(File.pathSeparator)));
        command.add(main);
        command.addAll(List.of(arguments));
        return TestingProcess.java(Map.of("FLINK_CONF_DIR", configuration.toString()), command);
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    private static List<String> numbers(int end) {
        return IntStream.range(0, end).mapToObj(Integer::toString).toList();
    }
}

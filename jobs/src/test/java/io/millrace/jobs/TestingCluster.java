package io.millrace.jobs;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.millrace.jobs.local.EmbeddedKafka;
import io.millrace.jobs.local.FreePorts;
import java.io.File;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
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
import java.util.stream.Stream;
import org.apache.flink.configuration.GlobalConfiguration;
import org.apache.flink.runtime.clusterframework.TaskExecutorProcessUtils;

/**
 * A broker in this JVM, and a Flink cluster of real processes set up from {@code flink-conf}: a
 * JobManager and a TaskManager of two slots, with {@code dist/lib} in its lib folder.
 */
final class TestingCluster implements AutoCloseable {
    static final Duration LIMIT = Duration.ofSeconds(240);
    private static final Pattern JOB_ID = Pattern.compile("JobID ([0-9a-f]{32})");

    final EmbeddedKafka broker;
    private final Path folder;
    private final Path configuration;
    private final int restPort = FreePorts.next();
    private final ObjectMapper json = new ObjectMapper();
    private final HttpClient rest = HttpClient.newHttpClient();
    private final List<TestingProcess> processes = new ArrayList<>();

    /**
     * Starts it.
     *
     * @param folder for state, logs and configuration
     * @param settings lines of Flink's configuration beside those of the file
     */
    TestingCluster(Path folder, String... settings) throws Exception {
        this.folder = folder;
        broker = EmbeddedKafka.start(folder.resolve("kafka"));
        configuration = Files.createDirectories(folder.resolve("conf"));
        Files.copy(
                TestingProcess.root().resolve("flink-conf/log4j.properties"),
                configuration.resolve("log4j.properties"));
        String yaml =
                Files.readString(TestingProcess.root().resolve("flink-conf/config.yaml"))
                        .replace("port: 6123", "port: " + FreePorts.next())
                        .replace("size: 8g", "size: 2g")
                        .replace("file:///tmp/millrace", folder.resolve("state").toUri().toString())
                        .replace("numberOfTaskSlots: 1", "numberOfTaskSlots: 2")
                        .replace(
                                "bind-address: localhost",
                                "bind-address: localhost\n  port: " + restPort);
        Files.writeString(
                configuration.resolve("config.yaml"), yaml + String.join("\n", settings) + "\n");
        try {
            startFlink();
        } catch (IOException e) {
            close();
            throw e;
        }
    }

    private void startFlink() throws IOException {
        List<String> arguments = List.of("--configDir", configuration.toString());
        processes.add(
                flink(
                        "jobmanager",
                        List.of("-Xmx512m"),
                        true,
                        "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint",
                        arguments));
        // Flink's shell script works the memory out of the file and passes it on, as is done here.
        String memory =
                TaskExecutorProcessUtils.generateDynamicConfigsStr(
                        TaskExecutorProcessUtils.processSpecFromConfig(
                                GlobalConfiguration.loadConfiguration(configuration.toString())));
        processes.add(
                flink(
                        "taskmanager",
                        List.of("-Xmx1g", "--add-modules=jdk.incubator.vector"),
                        true,
                        "org.apache.flink.runtime.taskexecutor.TaskManagerRunner",
                        Stream.concat(arguments.stream(), Stream.of(memory.strip().split("\\s+")))
                                .toList()));
    }

    /** What the TaskManager has logged. */
    Path taskManagerLog() {
        return folder.resolve("taskmanager.log");
    }

    /** Flink's client, as far as it came. */
    record Ended(int exitCode, List<String> lines) {
        void expect(int code) {
            assertThat(exitCode).as(String.join("\n", lines)).isEqualTo(code);
        }
    }

    /** Runs Flink's client. */
    Ended client(String... arguments) throws Exception {
        return client(true, List.of(arguments));
    }

    /**
     * Runs Flink's client.
     *
     * @param withLib whether it has our jars in its lib folder
     */
    Ended client(boolean withLib, List<String> arguments) throws Exception {
        try (TestingProcess client =
                flink(
                        "client",
                        List.of("--add-opens=java.base/java.util=ALL-UNNAMED"),
                        withLib,
                        "org.apache.flink.client.cli.CliFrontend",
                        arguments)) {
            return new Ended(client.exitCode(LIMIT), client.lines());
        }
    }

    /** Submits the job; returns its id. */
    String submit(String application, TestingTopics topics, String... flinkOptions)
            throws Exception {
        Ended ended = client(true, run(application, topics, flinkOptions));
        ended.expect(0);
        Matcher id = JOB_ID.matcher(String.join("\n", ended.lines()));
        assertThat(id.find()).as(String.join("\n", ended.lines())).isTrue();
        return id.group(1);
    }

    /** What Flink's client is told to submit the job. */
    static List<String> run(String application, TestingTopics topics, String... flinkOptions)
            throws IOException {
        List<String> command = new ArrayList<>(List.of("run"));
        command.addAll(List.of(flinkOptions));
        command.addAll(List.of("-d", DistITCase.jobJar().toString(), "run"));
        command.add("--model=" + TestingProcess.root().resolve("models/triage"));
        command.add("--application-id=" + application);
        command.add("--checkpoint-interval=300ms");
        command.addAll(topics.options());
        return command;
    }

    /** Asks the JobManager. */
    JsonNode get(String path) throws Exception {
        return json.readTree(send(request(path)));
    }

    /** Tells the JobManager. */
    void put(String path, String body) throws Exception {
        send(request(path).PUT(BodyPublishers.ofString(body)));
    }

    private HttpRequest.Builder request(String path) {
        URI address = URI.create("http://localhost:" + restPort + path);
        return HttpRequest.newBuilder(address).header("Content-Type", "application/json");
    }

    private String send(HttpRequest.Builder request) throws Exception {
        HttpResponse<String> response =
                rest.send(request.build(), HttpResponse.BodyHandlers.ofString());
        assertThat(response.statusCode()).as(response.body()).isLessThan(300);
        return response.body();
    }

    private TestingProcess flink(
            String log, List<String> flags, boolean withLib, String main, List<String> arguments)
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
        command.addAll(arguments);
        return TestingProcess.java(Map.of("FLINK_CONF_DIR", configuration.toString()), command);
    }

    @Override
    public void close() {
        processes.forEach(TestingProcess::close);
        broker.close();
    }
}

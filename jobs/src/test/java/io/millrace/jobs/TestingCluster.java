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
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.ConfigurationUtils;
import org.apache.flink.configuration.CoreOptions;
import org.apache.flink.configuration.GlobalConfiguration;
import org.apache.flink.configuration.JobManagerOptions;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.configuration.RestOptions;
import org.apache.flink.configuration.TaskManagerOptions;
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
    private final Configuration flink;
    private final Path plugins;
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
        this(folder, "flink-conf", folder.resolve("plugins"), settings);
    }

    /**
     * Starts one by the settings of another folder.
     *
     * @param folder for state, logs and configuration
     * @param from folder of a config.yaml, in the repository
     * @param plugins Flink's folder of plugins, which need not exist
     * @param settings lines of Flink's configuration beside those of the file
     */
    TestingCluster(Path folder, String from, Path plugins, String... settings) throws Exception {
        this.folder = folder;
        this.plugins = plugins;
        broker = EmbeddedKafka.start(folder.resolve("kafka"));
        configuration = Files.createDirectories(folder.resolve("conf"));
        Files.copy(
                TestingProcess.root().resolve("flink-conf/log4j.properties"),
                configuration.resolve("log4j.properties"));
        flink = settings(from, settings);
        Files.write(
                configuration.resolve("config.yaml"),
                ConfigurationUtils.convertConfigToWritableLines(flink, true));
        try {
            startFlink();
        } catch (IOException e) {
            close();
            throw e;
        }
    }

    /** The file's, with addresses, folders and sizes of this test. */
    private Configuration settings(String from, String... more) throws IOException {
        Configuration settings =
                GlobalConfiguration.loadConfiguration(
                        TestingProcess.root().resolve(from).toString());
        // A URI of a folder that is not there yet has no slash at its end.
        String state = folder.resolve("state").toUri().toString();
        settings.set(JobManagerOptions.ADDRESS, "localhost");
        settings.set(JobManagerOptions.PORT, FreePorts.next());
        settings.set(RestOptions.ADDRESS, "localhost");
        settings.set(RestOptions.BIND_ADDRESS, "localhost");
        settings.set(RestOptions.PORT, restPort);
        settings.set(TaskManagerOptions.TOTAL_PROCESS_MEMORY, MemorySize.ofMebiBytes(2048));
        settings.set(TaskManagerOptions.NUM_TASK_SLOTS, 2);
        settings.set(CheckpointingOptions.CHECKPOINTS_DIRECTORY, state + "/checkpoints");
        settings.set(CheckpointingOptions.SAVEPOINT_DIRECTORY, state + "/savepoints");
        for (String line : more) {
            String[] setting = line.split(": ", 2);
            settings.setString(setting[0], setting[1]);
        }
        return settings;
    }

    /** The flags of all Flink's processes, put together as its scripts do. */
    private List<String> flags(String... own) {
        List<String> flags = new ArrayList<>(List.of(own));
        for (ConfigOption<String> option :
                List.of(CoreOptions.FLINK_DEFAULT_JVM_OPTIONS, CoreOptions.FLINK_JVM_OPTIONS)) {
            flags.addAll(List.of(flink.get(option).strip().split("\\s+")));
        }
        return flags;
    }

    private void startFlink() throws IOException {
        List<String> arguments = List.of("--configDir", configuration.toString());
        processes.add(
                flink(
                        "jobmanager",
                        flags("-Xmx512m"),
                        true,
                        "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint",
                        arguments));
        // Flink's shell script works the memory out of the file and passes it on, as is done here.
        String memory =
                TaskExecutorProcessUtils.generateDynamicConfigsStr(
                        TaskExecutorProcessUtils.processSpecFromConfig(flink));
        processes.add(
                flink(
                        "taskmanager",
                        flags("-Xmx1g"),
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
                        flags(),
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
        return TestingProcess.java(
                Map.of(
                        "FLINK_CONF_DIR",
                        configuration.toString(),
                        "FLINK_PLUGINS_DIR",
                        plugins.toString()),
                command);
    }

    @Override
    public void close() {
        processes.forEach(TestingProcess::close);
        broker.close();
    }
}

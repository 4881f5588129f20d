package io.millrace.jobs;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.jobs.local.EmbeddedKafka;
import io.millrace.jobs.local.Topics;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** {@code ./millrace} as a user meets it: real processes, one sentence when something is wrong. */
@Timeout(240)
class LauncherITCase {
    private static final Duration LIMIT = Duration.ofSeconds(100);
    private static final Path MODEL = TestingProcess.root().resolve("models/triage");

    @TempDir static Path shared;
    private static EmbeddedKafka broker;
    private static TestingTopics topics;

    @TempDir Path folder;

    @BeforeAll
    static void startBroker() throws IOException {
        broker = EmbeddedKafka.start(shared.resolve("kafka"));
        topics = new TestingTopics(broker.bootstrapServers(), "launcher", 2);
    }

    @AfterAll
    static void stopBroker() {
        broker.close();
    }

    @Test
    void withoutJavaItSaysWhatToInstall() throws Exception {
        assertFails(Map.of("JAVA_HOME", folder.toString()), "JDK 17 or later", "generate");
    }

    @Test
    void anOldJavaIsRefusedByItsVersion() throws Exception {
        Path java = Files.createDirectories(folder.resolve("jdk/bin")).resolve("java");
        Files.writeString(java, "#!/bin/sh\necho 'openjdk version \"11.0.2\" 2019-01-15' >&2\n");
        assertThat(java.toFile().setExecutable(true)).isTrue();
        assertFails(Map.of("JAVA_HOME", folder.resolve("jdk").toString()), "11.0.2", "generate");
    }

    @Test
    void aSystemThatWasNotTriedIsRefusedByName() throws Exception {
        TestingProcess refused =
                assertFails(Map.of("OSTYPE", "darwin23"), "MILLRACE_ANY_SYSTEM=1", "generate");
        assertThat(String.join(" ", refused.lines())).contains("darwin23");
    }

    @Test
    void aMissingBrokerIsNamed() throws Exception {
        assertFails(
                "127.0.0.1:1", "submit", "--bootstrap-servers=127.0.0.1:1", "--text", "/dev/null");
        assertFails("127.0.0.1:1", run("--bootstrap-servers=127.0.0.1:1"));
    }

    @Test
    void aMissingTopicIsNamed() throws Exception {
        assertFails("no-such-topic", run("--input-topics=no-such-topic"));
        assertFails(
                "no-such-topic",
                "results",
                "--bootstrap-servers=" + topics.bootstrapServers,
                "--topic=no-such-topic");
    }

    @Test
    void moreSubtasksThanPartitionsAreRefusedWithBothNumbers() throws Exception {
        TestingProcess run = assertFails("parallelism", run("--parallelism=3"));
        assertThat(String.join(" ", run.lines())).contains("3").contains("2");
    }

    @Test
    void aCorruptModelFileIsNamed() throws Exception {
        Path model = Files.createDirectories(folder.resolve("broken"));
        try (Stream<Path> files = Files.list(MODEL)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                Files.copy(file, model.resolve(file.getFileName()));
            }
        }
        Files.write(model.resolve("model.safetensors"), new byte[97]);
        assertFails("model.safetensors", "generate", "--model=" + model, "--prompt=x");
        assertFails("model.safetensors", run("--model=" + model));
    }

    @Test
    void aTakenUiPortIsNamed() throws Exception {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            String port = Integer.toString(taken.getLocalPort());
            assertFails("Port " + port, run("--ui-port=" + port));
            assertFails(port, "demo", "--kafka-port=" + port);
        }
    }

    @Test
    void aBrokerToTryWithKeepsItsTopicsAndNamesATakenPort() throws Exception {
        String data = "--data=" + folder.resolve("kafka");
        for (String topic : List.of("first", "second")) {
            try (TestingProcess kafka = millrace(Map.of(), "broker", "--port=0", data)) {
                String line = kafka.awaitLine("a broker runs at ", LIMIT);
                String servers = line.substring(line.lastIndexOf(' ') + 1);
                try (Topics all = new Topics(servers, Map.of())) {
                    if (topic.equals("second")) {
                        assertThat(all.names()).contains("first");
                    }
                    all.createIfAbsent(topic, 1);
                }
                assertFails("Port ", "broker", "--port=" + servers.split(":")[1]);
                kafka.terminate();
                assertThat(kafka.exitCode(LIMIT)).isZero();
                assertThat(kafka.lines()).noneMatch(each -> each.contains("\u001b"));
            }
        }
    }

    @Test
    void aMissingLibFolderIsOneSentence() throws Exception {
        List<String> arguments = new ArrayList<>();
        StringBuilder path = new StringBuilder(DistITCase.jobJar().toString());
        for (Path jar : DistITCase.jars("embedded")) {
            path.append(':').append(jar);
        }
        arguments.addAll(List.of("-cp", path.toString(), "io.millrace.jobs.Millrace", "demo"));
        arguments.addAll(0, List.of("-Dmillrace.home=."));
        try (TestingProcess java = TestingProcess.java(Map.of(), arguments)) {
            assertThat(java.exitCode(LIMIT)).isEqualTo(1);
            assertThat(java.lines()).hasSize(1).first().asString().contains("dist/lib");
        }
    }

    @Test
    void aSecondRunOfTheSameApplicationIsRefused() throws Exception {
        try (TestingProcess first =
                millrace(Map.of(), run("--application-id=twice", "--create-topics"))) {
            first.awaitLine("Running.", LIMIT);
            assertFails("application id twice", run("--application-id=twice"));
            first.terminate();
            assertThat(first.exitCode(LIMIT)).as(String.join("\n", first.lines())).isZero();
            assertThat(first.lines()).noneMatch(line -> line.contains("WARNING"));
            assertThat(shared.resolve("data").resolve("log").resolve("run-twice.log")).exists();
        }
    }

    @Test
    void submitNamesBadLinesAndResultsShowsTheRest() throws Exception {
        TestingTopics own = new TestingTopics(broker.bootstrapServers(), "submit", 2);
        Path file = folder.resolve("prompts.jsonl");
        Files.writeString(
                file,
                """
                {"id":"a","prompt":"Dear friend","max_tokens":5}
                {"id":"b","promt":"Dear friend"}

                not json
                {"id":"c","prompt":"Dear friend","model":"another"}
                {"id":"d","prompt":"Dear friend","top_p":17}
                """);
        String servers = "--bootstrap-servers=" + own.bootstrapServers;
        try (TestingProcess submit =
                millrace(Map.of(), "submit", servers, "--topic=" + own.input, file.toString())) {
            assertThat(submit.exitCode(LIMIT)).isEqualTo(1);
            submit.awaitLine("line 2: ", LIMIT);
            submit.awaitLine("line 4: ", LIMIT);
            submit.awaitLine("line 6: top_p is 17.0; it must be", LIMIT);
            submit.awaitLine("2 requests are on topic", LIMIT);
        }
        List<String> options = new ArrayList<>(own.options());
        options.add("--application-id=submit");
        options.add("--checkpoint-interval=200ms");
        try (TestingProcess run = millrace(Map.of(), run(options.toArray(new String[0])));
                TestingProcess results =
                        millrace(
                                Map.of(),
                                "results",
                                servers,
                                "--topic=" + own.output,
                                "--dead-letter-topic=" + own.deadLetters,
                                "--dead-letters",
                                "--from-beginning",
                                "--max=2")) {
            assertThat(results.exitCode(LIMIT)).as(String.join("\n", run.lines())).isZero();
            results.awaitLine("a\t", LIMIT);
            results.awaitLine("c\tFAILED unknown_model", LIMIT);
        }
    }

    private TestingProcess assertFails(String told, String... arguments) throws Exception {
        return assertFails(Map.of(), told, arguments);
    }

    private TestingProcess assertFails(
            Map<String, String> environment, String told, String... arguments) throws Exception {
        try (TestingProcess process = millrace(environment, arguments)) {
            assertThat(process.exitCode(LIMIT)).isEqualTo(1);
            List<String> lines = process.lines();
            assertThat(lines).isNotEmpty();
            int last = lines.size() - 1;
            // A command that can be pasted has a line of its own.
            int first = lines.get(last).startsWith("kafka-topics.sh ") ? last - 1 : last;
            assertThat(lines.get(first)).startsWith("millrace: ");
            assertThat(String.join(" ", lines.subList(first, last + 1))).contains(told);
            assertThat(lines).noneMatch(line -> line.contains("\tat "));
            return process;
        }
    }

    private TestingProcess millrace(Map<String, String> environment, String... arguments)
            throws IOException {
        return TestingProcess.millrace(shared.resolve("data"), environment, arguments);
    }

    /** A run command; options given here win over the usual ones. */
    private static String[] run(String... options) {
        List<String> all = new ArrayList<>(List.of("run"));
        List<String> usual = new ArrayList<>(topics.options());
        usual.add("--model=" + MODEL);
        for (String option : usual) {
            String name = option.substring(0, option.indexOf('='));
            if (Stream.of(options).noneMatch(given -> given.startsWith(name + "="))) {
                all.add(option);
            }
        }
        all.addAll(List.of(options));
        return all.toArray(new String[0]);
    }
}

package io.millrace.jobs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.jobs.local.EmbeddedKafka;
import io.millrace.jobs.local.FreePorts;
import io.millrace.operators.kafka.admin.KafkaSettings;
import io.millrace.operators.kafka.admin.KafkaSetupException;
import io.millrace.operators.kafka.admin.TopicLimits;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ScramCredentialInfo;
import org.apache.kafka.clients.admin.ScramMechanism;
import org.apache.kafka.clients.admin.UserScramCredentialUpsertion;
import org.apache.kafka.common.acl.AccessControlEntry;
import org.apache.kafka.common.acl.AclBinding;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.acl.AclPermissionType;
import org.apache.kafka.common.resource.PatternType;
import org.apache.kafka.common.resource.ResourcePattern;
import org.apache.kafka.common.resource.ResourceType;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * The job against a real broker with SCRAM-SHA-512 over TLS, as a user with the rights that the
 * table of {@code docs/running.md} names and no others. The tests' own clients come by a listener
 * without security.
 */
@Timeout(900)
class SecuredKafkaITCase {
    private static final Duration LIMIT = Duration.ofSeconds(240);
    private static final String APPLICATION = "secured";
    private static final String USER = "clerk";
    private static final String PASSWORD = "s3cret-97";
    private static final int REQUESTS = 197;
    private static final int TOKENS = 54;

    @TempDir static Path folder;

    private static EmbeddedKafka broker;
    private static Admin admin;
    private static TestingTopics topics;
    private static String secured;
    private static Path truststore;

    @BeforeAll
    static void start() throws Exception {
        Path keystore = folder.resolve("broker.p12");
        Path certificate = folder.resolve("broker.pem");
        truststore = folder.resolve("trust.p12");
        String names = "san=ip:127.0.0.1";
        keytool(keystore, "-genkeypair", "-keyalg", "EC", "-dname", "CN=broker", "-ext", names);
        keytool(keystore, "-exportcert", "-rfc", "-file", certificate.toString());
        keytool(truststore, "-importcert", "-noprompt", "-file", certificate.toString());

        int[] ports = {FreePorts.next(), FreePorts.next(), FreePorts.next()};
        String plain = "PLAINTEXT://127.0.0.1:" + ports[0];
        secured = "127.0.0.1:" + ports[1];
        String listener = "listener.name.secure.";
        Map<String, String> settings = new HashMap<>();
        settings.put(
                "listeners",
                plain + ",SECURE://" + secured + ",CONTROLLER://127.0.0.1:" + ports[2]);
        settings.put("advertised.listeners", plain + ",SECURE://" + secured);
        settings.put(
                "listener.security.protocol.map",
                "PLAINTEXT:PLAINTEXT,SECURE:SASL_SSL,CONTROLLER:PLAINTEXT");
        settings.put("controller.quorum.voters", "1@127.0.0.1:" + ports[2]);
        settings.put(listener + "sasl.enabled.mechanisms", "SCRAM-SHA-512");
        settings.put(
                listener + "scram-sha-512.sasl.jaas.config",
                "org.apache.kafka.common.security.scram.ScramLoginModule required;");
        settings.put(listener + "ssl.keystore.location", keystore.toString());
        settings.put(listener + "ssl.keystore.password", PASSWORD);
        settings.put(listener + "ssl.key.password", PASSWORD);
        settings.put(
                "authorizer.class.name", "org.apache.kafka.metadata.authorizer.StandardAuthorizer");
        // Whoever comes by the listener without security, broker and controller among them.
        settings.put("super.users", "User:ANONYMOUS");
        broker = EmbeddedKafka.start(folder.resolve("kafka"), ports[0], settings);

        admin = Admin.create(Map.of("bootstrap.servers", broker.bootstrapServers()));
        admin.alterUserScramCredentials(
                        List.of(
                                new UserScramCredentialUpsertion(
                                        USER,
                                        new ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096),
                                        PASSWORD)))
                .all()
                .get();
        topics = new TestingTopics(broker.bootstrapServers(), APPLICATION, 2);
        admin.createAcls(documented()).all().get();
        for (AclBinding right : documented()) {
            await(right, true);
        }
    }

    @AfterAll
    static void stop() {
        admin.close();
        broker.close();
    }

    @Test
    void aKilledJobGoesOnWithTheDocumentedRightsAndNoOthers() throws Exception {
        // What is resumed reads with the newer consumer protocol, and has its secrets as pods have.
        Path mounted = mounted();
        List<String> lines =
                topics.answeredOnceThroughAKill(
                        REQUESTS,
                        TOKENS,
                        LIMIT,
                        () -> run(client()),
                        () -> run(kubernetes(mounted), "-K", "group.protocol=consumer"));
        assertThat(lines).noneMatch(line -> line.contains("uthoriz"));
        assertThat(lines).noneMatch(line -> line.contains("Kafka setting"));
        assertThat(
                        admin.listConsumerGroupOffsets(APPLICATION)
                                .partitionsToOffsetAndMetadata()
                                .get())
                .as("offsets that the user was allowed to commit")
                .hasSize(2);
    }

    @Test
    void aSecretThatIsNotMountedIsRefusedAtTheStart() throws Exception {
        Map<String, String> client = kubernetes(mounted());
        TopicLimits.read(settings(client).build(), 1);
        client.replaceAll((key, value) -> value.replace(":sasl.jaas.config}", ":password}"));
        refused(settings(client))
                .hasMessageStartingWith("Kafka setting sasl.jaas.config has ${dir:")
                .hasMessageContaining("put the file there");
    }

    @Test
    void eachRightOnATopicIsMissedAtTheStart() throws Exception {
        TopicLimits.read(settings().build(), 1);
        for (AclBinding right : documented()) {
            if (right.pattern().resourceType() != ResourceType.TOPIC) {
                continue;
            }
            admin.deleteAcls(List.of(right.toFilter())).all().get();
            await(right, false);
            try {
                refused(settings())
                        .hasMessageStartingWith("This user may not ")
                        .hasMessageContaining(right.pattern().name());
            } finally {
                admin.createAcls(List.of(right)).all().get();
                await(right, true);
            }
        }
        TopicLimits.read(settings().build(), 1);
    }

    @Test
    void whatIsWrongWithTlsIsSaidWithTheSettingThatHelps() throws Exception {
        refused(untrusting())
                .hasMessageContaining("no truststore is given: set ssl.truststore.location");
        Path other = folder.resolve("other.p12");
        keytool(other, "-genkeypair", "-keyalg", "EC", "-dname", "CN=somebody else");
        refused(settings().client("ssl.truststore.location", other.toString()))
                .hasMessageContaining("nobody that the truststore " + other + " holds");
        refused(settings().client("ssl.truststore.location", "/no/such.p12"))
                .hasMessageContaining(
                        "There is no file /no/such.p12, which Kafka setting ssl.trust");
        refused(settings().bootstrapServers(secured.replace("127.0.0.1", "localhost")))
                .hasMessageContaining("use a name in --bootstrap-servers");
        refused(settings().client("sasl.jaas.config", login("wrong")))
                .hasMessageContaining("refused the credentials");
    }

    private static org.assertj.core.api.AbstractThrowableAssert<?, ?> refused(
            KafkaSettings.Builder settings) {
        return assertThatThrownBy(() -> TopicLimits.read(settings.build(), 1))
                .isInstanceOf(KafkaSetupException.class);
    }

    private static KafkaSettings.Builder settings() {
        return settings(client());
    }

    private static KafkaSettings.Builder settings(Map<String, String> client) {
        return KafkaSettings.builder()
                .bootstrapServers(secured)
                .topics(topics.input)
                .outputTopic(topics.output)
                .deadLetterTopic(topics.deadLetters)
                .applicationId(APPLICATION)
                .client(client);
    }

    /** The same without the truststore. */
    private static KafkaSettings.Builder untrusting() {
        Map<String, String> client = new HashMap<>(client());
        client.remove("ssl.truststore.location");
        client.remove("ssl.truststore.password");
        return settings(client);
    }

    private static Map<String, String> client() {
        return Map.of(
                "security.protocol",
                "SASL_SSL",
                "sasl.mechanism",
                "SCRAM-SHA-512",
                "sasl.jaas.config",
                login(PASSWORD),
                "ssl.truststore.location",
                truststore.toString(),
                "ssl.truststore.password",
                PASSWORD,
                // A loaded machine takes its time for handshakes.
                "request.timeout.ms",
                "30000",
                "default.api.timeout.ms",
                "60000");
    }

    /** Folders like those that {@code k8s/base} mounts: Kubernetes puts links into them. */
    private static Path mounted() throws IOException {
        Path mounted = Files.createTempDirectory(folder, "mounted-");
        Map<String, String> files =
                Map.of(
                        "kafka-user/sasl.jaas.config",
                        login(PASSWORD),
                        "kafka-ca/ca.crt",
                        Files.readString(folder.resolve("broker.pem")));
        for (Map.Entry<String, String> file : files.entrySet()) {
            Path link = mounted.resolve(file.getKey());
            Path data = Files.createDirectories(link.resolveSibling("..2026_11_30"));
            Files.writeString(data.resolve(link.getFileName()), file.getValue());
            Files.createSymbolicLink(link.resolveSibling("..data"), data.getFileName());
            Files.createSymbolicLink(link, Path.of("..data").resolve(link.getFileName()));
        }
        return mounted;
    }

    /** The settings of {@code k8s/base}, with secrets in these folders. */
    private static Map<String, String> kubernetes(Path mounted) throws IOException {
        Properties properties = new Properties();
        Path file = TestingProcess.root().resolve("k8s/base/kafka.properties");
        try (var in = Files.newBufferedReader(file)) {
            properties.load(in);
        }
        Map<String, String> client = new HashMap<>();
        properties.forEach(
                (key, value) ->
                        client.put(
                                key.toString(),
                                value.toString().replace("/etc/millrace", mounted.toString())));
        client.put("request.timeout.ms", "30000");
        client.put("default.api.timeout.ms", "60000");
        return client;
    }

    private static String login(String password) {
        return "org.apache.kafka.common.security.scram.ScramLoginModule required username=\"%s\""
                        .formatted(USER)
                + " password=\"%s\";".formatted(password);
    }

    private static TestingProcess run(Map<String, String> settings, String... more)
            throws Exception {
        Path file = folder.resolve("client.properties");
        Properties client = new Properties();
        client.putAll(settings);
        try (var out = Files.newBufferedWriter(file)) {
            client.store(out, null);
        }
        List<String> arguments = new ArrayList<>();
        arguments.add("run");
        arguments.add("--model=" + TestingProcess.root().resolve("models/triage"));
        arguments.add("--application-id=" + APPLICATION);
        arguments.add("--checkpoint-interval=200ms");
        arguments.add("--max-in-flight=32");
        arguments.addAll(topics.options());
        arguments.set(arguments.indexOf(topics.options().get(0)), "--bootstrap-servers=" + secured);
        arguments.add("--kafka-config=" + file);
        arguments.addAll(List.of(more));
        return TestingProcess.millrace(folder.resolve("data"), arguments.toArray(new String[0]));
    }

    /** The rights that the page names, for the names of this test. */
    private static List<AclBinding> documented() throws IOException {
        String page = Files.readString(TestingProcess.root().resolve("docs/running.md"));
        String table =
                page.substring(
                        page.indexOf("<!-- acls:begin -->"), page.indexOf("<!-- acls:end -->"));
        List<AclBinding> rights = new ArrayList<>();
        table.lines()
                .filter(line -> line.startsWith("|"))
                // The heading and the line below it.
                .skip(2)
                .map(line -> line.split("\\|"))
                .forEach(
                        cells -> {
                            for (String operation : cells[2].split(",")) {
                                for (ResourcePattern resource : resources(cells[1].strip())) {
                                    rights.add(right(resource, operation.strip()));
                                }
                            }
                        });
        assertThat(rights).as("rights in the table").hasSizeGreaterThan(4);
        return rights;
    }

    /** The broker tells what it goes by, which follows a change a moment later. */
    private static void await(AclBinding right, boolean granted) throws Exception {
        long deadline = System.nanoTime() + LIMIT.toNanos();
        while (admin.describeAcls(right.toFilter()).values().get().isEmpty() == granted) {
            assertThat(System.nanoTime()).as("%s in time", right).isLessThan(deadline);
            Thread.sleep(20);
        }
    }

    private static AclBinding right(ResourcePattern resource, String operation) {
        String name = operation.replaceAll("(?<=[a-z])(?=[A-Z])", "_").toUpperCase(Locale.ROOT);
        AclOperation known = AclOperation.fromString(name);
        assertThat(known).as(operation).isNotEqualTo(AclOperation.UNKNOWN);
        return new AclBinding(
                resource,
                new AccessControlEntry("User:" + USER, "*", known, AclPermissionType.ALLOW));
    }

    private static List<ResourcePattern> resources(String row) {
        if (row.startsWith("input topics")) {
            return List.of(literal(ResourceType.TOPIC, topics.input));
        }
        if (row.startsWith("output and dead-letter topic")) {
            return List.of(
                    literal(ResourceType.TOPIC, topics.output),
                    literal(ResourceType.TOPIC, topics.deadLetters));
        }
        if (row.startsWith("group")) {
            return List.of(literal(ResourceType.GROUP, APPLICATION));
        }
        if (row.startsWith("transactional ids")) {
            return List.of(
                    new ResourcePattern(
                            ResourceType.TRANSACTIONAL_ID,
                            APPLICATION + ".",
                            PatternType.PREFIXED));
        }
        throw new AssertionError("Which resource is '" + row + "'?");
    }

    private static ResourcePattern literal(ResourceType type, String name) {
        return new ResourcePattern(type, name, PatternType.LITERAL);
    }

    private static void keytool(Path store, String command, String... more) throws Exception {
        List<String> line = new ArrayList<>();
        line.add(Path.of(System.getProperty("java.home"), "bin", "keytool").toString());
        line.add(command);
        line.addAll(List.of(more));
        line.addAll(List.of("-alias", "broker", "-storetype", "PKCS12"));
        line.addAll(List.of("-keystore", store.toString(), "-storepass", PASSWORD));
        Process process = new ProcessBuilder(line).redirectErrorStream(true).start();
        String told = new String(process.getInputStream().readAllBytes());
        assertThat(process.waitFor()).as(told).isZero();
    }
}

package io.millrace.operators;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.millrace.gpu.api.constraint.Constraint;
import io.millrace.operators.corpus.InputFile;
import io.millrace.operators.corpus.RequestTemplate;
import io.millrace.operators.corpus.format.Columns;
import io.millrace.operators.corpus.format.FileFormat;
import io.millrace.operators.corpus.output.OutputFolder;
import io.millrace.operators.inference.SavedRequests;
import io.millrace.operators.options.PipelineOptions;
import io.millrace.schemas.InFlightRequest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.StateRecoveryOptions;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.core.execution.SavepointFormatType;
import org.apache.flink.runtime.minicluster.MiniCluster;
import org.apache.flink.runtime.testutils.MiniClusterResourceConfiguration;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.test.junit5.InjectMiniCluster;
import org.apache.flink.test.junit5.MiniClusterExtension;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Files of rows whose answers are held to the job's JSON schema, by the model that ships. */
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class CorpusConstraintITCase extends PipelineFixture {
    @RegisterExtension
    static final MiniClusterExtension CLUSTER =
            new MiniClusterExtension(
                    new MiniClusterResourceConfiguration.Builder()
                            .setNumberTaskManagers(1)
                            .setNumberSlotsPerTaskManager(4)
                            .build());

    private static final int ROWS = 54;

    /** A word that stands in the schema and nowhere else. */
    private static final String MARK = "qqSubjectOfTheMail";

    private static final String SCHEMA =
            "{\"type\":\"object\",\"properties\":{\"label\":{\"enum\":[\"ham\",\"spam\"]},\""
                    + MARK
                    + "\":{\"type\":\"string\",\"minLength\":9,\"maxLength\":21}},\"required\":[\"label\",\""
                    + MARK
                    + "\"],\"additionalProperties\":false}";

    private Path in;

    @BeforeEach
    void writeRows() throws IOException {
        in = Files.createDirectories(folder.resolve("in"));
        StringBuilder lines = new StringBuilder();
        for (int i = 0; i < ROWS; i++) {
            lines.append(
                    "{\"key\":\"k%d\",\"text\":\"Lowest rates %d, reply today!\"}\n"
                            .formatted(i, i));
        }
        Files.writeString(in.resolve("mails.jsonl"), lines);
    }

    @Test
    void answersAreValidJsonAndHaveTheSameBytesAfterFailures() throws Exception {
        start("undisturbed", 1, null).getJobExecutionResult().get();
        String undisturbed = output("undisturbed");
        assertThat(undisturbed.lines()).hasSize(ROWS);
        undisturbed.lines().forEach(CorpusConstraintITCase::assertValid);
        for (String id : List.of("k5", "k20", "k41")) {
            control.failAt(id, 6, () -> new IllegalStateException("planted"));
        }
        start("disturbed", 2, null).getJobExecutionResult().get();
        assertThat(control.loads()).as("engines loaded").isGreaterThan(4);
        assertThat(output("disturbed")).isEqualTo(undisturbed);
    }

    @Test
    void aSnapshotHasTheJobsConstraintOnce(@InjectMiniCluster MiniCluster cluster)
            throws Exception {
        start("undisturbed", 1, null).getJobExecutionResult().get();
        control.awaitOpen(0);
        control.hold();
        JobClient job = start("out", 2, null);
        awaitRunning(cluster, job);
        control.step(9);
        String savepoint =
                job.stopWithSavepoint(
                                false,
                                folder.resolve("saved").toString(),
                                SavepointFormatType.CANONICAL)
                        .get();
        List<InFlightRequest> saved = SavedRequests.read(Path.of(savepoint.replace("file:", "")));
        assertThat(saved)
                .anyMatch(each -> each.getGenerated().stream().anyMatch(t -> !t.isEmpty()));
        assertThat(saved).allMatch(each -> each.getRequest().getConstraint() == null);
        assertThat(times("\"enum\":[\"ham\",\"spam\"]")).as("schemas saved").isEqualTo(1);
        control.awaitOpen(0);
        control.release();
        start("out", 1, savepoint).getJobExecutionResult().get();
        assertThat(output("out")).isEqualTo(output("undisturbed"));
    }

    /** How often a text stands in the files of the savepoint. */
    private int times(String text) throws IOException {
        int times = 0;
        try (Stream<Path> files = Files.walk(folder.resolve("saved"))) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                String bytes = new String(Files.readAllBytes(file), ISO_8859_1);
                times += bytes.split(Pattern.quote(text), -1).length - 1;
            }
        }
        return times;
    }

    private static void assertValid(String line) {
        try {
            JsonNode answer =
                    new JsonMapper()
                            .readTree(new JsonMapper().readTree(line).get("answer").textValue());
            assertThat(answer.fieldNames()).toIterable().containsExactly("label", MARK);
            assertThat(answer.get("label").textValue()).isIn("ham", "spam");
            String subject = answer.get(MARK).textValue();
            assertThat(subject.codePointCount(0, subject.length())).isBetween(9, 21);
        } catch (IOException e) {
            throw new AssertionError(line, e);
        }
    }

    private String output(String out) throws IOException {
        return Files.readString(folder.resolve(out).resolve("mails.jsonl"));
    }

    private JobClient start(String out, int parallelism, String savepoint) throws Exception {
        StreamExecutionEnvironment env =
                StreamExecutionEnvironment.getExecutionEnvironment(configuration());
        Configuration settings = restarts(20);
        if (savepoint != null) {
            settings.set(StateRecoveryOptions.SAVEPOINT_PATH, savepoint);
        }
        env.configure(settings);
        env.setParallelism(parallelism);
        env.enableCheckpointing(20);
        PipelineOptions options =
                PipelineOptions.builder(SteeredEngine.options(name), SteeredEngine.loader())
                        .constraint(new Constraint.JsonSchema(SCHEMA))
                        .maxInFlightRequests(17)
                        .name("corpus")
                        .build();
        RequestTemplate template =
                new RequestTemplate(
                        new Columns("text", "key", "answer", false),
                        false,
                        null,
                        "{\"id\":\"x\",\"max_tokens\":97,\"temperature\":1.0}".getBytes(UTF_8),
                        1_700_000_000_000L);
        InputFile file =
                InputFile.of(
                        "mails.jsonl",
                        in.resolve("mails.jsonl"),
                        FileFormat.of("mails.jsonl", null, null));
        CorpusPipeline.build(
                env,
                List.of(file),
                template,
                new OutputFolder(folder.resolve(out).toString()),
                options);
        return env.executeAsync(name);
    }
}

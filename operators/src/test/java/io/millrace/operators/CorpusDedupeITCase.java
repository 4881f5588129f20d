package io.millrace.operators;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.operators.corpus.InputFile;
import io.millrace.operators.corpus.RequestTemplate;
import io.millrace.operators.corpus.format.Columns;
import io.millrace.operators.corpus.format.FileFormat;
import io.millrace.operators.corpus.output.FileEvent.Tally;
import io.millrace.operators.corpus.output.OutputFolder;
import io.millrace.operators.corpus.output.Totals;
import io.millrace.operators.options.PipelineOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
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

/** A corpus whose equal rows are computed once has the bytes of one whose rows are each. */
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class CorpusDedupeITCase extends PipelineFixture {
    @RegisterExtension
    static final MiniClusterExtension CLUSTER =
            new MiniClusterExtension(
                    new MiniClusterResourceConfiguration.Builder()
                            .setNumberTaskManagers(1)
                            .setNumberSlotsPerTaskManager(3)
                            .build());

    private static final Columns COLUMNS = new Columns(null, null, "answer", false);
    private static final Map<String, Integer> FILES = Map.of("a.jsonl", 151, "b.jsonl.gz", 97);
    private static final int ROWS = 151 + 97;
    private static final long MEMORY = 1 << 20;

    private Path in;

    /** What the requests of rows are, but for their ids. */
    private final Set<String> different = new HashSet<>();

    private int byId;

    @BeforeEach
    void makeTheRows() throws IOException {
        in = Files.createDirectories(folder.resolve("in"));
        for (Map.Entry<String, Integer> file : FILES.entrySet()) {
            StringBuilder lines = new StringBuilder();
            for (int i = 0; i < file.getValue(); i++) {
                lines.append(line(file.getKey(), i));
            }
            Path path = in.resolve(file.getKey());
            try (var out = Files.newOutputStream(path)) {
                if (file.getKey().endsWith(".gz")) {
                    try (var zip = new java.util.zip.GZIPOutputStream(out)) {
                        zip.write(lines.toString().getBytes(UTF_8));
                    }
                } else {
                    out.write(lines.toString().getBytes(UTF_8));
                }
            }
        }
    }

    /** Of 7 prompts, some drawn with a seed, some by their ids. */
    private String line(String file, int i) {
        String request = "\"prompt\":\"x%d\"".formatted(i % 7);
        if (i % 11 == 0) {
            request += ",\"temperature\":0.5";
            byId++;
        } else if (i % 5 == 0) {
            request += ",\"temperature\":0.5,\"seed\":3";
        }
        different.add(i % 11 == 0 ? file + i : request);
        return "{\"id\":\"%s%d\",%s,\"n\":1}\n".formatted(file.charAt(0), i, request);
    }

    @Test
    void equalRowsAreComputedOnceAcrossFiles() throws Exception {
        Map<String, byte[]> each = run("each", 0, 1);
        assertThat(control.added()).hasSize(ROWS);
        assertThat(tally("each").copies()).isZero();
        assertSame(run("once", MEMORY, 1), each);
        assertThat(control.added()).hasSize(ROWS + different.size());
        Tally once = tally("once");
        assertThat(once.rows()).isEqualTo(ROWS);
        assertThat(once.tokens()).isEqualTo(tally("each").tokens());
        assertThat(once.copies()).isEqualTo(ROWS - different.size());
        assertThat(once.byId()).isEqualTo(byId);
    }

    @Test
    void withoutRoomForAnswersRowsAreComputed() throws Exception {
        Map<String, byte[]> each = run("each", 0, 1);
        assertSame(run("full", 1, 1), each);
        assertThat(tally("full").copies()).isLessThan(ROWS - different.size());
        assertThat(tally("full").rows()).isEqualTo(ROWS);
    }

    @Test
    void afterFailuresTheBytesAreTheSame() throws Exception {
        Map<String, byte[]> each = run("each", 0, 1);
        control.stepTime(Duration.ofMillis(1));
        for (String id : List.of("a11", "a77", "b22", "b88")) {
            control.failAt(id, 0, () -> new IllegalStateException("planted"));
        }
        int loads = control.loads();
        assertSame(run("disturbed", MEMORY, 2), each);
        assertThat(control.loads()).isGreaterThan(loads + 2);
        assertThat(tally("disturbed").rows()).isEqualTo(ROWS);
        assertThat(tally("disturbed").copies()).isPositive();
        assertThat(tally("disturbed").byId()).isEqualTo(byId);
    }

    @Test
    void itGoesOnWithOtherNumbersOfSubtasksAndWithoutSharing(@InjectMiniCluster MiniCluster cluster)
            throws Exception {
        Map<String, byte[]> each = run("each", 0, 1);
        control.hold();
        String savepoint = null;
        for (int parallelism : new int[] {1, 3}) {
            JobClient job = start("out", MEMORY, parallelism, savepoint);
            awaitRunning(cluster, job);
            control.step(17);
            savepoint =
                    job.stopWithSavepoint(false, folder.toString(), SavepointFormatType.CANONICAL)
                            .get();
            control.awaitOpen(0);
        }
        control.release();
        start("out", 0, 2, savepoint).getJobExecutionResult().get();
        assertSame(outputs("out"), each);
        assertThat(tally("out").rows()).isEqualTo(ROWS);
    }

    private Map<String, byte[]> run(String out, long memory, int parallelism) throws Exception {
        start(out, memory, parallelism, null).getJobExecutionResult().get();
        return outputs(out);
    }

    private JobClient start(String out, long memory, int parallelism, String savepoint)
            throws Exception {
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
                PipelineOptions.builder(engine(), TestingEngine.loader())
                        .maxInFlightRequests(17)
                        .dedupeBytes(memory)
                        .name("corpus")
                        .build();
        RequestTemplate template =
                new RequestTemplate(
                        COLUMNS,
                        false,
                        null,
                        "{\"id\":\"x\",\"max_tokens\":10}".getBytes(UTF_8),
                        1_700_000_000_000L);
        List<InputFile> files = new ArrayList<>();
        for (String file : new TreeMap<>(FILES).keySet()) {
            files.add(InputFile.of(file, in.resolve(file), FileFormat.of(file, null, null)));
        }
        CorpusPipeline.build(env, files, template, folder(out), options);
        return env.executeAsync(name);
    }

    private OutputFolder folder(String out) {
        return new OutputFolder(folder.resolve(out).toString());
    }

    private Tally tally(String out) throws IOException {
        return Totals.read(folder(out)).tally();
    }

    private Map<String, byte[]> outputs(String out) throws IOException {
        Map<String, byte[]> outputs = new TreeMap<>();
        for (String file : FILES.keySet()) {
            outputs.put(file, Files.readAllBytes(folder(out).output(file)));
            assertThat(folder(out).failures(file)).doesNotExist();
        }
        return outputs;
    }

    private static void assertSame(Map<String, byte[]> outputs, Map<String, byte[]> expected) {
        assertThat(outputs.keySet()).isEqualTo(expected.keySet());
        expected.forEach((file, bytes) -> assertThat(outputs.get(file)).as(file).isEqualTo(bytes));
    }
}

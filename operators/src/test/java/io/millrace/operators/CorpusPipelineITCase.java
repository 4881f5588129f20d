package io.millrace.operators;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.millrace.gpu.api.GenerationRequest;
import io.millrace.gpu.api.SamplingParameters;
import io.millrace.operators.corpus.InputFile;
import io.millrace.operators.corpus.RequestTemplate;
import io.millrace.operators.corpus.file.RowFiles;
import io.millrace.operators.corpus.format.Columns;
import io.millrace.operators.corpus.format.Compression;
import io.millrace.operators.corpus.format.FileFormat;
import io.millrace.operators.corpus.format.Row;
import io.millrace.operators.corpus.format.RowPosition;
import io.millrace.operators.corpus.format.RowReader;
import io.millrace.operators.corpus.format.compression.Compressions;
import io.millrace.operators.corpus.output.OutputFolder;
import io.millrace.operators.options.PipelineOptions;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.StateRecoveryOptions;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.core.execution.SavepointFormatType;
import org.apache.flink.runtime.minicluster.MiniCluster;
import org.apache.flink.runtime.testutils.CommonTestUtils;
import org.apache.flink.runtime.testutils.MiniClusterResourceConfiguration;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.test.junit5.InjectMiniCluster;
import org.apache.flink.test.junit5.MiniClusterExtension;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Files of rows become files of answers. */
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class CorpusPipelineITCase extends PipelineFixture {
    @RegisterExtension
    static final MiniClusterExtension CLUSTER =
            new MiniClusterExtension(
                    new MiniClusterResourceConfiguration.Builder()
                            .setNumberTaskManagers(1)
                            .setNumberSlotsPerTaskManager(4)
                            .build());

    private static final int IN_FLIGHT = 17;
    private static final Columns COLUMNS = new Columns("text", "key", "answer", false);

    private Path in;
    private Columns columns = COLUMNS;

    /** By the files' names. */
    private FileFormat.Rows rows;

    @BeforeEach
    void makeTheFolder() throws IOException {
        in = Files.createDirectories(folder.resolve("in"));
    }

    @Test
    void outputsHaveTheRowsOfTheirInputsInOrderWithAnswers() throws Exception {
        writeFiles();
        Map<String, byte[]> out = run("out", 2);
        assertThat(out)
                .containsOnlyKeys(
                        "a.jsonl",
                        "b.jsonl.gz",
                        "d.jsonl.xz",
                        "deep/c.csv",
                        "e.jsonl.zst",
                        "empty.jsonl");
        assertThat(text(out.get("a.jsonl"))).isEqualTo(expectedLines("a", 97));
        assertThat(text(unzip(out.get("b.jsonl.gz")))).isEqualTo(expectedLines("b", 54));
        assertThat(text(decompressed("out/d.jsonl.xz"))).isEqualTo(expectedLines("d", 17));
        assertThat(text(decompressed("out/e.jsonl.zst"))).isEqualTo(expectedLines("e", 31));
        StringBuilder cells = new StringBuilder("key,text,answer\r\n");
        for (int i = 0; i < 23; i++) {
            String answer = answer("c" + i, "line\n" + i);
            cells.append("c%d,\"line\n%d\",%s\r\n".formatted(i, i, answer));
        }
        assertThat(text(out.get("deep/c.csv"))).isEqualTo(cells.toString());
        assertThat(out.get("empty.jsonl")).isEmpty();
        assertThat(control.added()).hasSize(97 + 54 + 23 + 17 + 31);
    }

    @Test
    void afterFailuresEveryFileHasTheSameBytes() throws Exception {
        writeFiles();
        Map<String, byte[]> undisturbed = run("undisturbed", 1);
        control.stepTime(Duration.ofMillis(1));
        for (String id : List.of("a13", "a60", "b30", "c5", "d9", "e9")) {
            control.failAt(id, 0, () -> new IllegalStateException("planted"));
        }
        Map<String, byte[]> disturbed = run("disturbed", 2);
        assertThat(control.loads()).isGreaterThan(2);
        assertSame(disturbed, undisturbed);
    }

    @Test
    void aCorpusIsStoppedAndGoesOnWithOtherNumbersOfSubtasks(@InjectMiniCluster MiniCluster cluster)
            throws Exception {
        writeFiles();
        Map<String, byte[]> undisturbed = run("undisturbed", 1);
        int alone = decoded();
        // What an engine decodes behind a snapshot would be decoded again.
        control.hold();
        String savepoint = null;
        for (int parallelism : new int[] {1, 3}) {
            JobClient job = start("out", parallelism, savepoint);
            awaitRunning(cluster, job);
            control.step(17);
            savepoint =
                    job.stopWithSavepoint(false, folder.toString(), SavepointFormatType.CANONICAL)
                            .get();
            control.awaitOpen(0);
        }
        control.release();
        start("out", 2, savepoint).getJobExecutionResult().get();
        assertSame(outputs("out"), undisturbed);
        assertThat(decoded()).as("tokens decoded in both runs").isEqualTo(2 * alone);
    }

    /** A null prompt is a failure of its row; a file of many row groups is resumed within one. */
    @Test
    void afterFailuresAParquetFileHasTheSameBytes() throws Exception {
        columns = new Columns("text", "number", "answer", false);
        Path files = Path.of("src/test/resources/parquet");
        Files.copy(files.resolve("zstd-v2.parquet"), in.resolve("a.parquet"));
        byte[] whole = Files.readAllBytes(files.resolve("snappy.parquet"));
        Files.write(in.resolve("cut.parquet"), Arrays.copyOf(whole, whole.length - 97));
        Map<String, byte[]> undisturbed = run("undisturbed", 1);
        assertThat(undisturbed)
                .containsOnlyKeys(
                        "a.parquet", "_failures/a.parquet.jsonl", "_failures/cut.parquet.jsonl");
        List<JsonNode> failures = json(undisturbed.get("_failures/a.parquet.jsonl"));
        assertThat(failures).hasSize(6);
        assertThat(failures.get(0).get("row").asInt()).isEqualTo(6);
        assertThat(failures.get(0).get("original").asText()).contains("\"text\":null");
        JsonNode cut = json(undisturbed.get("_failures/cut.parquet.jsonl")).get(0);
        assertThat(cut.get("last_good_row").asInt()).isZero();
        assertThat(cut.get("message").asText()).contains("its footer is missing");
        assertThat(parquetRows("undisturbed/a.parquet")).hasSize(91);
        JsonNode first = parquetRows("undisturbed/a.parquet").get(0);
        assertThat(first.get("answer").asText()).isEqualTo(answer("0", "text 0 ü☕"));
        control.stepTime(Duration.ofMillis(1));
        for (String id : List.of("13", "61")) {
            control.failAt(id, 0, () -> new IllegalStateException("planted"));
        }
        assertSame(run("disturbed", 2), undisturbed);
        assertThat(control.loads()).isGreaterThan(2);
    }

    /** Each line is in the output or in the errors, once, in order. */
    @Test
    void afterFailuresABatchOfOpenAiHasTheSameBytes() throws Exception {
        rows = FileFormat.Rows.OPENAI_BATCH;
        columns = new Columns(null, null, "answer", false, 1_700_000_000L);
        StringBuilder lines = new StringBuilder();
        for (int i = 0; i < 97; i++) {
            lines.append(
                    i % 2 == 0
                            ? chat(
                                    "c" + i,
                                    "\"model\":\"%s\",\"max_completion_tokens\":7,\"user\":\"u\""
                                            .formatted(name))
                            : batchLine("c" + i, "/v1/completions", "\"prompt\":\"x" + i + "\""));
        }
        lines.append(chat("c5", "\"n\":1"));
        lines.append(chat("stream", "\"stream\":true"));
        lines.append(chat("model", "\"model\":\"gpt-4o\""));
        lines.append(chat("hot", "\"temperature\":200"));
        lines.append("no line\n");
        Files.write(in.resolve("batch.jsonl.gz"), gzip(lines.toString()));
        Map<String, byte[]> undisturbed = run("undisturbed", 1);
        assertThat(undisturbed)
                .containsOnlyKeys("batch.jsonl.gz", "_failures/batch.jsonl.gz.jsonl");
        List<JsonNode> answers = json(unzip(undisturbed.get("batch.jsonl.gz")));
        assertThat(answers).hasSize(97);
        for (int i = 0; i < 97; i++) {
            JsonNode answer = answers.get(i);
            JsonNode body = answer.at("/response/body");
            String id = answer.get("id").asText().replace("batch_req_", "");
            assertThat(answer.get("custom_id").asText()).isEqualTo("c" + i);
            assertThat(body.get("created").asLong()).isEqualTo(1_700_000_000L);
            assertThat(body.at("/choices/0/" + (i % 2 == 0 ? "message/content" : "text")).asText())
                    .isEqualTo(
                            i % 2 == 0
                                    ? answer(id, "user: hi c" + i + "\n2023-11-14T22:13:20Z", 7)
                                    : answer(id, "x" + i));
        }
        List<JsonNode> errors = json(undisturbed.get("_failures/batch.jsonl.gz.jsonl"));
        assertThat(errors.stream().map(e -> e.at("/response/body/error/param").asText()))
                .containsExactly("custom_id", "stream", "model", "temperature", "");
        assertThat(errors.get(2).at("/response/status_code").asInt()).isEqualTo(404);
        assertThat(errors.get(4).at("/error/code").asText()).isEqualTo("invalid_json_line");
        String one = control.added().get(13).id();
        String other = control.added().get(61).id();
        control.stepTime(Duration.ofMillis(1));
        for (String id : List.of(one, other)) {
            control.failAt(id, 0, () -> new IllegalStateException("planted"));
        }
        assertSame(run("disturbed", 2), undisturbed);
        assertThat(control.loads()).isGreaterThan(2);
    }

    private static String chat(String id, String more) {
        return batchLine(
                id,
                "/v1/chat/completions",
                "\"messages\":[{\"role\":\"user\",\"content\":\"hi %s\"}],%s".formatted(id, more));
    }

    private static String batchLine(String id, String url, String body) {
        return "{\"custom_id\":\"%s\",\"method\":\"POST\",\"url\":\"%s\",\"body\":{%s}}\n"
                .formatted(id, url, body);
    }

    private List<JsonNode> parquetRows(String file) throws IOException {
        List<JsonNode> rows = new ArrayList<>();
        FileFormat format = FileFormat.of(file, null, null);
        try (RowReader reader = RowFiles.open(format, folder.resolve(file), RowPosition.START)) {
            assertThat(reader.seek()).isTrue();
            for (Row row = reader.next(); row != null; row = reader.next()) {
                String text = RowFiles.text(format, reader.header(), row.bytes());
                rows.add(new JsonMapper().readTree(text));
            }
        }
        return rows;
    }

    /** One subtask is at work, and two have nothing to do any more. */
    @Test
    void checkpointsGoOnWhileOneFileIsLeft(@InjectMiniCluster MiniCluster cluster)
            throws Exception {
        Files.writeString(in.resolve("small.jsonl"), lines("s", 1));
        Files.writeString(in.resolve("large.jsonl"), lines("a", 97));
        control.hold();
        JobClient job = start("out", 3, null);
        awaitRunning(cluster, job);
        control.step(17);
        for (int i = 0; i < 3; i++) {
            assertThat(job.triggerSavepoint(folder.toString(), SavepointFormatType.CANONICAL).get())
                    .isNotNull();
            control.step(3);
        }
        CommonTestUtils.waitUntilCondition(() -> outputs("out").containsKey("small.jsonl"));
        assertThat(outputs("out")).doesNotContainKey("large.jsonl");
        control.release();
        job.getJobExecutionResult().get();
        assertThat(text(outputs("out").get("large.jsonl"))).isEqualTo(expectedLines("a", 97));
    }

    @Test
    void whatCannotBeReadIsAFailureAlone() throws Exception {
        byte[] bad = "{\"key\":\"k1\",\"text\":\"caf?\"}\n".getBytes(UTF_8);
        bad[bad.length - 4] = (byte) 0xe9;
        try (OutputStream out = Files.newOutputStream(in.resolve("a.jsonl"))) {
            out.write("{\"key\":\"k0\",\"text\":\"one\"}\n\n".getBytes(UTF_8));
            out.write(bad);
            out.write("{\"key\":\"k2\"}\n{\"key\":\"k3\",\"text\":\"two\"}\n".getBytes(UTF_8));
        }
        StringBuilder rows = new StringBuilder();
        for (int i = 0; i < 1023; i++) {
            rows.append(
                    "{\"key\":\"z%d\",\"text\":\"%s\"}\n".formatted(i, Integer.toHexString(i * i)));
        }
        byte[] zipped = gzip(rows.toString());
        Files.write(in.resolve("cut.jsonl.gz"), Arrays.copyOf(zipped, zipped.length - 97));
        Files.writeString(in.resolve("other.csv"), "key,words\n1,one\n");
        Map<String, byte[]> out = run("out", 1);
        assertThat(out)
                .containsOnlyKeys(
                        "a.jsonl",
                        "_failures/a.jsonl.jsonl",
                        "_failures/cut.jsonl.gz.jsonl",
                        "_failures/other.csv.jsonl");
        assertThat(text(out.get("a.jsonl"))).isEqualTo(row("k0", "one", "") + row("k3", "two", ""));
        List<JsonNode> failures = json(out.get("_failures/a.jsonl.jsonl"));
        assertThat(failures).hasSize(2);
        assertThat(failures.get(0).get("row").asInt()).isEqualTo(2);
        assertThat(failures.get(0).get("line").asInt()).isEqualTo(3);
        assertThat(failures.get(0).get("code").asText()).isEqualTo("unreadable");
        assertThat(failures.get(0).get("original_base64").binaryValue())
                .isEqualTo(Arrays.copyOf(bad, bad.length - 1));
        assertThat(failures.get(1).get("original").asText()).isEqualTo("{\"key\":\"k2\"}");
        assertThat(failures.get(1).get("file").asText()).isEqualTo("a.jsonl");
        List<JsonNode> cut = json(out.get("_failures/cut.jsonl.gz.jsonl"));
        int good = (int) control.added().stream().filter(r -> r.id().startsWith("z")).count();
        assertThat(cut).hasSize(1);
        assertThat(good).isBetween(700, 1022);
        assertThat(cut.get(0).get("last_good_row").asInt()).isEqualTo(good);
        assertThat(cut.get(0).get("message").asText())
                .isEqualTo(
                        "cut.jsonl.gz cannot be read after row %d: its gzip data is truncated."
                                .formatted(good));
        assertThat(json(out.get("_failures/other.csv.jsonl")).get(0).get("message").asText())
                .contains("no column \"text\"", "key, words");
    }

    @Test
    void anInputThatChangedMeanwhileIsRefused(@InjectMiniCluster MiniCluster cluster)
            throws Exception {
        writeFiles();
        control.stepTime(Duration.ofMillis(2));
        JobClient job = start("out", 1, null);
        awaitRunning(cluster, job);
        control.awaitAdded(40);
        String savepoint =
                job.stopWithSavepoint(false, folder.toString(), SavepointFormatType.CANONICAL)
                        .get();
        control.awaitOpen(0);
        Path changed = in.resolve("b.jsonl.gz");
        FileTime time = Files.getLastModifiedTime(changed);
        Files.setLastModifiedTime(changed, FileTime.fromMillis(time.toMillis() + 17));
        JobClient again = start("out", 1, savepoint);
        assertThatThrownBy(() -> again.getJobExecutionResult().get())
                .hasStackTraceContaining("b.jsonl.gz was changed, while");
    }

    private int decoded() {
        int sum = 0;
        for (String file : List.of("a", "b", "c", "d", "e")) {
            for (int i = 0; i < 97; i++) {
                sum += control.decoded(file + i);
            }
        }
        return sum;
    }

    private void writeFiles() throws IOException {
        Files.createDirectories(in.resolve("deep"));
        Files.writeString(in.resolve("a.jsonl"), lines("a", 97));
        Files.write(in.resolve("b.jsonl.gz"), gzip(lines("b", 54)));
        Files.write(in.resolve("d.jsonl.xz"), compressed(lines("d", 17), Compression.XZ));
        Files.write(in.resolve("e.jsonl.zst"), compressed(lines("e", 31), Compression.ZSTD));
        StringBuilder cells = new StringBuilder("key,text\r\n");
        for (int i = 0; i < 23; i++) {
            cells.append("c%d,\"line\n%d\"\r\n".formatted(i, i));
        }
        Files.writeString(in.resolve("deep/c.csv"), cells);
        Files.createFile(in.resolve("empty.jsonl"));
    }

    private static String lines(String file, int count) {
        StringBuilder lines = new StringBuilder();
        for (int i = 0; i < count; i++) {
            lines.append("{\"key\":\"%s%d\",\"text\":\"x%d\", \"n\":1.50}\n".formatted(file, i, i));
        }
        return lines.toString();
    }

    private static String expectedLines(String file, int count) {
        StringBuilder lines = new StringBuilder();
        for (int i = 0; i < count; i++) {
            lines.append(row(file + i, "x" + i, ", \"n\":1.50"));
        }
        return lines.toString();
    }

    private static String row(String id, String text, String more) {
        return "{\"key\":\"%s\",\"text\":\"%s\"%s,\"answer\":\"%s\"}\n"
                .formatted(id, text, more, answer(id, text));
    }

    private static String answer(String id, String prompt) {
        return answer(id, prompt, 10);
    }

    private static String answer(String id, String prompt, int maxTokens) {
        int[] tokens = prompt.chars().map(c -> c % TestingEngine.VOCABULARY).toArray();
        SamplingParameters sampling = SamplingParameters.greedy(maxTokens);
        StringBuilder text = new StringBuilder();
        for (int token : TestingEngine.answer(GenerationRequest.of(id, tokens, sampling), 0)) {
            text.append((char) ('a' + token % 26));
        }
        return text.toString();
    }

    private Map<String, byte[]> run(String out, int parallelism) throws Exception {
        start(out, parallelism, null).getJobExecutionResult().get();
        return outputs(out);
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
                PipelineOptions.builder(engine(), TestingEngine.loader())
                        .maxInFlightRequests(IN_FLIGHT)
                        .name("corpus")
                        .build();
        RequestTemplate template =
                new RequestTemplate(
                        columns,
                        false,
                        null,
                        "{\"id\":\"x\",\"max_tokens\":10}".getBytes(UTF_8),
                        1_700_000_000_000L);
        CorpusPipeline.build(
                env, files(), template, new OutputFolder(folder.resolve(out).toString()), options);
        return env.executeAsync(name);
    }

    private List<InputFile> files() throws IOException {
        List<InputFile> files = new ArrayList<>();
        try (Stream<Path> walk = Files.walk(in)) {
            for (Path path : walk.filter(Files::isRegularFile).sorted().toList()) {
                String file = in.relativize(path).toString();
                files.add(InputFile.of(file, path, FileFormat.of(file, rows, null)));
            }
        }
        return files;
    }

    /** What is there for a user, by name. */
    private Map<String, byte[]> outputs(String out) throws IOException {
        Path root = folder.resolve(out);
        Map<String, byte[]> outputs = new TreeMap<>();
        try (Stream<Path> walk = Files.walk(root)) {
            for (Path path : walk.filter(Files::isRegularFile).toList()) {
                String file = root.relativize(path).toString();
                if (!file.startsWith(OutputFolder.HIDDEN)) {
                    outputs.put(file, Files.readAllBytes(path));
                }
            }
        }
        return outputs;
    }

    private static void assertSame(Map<String, byte[]> outputs, Map<String, byte[]> expected) {
        assertThat(outputs.keySet()).isEqualTo(expected.keySet());
        expected.forEach((file, bytes) -> assertThat(outputs.get(file)).as(file).isEqualTo(bytes));
    }

    private static List<JsonNode> json(byte[] lines) throws IOException {
        List<JsonNode> nodes = new ArrayList<>();
        for (String line : text(lines).lines().toList()) {
            nodes.add(new JsonMapper().readTree(line));
        }
        return nodes;
    }

    private static byte[] gzip(String text) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (OutputStream out = new GZIPOutputStream(bytes)) {
            out.write(text.getBytes(UTF_8));
        }
        return bytes.toByteArray();
    }

    private static byte[] compressed(String text, Compression compression) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (OutputStream out = Compressions.compress(bytes, compression)) {
            out.write(text.getBytes(UTF_8));
        }
        return bytes.toByteArray();
    }

    private byte[] decompressed(String file) throws IOException {
        FileFormat format = FileFormat.of(file, null, null);
        try (InputStream in = Compressions.open(folder.resolve(file), format.compression())) {
            return in.readAllBytes();
        }
    }

    private static byte[] unzip(byte[] bytes) throws IOException {
        return new GZIPInputStream(new ByteArrayInputStream(bytes)).readAllBytes();
    }

    private static String text(byte[] bytes) {
        return new String(bytes, UTF_8);
    }
}

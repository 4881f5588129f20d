package io.millrace.operators;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.json.JsonMapper;
import io.millrace.gpu.api.Tokenizer;
import io.millrace.gpu.engine.Engine;
import io.millrace.operators.corpus.InputFile;
import io.millrace.operators.corpus.RequestTemplate;
import io.millrace.operators.corpus.file.RowFiles;
import io.millrace.operators.corpus.format.Columns;
import io.millrace.operators.corpus.format.FileFormat;
import io.millrace.operators.corpus.format.Row;
import io.millrace.operators.corpus.format.RowForm;
import io.millrace.operators.corpus.format.RowPosition;
import io.millrace.operators.corpus.format.RowReader;
import io.millrace.operators.corpus.format.RowWriter;
import io.millrace.operators.corpus.format.parquet.TestingParquet;
import io.millrace.operators.corpus.output.CorpusCounts;
import io.millrace.operators.corpus.output.OutputFolder;
import io.millrace.operators.options.PipelineOptions;
import java.io.BufferedOutputStream;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.IntStream;
import org.apache.flink.api.common.JobExecutionResult;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.runtime.minicluster.MiniCluster;
import org.apache.flink.runtime.testutils.MiniClusterResourceConfiguration;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.test.junit5.InjectMiniCluster;
import org.apache.flink.test.junit5.MiniClusterExtension;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.api.io.TempDir;

/**
 * What surrounds the engine passes rows on by the ten thousand, each once and in order.
 *
 * <p>With {@code -Dmillrace.corpus.rows=1000000 -Dmillrace.corpus.report=FILE} it measures: rows a
 * second and the memory of this process as rows pass go to FILE.
 */
@Timeout(value = 900, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class CorpusThroughputITCase {
    @RegisterExtension
    static final MiniClusterExtension CLUSTER =
            new MiniClusterExtension(
                    new MiniClusterResourceConfiguration.Builder()
                            .setNumberTaskManagers(1)
                            .setNumberSlotsPerTaskManager(1)
                            .build());

    private static final int ROWS = Integer.getInteger("millrace.corpus.rows", 20_000);
    private static final String REPORT = System.getProperty("millrace.corpus.report");
    private static final String MODEL = "../models/triage";
    private static final Columns COLUMNS = new Columns("text", null, "answer", false);
    private static final int TOKENS = 12;
    private static final Duration CHECKPOINTS = Duration.ofSeconds(5);
    private static final Duration LOOK = Duration.ofMillis(10);

    @TempDir Path folder;
    private String name;

    private interface Writing {
        void write(Path file, Iterable<String> texts) throws IOException;
    }

    @Test
    void linesPassEachOnceAndInOrder(@InjectMiniCluster MiniCluster cluster) throws Exception {
        run(cluster, "rows.jsonl", CorpusThroughputITCase::writeLines);
    }

    @Test
    void rowsOfParquetPassEachOnceAndInOrder(@InjectMiniCluster MiniCluster cluster)
            throws Exception {
        run(cluster, "rows.parquet", TestingParquet::write);
    }

    private void run(MiniCluster cluster, String file, Writing writing) throws Exception {
        name = file;
        try (Engine model = Engine.open(InstantEngine.options(MODEL, name, 1))) {
            Path in = folder.resolve(file);
            List<String> texts = texts(model.tokenizer(), Math.min(ROWS, 1 << 16));
            writing.write(in, repeated(texts));
            InputFile input = InputFile.of(file, in, FileFormat.of(file, null, null));
            OutputFolder out = new OutputFolder(folder.resolve("out").toString());
            Memory memory = new Memory();
            long cpu = cpuNanos();
            long start = System.nanoTime();
            JobExecutionResult result = await(cluster, start(input, out), memory);
            double seconds = (System.nanoTime() - start) / 1e9;
            double cpuSeconds = (cpuNanos() - cpu) / 1e9;
            assertThat(result.<Long>getAccumulatorResult(CorpusCounts.ROWS)).isEqualTo(ROWS);
            assertThat(result.<Long>getAccumulatorResult(CorpusCounts.TOKENS))
                    .isEqualTo((long) ROWS * TOKENS);
            assertThat(out.failures(file)).doesNotExist();
            Path expected = expected(input, model.tokenizer());
            assertThat(Files.mismatch(out.output(file), expected)).isEqualTo(-1);
            if (REPORT != null) {
                report(file, seconds, cpuSeconds, memory);
            }
        }
    }

    private JobClient start(InputFile input, OutputFolder out) throws Exception {
        Configuration settings = PipelineFixture.configuration();
        settings.set(CheckpointingOptions.CHECKPOINT_STORAGE, "filesystem");
        settings.set(
                CheckpointingOptions.CHECKPOINTS_DIRECTORY,
                folder.resolve("checkpoints").toUri().toString());
        settings.set(CheckpointingOptions.CHECKPOINTING_INTERVAL, CHECKPOINTS);
        StreamExecutionEnvironment env =
                StreamExecutionEnvironment.getExecutionEnvironment(settings);
        env.setParallelism(1);
        PipelineOptions options =
                PipelineOptions.builder(
                                InstantEngine.options(MODEL, name, 256), InstantEngine.loader())
                        .name("corpus")
                        .build();
        RequestTemplate template =
                new RequestTemplate(
                        COLUMNS,
                        false,
                        null,
                        "{\"id\":\"x\",\"max_tokens\":%d}".formatted(TOKENS).getBytes(UTF_8),
                        1_700_000_000_000L);
        CorpusPipeline.build(env, List.of(input), template, out, options);
        return env.executeAsync(name);
    }

    /** As the command: it asks for the last checkpoint, and looks at the counts meanwhile. */
    private JobExecutionResult await(MiniCluster cluster, JobClient job, Memory memory)
            throws Exception {
        AtomicLong answered = InstantEngine.answered(name);
        var result = job.getJobExecutionResult();
        boolean asked = false;
        while (true) {
            try {
                return result.get(LOOK.toMillis(), TimeUnit.MILLISECONDS);
            } catch (TimeoutException e) {
                memory.look(answered.get());
                if (!asked && answered.get() == ROWS) {
                    Object ended = job.getAccumulators().get().get(CorpusCounts.ENDED);
                    asked = Long.valueOf(1).equals(ended);
                    if (asked) {
                        cluster.triggerCheckpoint(job.getJobID());
                    }
                }
            }
        }
    }

    /** Resident memory of this process, by rows that have passed. */
    private static final class Memory {
        final TreeMap<Long, Long> mib = new TreeMap<>();
        private long next;

        void look(long rows) throws IOException {
            if (REPORT != null && rows >= next && rows > 0) {
                mib.put(rows, resident());
                next = rows + ROWS / 20;
            }
        }

        private static long resident() throws IOException {
            for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
                if (line.startsWith("VmRSS:")) {
                    return Long.parseLong(line.replaceAll("\\D", "")) >> 10;
                }
            }
            throw new IOException("There is no VmRSS in /proc/self/status.");
        }
    }

    /** Texts of {@link #TOKENS} words, each of which is one token. */
    private static List<String> texts(Tokenizer tokenizer, int count) {
        List<Integer> words = new ArrayList<>();
        for (int id = 300; id < 6000; id++) {
            if (tokenizer.decode(new int[] {id}).matches(" [a-z]+")) {
                words.add(id);
            }
        }
        Random random = new Random(54);
        List<String> texts = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            int[] tokens = new int[TOKENS];
            Arrays.setAll(tokens, at -> words.get(random.nextInt(words.size())));
            texts.add(tokenizer.decode(tokens));
        }
        return texts;
    }

    private static Iterable<String> repeated(List<String> texts) {
        return () -> {
            Iterator<Integer> rows = IntStream.range(0, ROWS).iterator();
            return new Iterator<>() {
                @Override
                public boolean hasNext() {
                    return rows.hasNext();
                }

                @Override
                public String next() {
                    return texts.get(rows.next() % texts.size());
                }
            };
        };
    }

    private static void writeLines(Path file, Iterable<String> texts) throws IOException {
        JsonMapper json = new JsonMapper();
        long row = 0;
        try (BufferedWriter out = Files.newBufferedWriter(file)) {
            for (String text : texts) {
                out.write(
                        "{\"number\":%d,\"text\":%s}\n"
                                .formatted(row++, json.writeValueAsString(text)));
            }
        }
    }

    /** The output as one thread writes it that reads, answers and writes row by row. */
    private Path expected(InputFile input, Tokenizer tokenizer) throws Exception {
        Path path = folder.resolve("expected");
        try (RowReader rows =
                        RowFiles.open(input.format(), Path.of(input.path()), RowPosition.START);
                OutputStream out = new BufferedOutputStream(Files.newOutputStream(path));
                RowWriter writer = RowFiles.write(input.format(), rows.header(), COLUMNS, out)) {
            RowForm form = RowFiles.form(input.format(), rows.header(), COLUMNS);
            assertThat(rows.seek()).isTrue();
            for (Row row = rows.next(); row != null; row = rows.next()) {
                int[] prompt = tokenizer.encode(form.read(row.bytes()).prompt());
                String answer = tokenizer.decode(InstantEngine.answer(prompt, TOKENS));
                writer.add(row.bytes(), List.of(answer));
            }
            writer.finish();
        }
        return path;
    }

    /** Of all threads, so that other programs on the same cores are not measured. */
    private static long cpuNanos() {
        return ((com.sun.management.OperatingSystemMXBean)
                        ManagementFactory.getOperatingSystemMXBean())
                .getProcessCpuTime();
    }

    private static void report(String file, double seconds, double cpuSeconds, Memory memory)
            throws IOException {
        Path path = Path.of(REPORT);
        JsonMapper json = new JsonMapper();
        Map<String, Object> all = new TreeMap<>();
        if (Files.exists(path)) {
            json.readValue(path.toFile(), Map.class).forEach((k, v) -> all.put((String) k, v));
        }
        Map<String, Object> run = new LinkedHashMap<>();
        run.put("rows", ROWS);
        run.put("seconds", Math.round(seconds * 100) / 100.0);
        run.put("cpu_microseconds_per_row", Math.round(cpuSeconds * 1e7 / ROWS) / 10.0);
        run.put("rows_per_second", Math.round(ROWS / seconds));
        run.put("resident_mib_by_rows", memory.mib);
        all.put(file, run);
        Files.writeString(
                path, json.writerWithDefaultPrettyPrinter().writeValueAsString(all) + "\n");
    }
}

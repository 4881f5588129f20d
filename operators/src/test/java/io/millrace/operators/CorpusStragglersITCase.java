package io.millrace.operators;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.json.JsonMapper;
import io.millrace.operators.corpus.InputFile;
import io.millrace.operators.corpus.RequestTemplate;
import io.millrace.operators.corpus.format.Columns;
import io.millrace.operators.corpus.format.FileFormat;
import io.millrace.operators.corpus.output.OutputFolder;
import io.millrace.operators.options.PipelineOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.apache.flink.runtime.testutils.MiniClusterResourceConfiguration;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.test.junit5.MiniClusterExtension;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

/**
 * The last rows of a corpus do not leave the engine idle: those that may have long answers begin
 * first. The device has a fixed step time, so time is a number of steps.
 *
 * <p>With {@code -Dmillrace.corpus.report=FILE}, the figures go to FILE, those of rows in their
 * order too.
 */
@Timeout(value = 300, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class CorpusStragglersITCase extends PipelineFixture {
    @RegisterExtension
    static final MiniClusterExtension CLUSTER =
            new MiniClusterExtension(
                    new MiniClusterResourceConfiguration.Builder()
                            .setNumberTaskManagers(1)
                            .setNumberSlotsPerTaskManager(1)
                            .build());

    private static final String REPORT = System.getProperty("millrace.corpus.report");
    private static final String FILE = "rows.jsonl";
    private static final int ROWS = 640;
    private static final int SEQUENCES = 32;
    private static final int LONGEST = 512;
    private static final Duration STEP = Duration.ofNanos(500_000);

    /** The bar, percent. */
    private static final double MOST = 8;

    /**
     * @param steps of all rows
     * @param lastSteps of the last 5 % of the rows
     * @param fewest steps in which an engine that is never idle computes all tokens
     */
    private record Run(long steps, long lastSteps, long fewest) {
        double lastPercent() {
            return 100.0 * lastSteps / steps;
        }
    }

    @Test
    void theLastRowsTakeTheTimeOfTheirShare() throws Exception {
        Run longestFirst = run("longest", true);
        if (REPORT != null) {
            report(longestFirst, run("order", false));
            // Steps pass while the machine pauses: not for a busy one.
            assertThat(longestFirst.steps()).isLessThan(longestFirst.fewest() * 21 / 20);
        }
        assertThat(longestFirst.lastPercent()).isLessThanOrEqualTo(MOST);
    }

    private Run run(String out, boolean longestFirst) throws Exception {
        name = out;
        control = TestingControl.of(name);
        control.stepTime(STEP);
        Path in = Files.createDirectories(folder.resolve(out + "-in")).resolve(FILE);
        long tokens = writeRows(in);
        StreamExecutionEnvironment env =
                StreamExecutionEnvironment.getExecutionEnvironment(configuration());
        env.setParallelism(1);
        env.enableCheckpointing(500);
        PipelineOptions options =
                PipelineOptions.builder(
                                engine().withMaxSequences(SEQUENCES), TestingEngine.loader())
                        .longestFirst(longestFirst)
                        .name("corpus")
                        .build();
        RequestTemplate template =
                new RequestTemplate(
                        new Columns(null, null, "answer", false),
                        false,
                        null,
                        "{\"id\":\"x\",\"ignore_eos\":true}".getBytes(UTF_8),
                        1_700_000_000_000L);
        OutputFolder output = new OutputFolder(folder.resolve(out).toString());
        InputFile input = InputFile.of(FILE, in, FileFormat.of(FILE, null, null));
        CorpusPipeline.build(env, List.of(input), template, output, options);
        env.execute(name);
        requireInOrder(output);
        List<Long> finishes = control.finishes();
        assertThat(finishes).hasSize(ROWS);
        long last = finishes.get(ROWS - 1);
        return new Run(
                last,
                last - finishes.get(ROWS * 95 / 100 - 1),
                (tokens + SEQUENCES - 1) / SEQUENCES);
    }

    /** Returns the tokens of all answers. */
    private static long writeRows(Path file) throws IOException {
        Random random = new Random(54);
        StringBuilder lines = new StringBuilder();
        long tokens = 0;
        for (int i = 0; i < ROWS; i++) {
            int length = 1 + random.nextInt(LONGEST);
            tokens += length;
            lines.append("{\"prompt\":\"x%d\",\"max_tokens\":%d}\n".formatted(i, length));
        }
        Files.writeString(file, lines);
        return tokens;
    }

    private static void requireInOrder(OutputFolder output) throws IOException {
        int row = 0;
        for (String line : Files.readAllLines(output.output(FILE))) {
            assertThat(line).startsWith("{\"prompt\":\"x%d\",".formatted(row++));
        }
        assertThat(row).isEqualTo(ROWS);
    }

    private static void report(Run longestFirst, Run inOrder) throws IOException {
        Map<String, Object> all = new LinkedHashMap<>();
        all.put("rows", ROWS);
        all.put("sequences_at_once", SEQUENCES);
        all.put("lengths", "1 to " + LONGEST);
        all.put("fewest_steps", longestFirst.fewest());
        all.put("longest_first", figures(longestFirst));
        all.put("in_order_of_rows", figures(inOrder));
        Files.writeString(
                Path.of(REPORT),
                new JsonMapper().writerWithDefaultPrettyPrinter().writeValueAsString(all) + "\n");
    }

    private static Map<String, Object> figures(Run run) {
        Map<String, Object> figures = new LinkedHashMap<>();
        figures.put("steps", run.steps());
        figures.put("steps_of_last_5_percent_of_rows", run.lastSteps());
        figures.put("percent_of_time", Math.round(run.lastPercent() * 10) / 10.0);
        return figures;
    }
}

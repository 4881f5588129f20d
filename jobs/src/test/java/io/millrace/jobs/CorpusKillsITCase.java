package io.millrace.jobs;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.millrace.operators.inference.SavedRequests;
import io.millrace.schemas.InFlightRequest;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * The demo's texts, each many times under ids of its own, are killed at random points, each after a
 * checkpoint that holds beginnings of answers. No row is lost, none is there twice, and the output
 * has the bytes of a run that nobody disturbed.
 *
 * <p>That run computes equal texts once ({@code --dedupe}), the killed one computes each row. With
 * {@code -Dmillrace.corpus.ids=20000 -Dmillrace.corpus.kills=5 -Dmillrace.corpus.report=FILE} there
 * are more, a third run is undisturbed and computes each row, too, and what came of it goes to
 * FILE.
 */
@Timeout(value = 7200, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class CorpusKillsITCase {
    private static final int ROWS = Integer.getInteger("millrace.corpus.ids", 1500);
    private static final int KILLS = Integer.getInteger("millrace.corpus.kills", 2);
    private static final long SEED = Long.getLong("millrace.corpus.seed", 54);
    private static final String REPORT = System.getProperty("millrace.corpus.report");
    private static final Duration LIMIT = Duration.ofMinutes(100);
    private static final String FILE = "texts.jsonl";
    private static final JsonMapper JSON = new JsonMapper();

    @TempDir Path folder;
    private Path in;

    /** Requests in flight that had tokens in the checkpoint before each kill. */
    private final List<Integer> halfAnswers = new ArrayList<>();

    @Test
    void eachRowIsThereOnceWithTheBytesOfAnUndisturbedRun() throws Exception {
        writeRows();
        Path once = folder.resolve("once");
        String last = finish(once, "--dedupe");
        assertThat(last).contains("%,d of them as an equal row was".formatted(ROWS - texts()));
        Path killed = folder.resolve("killed");
        long start = System.nanoTime();
        Random random = new Random(SEED);
        for (int kill = 0; kill < KILLS; kill++) {
            try (TestingProcess run = corpus(killed)) {
                run.awaitLine(kill == 0 ? "none yet" : "resumes checkpoint", LIMIT);
                awaitHalfAnswers(killed, 1 + random.nextInt(Math.max(1, ROWS / (200 * KILLS))));
                run.kill();
            }
            assertThat(output(killed)).as("the end before the kill").doesNotExist();
        }
        finish(killed);
        double seconds = (System.nanoTime() - start) / 1e9;
        requireEachOnce(killed);
        assertThat(Files.mismatch(output(once), output(killed))).isEqualTo(-1);
        if (REPORT != null) {
            Path undisturbed = folder.resolve("undisturbed");
            long begin = System.nanoTime();
            finish(undisturbed);
            double alone = (System.nanoTime() - begin) / 1e9;
            assertThat(Files.mismatch(output(undisturbed), output(killed))).isEqualTo(-1);
            report(seconds, alone);
        }
    }

    /** Ends a corpus; returns its last line. */
    private String finish(Path out, String... more) throws Exception {
        try (TestingProcess run = corpus(out, more)) {
            assertThat(run.exitCode(LIMIT)).as("%s", run.lines()).isZero();
            return run.awaitLine("Done: %1$,d of %1$,d rows answered".formatted(ROWS), LIMIT);
        }
    }

    private static Path demo() {
        return TestingProcess.root().resolve("models/triage/demo.jsonl");
    }

    private static int texts() throws IOException {
        return Files.readAllLines(demo()).size();
    }

    private void writeRows() throws IOException {
        in = folder.resolve("in");
        Files.createDirectories(in);
        List<String> texts = Files.readAllLines(demo());
        try (BufferedWriter rows = Files.newBufferedWriter(in.resolve(FILE))) {
            for (int i = 0; i < ROWS; i++) {
                ObjectNode row = (ObjectNode) JSON.readTree(texts.get(i % texts.size()));
                rows.write(row.put("id", "id-" + i).toString());
                rows.newLine();
            }
        }
    }

    private static Path output(Path out) {
        return out.resolve(FILE);
    }

    private static void requireEachOnce(Path out) throws IOException {
        try (BufferedReader rows = Files.newBufferedReader(output(out))) {
            for (int i = 0; i < ROWS; i++) {
                JsonNode row = JSON.readTree(rows.readLine());
                assertThat(row.get("id").asText()).isEqualTo("id-" + i);
                assertThat(row.get("answer").isTextual()).isTrue();
            }
            assertThat(rows.readLine()).isNull();
        }
        assertThat(out.resolve("_failures")).doesNotExist();
    }

    /** Waits for so many checkpoints of this life that hold beginnings of answers. */
    private void awaitHalfAnswers(Path out, int wanted) throws IOException {
        Set<Path> known = new HashSet<>(checkpoints(out));
        long end = System.nanoTime() + LIMIT.toNanos();
        int seen = 0;
        while (true) {
            for (Path checkpoint : checkpoints(out)) {
                int half = known.contains(checkpoint) ? 0 : halfAnswers(checkpoint);
                if (half > 0) {
                    known.add(checkpoint);
                    if (++seen == wanted) {
                        halfAnswers.add(half);
                        return;
                    }
                }
            }
            assertThat(output(out)).as("the end before the kill").doesNotExist();
            assertThat(System.nanoTime()).as("time until half answers are saved").isLessThan(end);
            LockSupport.parkNanos(5_000_000);
        }
    }

    private static List<Path> checkpoints(Path out) throws IOException {
        List<Path> found = new ArrayList<>();
        Path state = out.resolve(".millrace/state");
        if (Files.exists(state)) {
            try (Stream<Path> files = Files.find(state, 6, (path, of) -> isCheckpoint(path))) {
                files.map(Path::getParent).forEach(found::add);
            } catch (UncheckedIOException e) {
                // One is being deleted: the next look finds what is left.
                return List.of();
            }
        }
        return found;
    }

    private static boolean isCheckpoint(Path path) {
        return path.endsWith("_metadata")
                && path.getParent().getFileName().toString().startsWith("chk-");
    }

    private static int halfAnswers(Path checkpoint) {
        int half = 0;
        try {
            for (InFlightRequest each : SavedRequests.read(checkpoint)) {
                half += each.getGenerated().isEmpty() ? 0 : 1;
            }
            return half;
        } catch (IOException e) {
            // A newer one has taken its place.
            return 0;
        }
    }

    private TestingProcess corpus(Path out, String... more) throws IOException {
        List<String> arguments = new ArrayList<>();
        arguments.add("corpus");
        arguments.add(in.toString());
        arguments.add(out.toString());
        arguments.add("--model=" + TestingProcess.root().resolve("models/triage"));
        arguments.add("--device=cpu");
        arguments.add("--checkpoint-interval=500ms");
        arguments.addAll(List.of(more));
        return TestingProcess.millrace(folder.resolve("data"), arguments.toArray(new String[0]));
    }

    private void report(double killed, double undisturbed) throws IOException {
        Map<String, Object> report = new LinkedHashMap<>();
        report.put("rows", ROWS);
        report.put("texts", texts());
        report.put("seed", SEED);
        report.put("requests_with_tokens_in_the_checkpoint_before_each_kill", halfAnswers);
        report.put("rows_lost_twice_or_different", 0);
        report.put("seconds", Math.round(killed));
        report.put("seconds_undisturbed", Math.round(undisturbed));
        Files.writeString(
                Path.of(REPORT),
                JSON.writerWithDefaultPrettyPrinter().writeValueAsString(report) + "\n");
    }
}

package io.millrace.jobs;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.operators.corpus.format.Compression;
import io.millrace.operators.corpus.format.compression.Compressions;
import io.millrace.operators.corpus.format.parquet.TestingParquet;
import io.millrace.operators.inference.SavedRequests;
import io.millrace.schemas.InFlightRequest;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A real {@code ./millrace corpus} is killed, stopped and started again. */
@Timeout(600)
class CorpusITCase {
    private static final Duration LIMIT = Duration.ofSeconds(120);
    private static final Pattern KEPT = Pattern.compile("go on after their (\\d+) tokens");
    private static final int ROWS = 197;
    private static final int SMALL = 17;

    @TempDir Path folder;
    private Path in;

    @BeforeEach
    void writeRows() throws IOException {
        in = Files.createDirectories(folder.resolve("in/deep")).getParent();
        StringBuilder cells = new StringBuilder("number,text\r\n");
        for (int i = 0; i < ROWS; i++) {
            cells.append("%d,\"Dear \"\"%d\"\",\r\nall the best\"\r\n".formatted(i, i * 7919));
        }
        Files.writeString(in.resolve("deep/cells.csv"), cells);
        try (OutputStream out =
                new GZIPOutputStream(Files.newOutputStream(in.resolve("lines.jsonl.gz")))) {
            for (int i = 0; i < ROWS; i++) {
                out.write(
                        "{\"text\":\"Lowest rates %d\",\"n\":%d}\n"
                                .formatted(i, i)
                                .getBytes(UTF_8));
            }
        }
        for (Compression compression : List.of(Compression.XZ, Compression.ZSTD)) {
            Path small =
                    in.resolve("small.jsonl" + (compression == Compression.XZ ? ".xz" : ".zst"));
            try (OutputStream file = Files.newOutputStream(small);
                    OutputStream out = Compressions.compress(file, compression)) {
                for (int i = 0; i < SMALL; i++) {
                    out.write("{\"text\":\"More of %d\"}\n".formatted(i).getBytes(UTF_8));
                }
            }
        }
        TestingParquet.write(
                in.resolve("small.parquet"),
                IntStream.range(0, SMALL).mapToObj(i -> "Less of " + i).toList());
        byte[] bad = "{\"text\":\"caf?\"}\n{\"text\":\"bad before\"}\n".getBytes(UTF_8);
        bad[12] = (byte) 0xe9;
        Files.write(in.resolve("bad.jsonl"), bad);
    }

    @Test
    void aKilledCorpusEndsWithTheBytesOfOneThatNobodyDisturbed() throws Exception {
        Path undisturbed = folder.resolve("undisturbed");
        try (TestingProcess run = corpus(undisturbed)) {
            assertThat(run.exitCode(LIMIT)).as("%s", run.lines()).isEqualTo(1);
            run.awaitLine("Done: 446 of 447 rows answered", LIMIT);
        }
        assertThat(outputs(undisturbed))
                .containsOnlyKeys(
                        "bad.jsonl",
                        "_failures/bad.jsonl.jsonl",
                        "deep/cells.csv",
                        "lines.jsonl.gz",
                        "small.jsonl.xz",
                        "small.jsonl.zst",
                        "small.parquet");

        Path out = folder.resolve("out");
        Set<String> checkpoints = new TreeSet<>();
        for (int kill = 0; kill < 2; kill++) {
            try (TestingProcess run = corpus(out)) {
                run.awaitLine(kill == 0 ? "none yet" : "resumes checkpoint", LIMIT);
                awaitHalfAnswers(out, checkpoints);
                run.kill();
            }
            assertThat(outputs(out)).as("the end before the kill").doesNotContainKey("bad.jsonl");
        }
        try (TestingProcess run = corpus(out)) {
            run.awaitLine("resumes checkpoint", LIMIT);
            awaitHalfAnswers(out, checkpoints);
            run.terminate();
            assertThat(run.exitCode(LIMIT)).isEqualTo(1);
            run.awaitLine("the same command goes on", LIMIT);
        }
        try (TestingProcess run = corpus(out)) {
            run.awaitLine("resumes savepoint", LIMIT);
            assertThat(run.exitCode(LIMIT)).as("%s", run.lines()).isEqualTo(1);
            run.awaitLine("Done: 446 of 447 rows answered", LIMIT);
        }
        assertThat(kept()).hasSize(3).allMatch(tokens -> tokens > 0);
        Map<String, byte[]> expected = outputs(undisturbed);
        assertThat(outputs(out).keySet()).isEqualTo(expected.keySet());
        outputs(out)
                .forEach((name, bytes) -> assertThat(bytes).as(name).isEqualTo(expected.get(name)));

        Map<String, byte[]> before = all(out);
        TestingCommand again = command(out);
        assertThat(again.all()).contains("Nothing is to be done: 446 of 447 rows answered");
        assertThat(again.exitCode()).isEqualTo(1);
        assertThat(all(out).keySet()).isEqualTo(before.keySet());
        whatWasDoneAndNotNotedIsNotDoneAgain(out);
        whatIsNotAsItWasIsRefused(out);
    }

    private void whatWasDoneAndNotNotedIsNotDoneAgain(Path out) throws IOException {
        Path manifest = out.resolve(".millrace/corpus.json");
        String noted = Files.readString(manifest);
        Files.writeString(manifest, noted.replaceFirst("(?s),\\s*\"finished\".*?\\}", ""));
        TestingCommand again = command(out);
        assertThat(again.all()).contains("Done: 446 of 447 rows").doesNotContain("Model ");
        assertThat(manifest).hasContent(noted);
    }

    /** It can be given right at the next start. */
    @Test
    void aConstraintThatIsWrongIsSaidBeforeAnythingIsBegun() {
        Path out = folder.resolve("wrong");
        TestingCommand wrong = command(out, "--regex=(?<=a)b");
        assertThat(wrong.all()).contains("The job's constraint: ", "(?<=a)b");
        assertThat(wrong.exitCode()).isEqualTo(1);
        assertThat(out.resolve(".millrace/corpus.json")).doesNotExist();
    }

    private void whatIsNotAsItWasIsRefused(Path out) throws IOException {
        assertThat(command(out, "--temperature=0.5").all())
                .contains("was begun with", "temperature");
        assertThat(command(out, "--choice=yes,no").all())
                .contains("was begun with no --choice, and this is --choice yes,no");
        assertThat(command(out, "--result-field=reply").all()).contains("--result-field answer");
        Files.writeString(in.resolve("more.jsonl"), "{}\n");
        assertThat(command(out).all()).contains("more.jsonl has come since the beginning");
        Files.delete(in.resolve("more.jsonl"));
        Files.writeString(in.resolve("bad.jsonl"), "{}\n");
        assertThat(command(out).all())
                .contains("bad.jsonl was changed since the beginning: size was");
        Files.delete(in.resolve("bad.jsonl"));
        assertThat(command(out).all()).contains("bad.jsonl is gone since the beginning");
        assertThat(command(in.resolve("..")).all()).contains("lies in OUT");
        Path full = Files.createDirectories(folder.resolve("full"));
        Files.writeString(full.resolve("mine.txt"), "");
        assertThat(command(full).all()).contains("OUT is not empty", "mine.txt");
    }

    /** Waits for a checkpoint that no other life had, and that has the beginnings of answers. */
    private static void awaitHalfAnswers(Path out, Set<String> known) throws IOException {
        long end = System.nanoTime() + LIMIT.toNanos();
        while (true) {
            for (Path checkpoint : checkpoints(out)) {
                if (!known.contains(checkpoint.toString()) && hasHalfAnswers(checkpoint)) {
                    checkpoints(out).forEach(each -> known.add(each.toString()));
                    return;
                }
            }
            assertThat(System.nanoTime()).as("time until half answers are saved").isLessThan(end);
            LockSupport.parkNanos(10_000_000);
        }
    }

    private static boolean hasHalfAnswers(Path checkpoint) {
        try {
            for (InFlightRequest each : SavedRequests.read(checkpoint)) {
                if (!each.getGenerated().isEmpty() && each.getGenerated().get(0).size() > 3) {
                    return true;
                }
            }
            return false;
        } catch (IOException e) {
            // A newer one has taken its place.
            return false;
        }
    }

    private static List<Path> checkpoints(Path out) throws IOException {
        List<Path> found = new ArrayList<>();
        visit(
                out.resolve(".millrace/state"),
                file -> {
                    if (file.endsWith("_metadata")
                            && file.getParent().toString().contains("/chk-")) {
                        found.add(file.getParent());
                    }
                });
        return found;
    }

    /** Tokens with which each resumed life went on. */
    private List<Long> kept() throws IOException {
        List<Long> kept = new ArrayList<>();
        Matcher lines = KEPT.matcher(Files.readString(folder.resolve("data/log/corpus.log")));
        while (lines.find()) {
            kept.add(Long.parseLong(lines.group(1)));
        }
        return kept;
    }

    private static Map<String, byte[]> outputs(Path out) throws IOException {
        Map<String, byte[]> outputs = all(out);
        outputs.keySet().removeIf(name -> name.startsWith(".millrace"));
        return outputs;
    }

    private static Map<String, byte[]> all(Path out) throws IOException {
        Map<String, byte[]> files = new TreeMap<>();
        List<Path> paths = new ArrayList<>();
        visit(out, paths::add);
        for (Path path : paths) {
            files.put(out.relativize(path).toString(), Files.readAllBytes(path));
        }
        return files;
    }

    private interface Visitor {
        void accept(Path file);
    }

    /** All files of a folder that may change meanwhile. */
    private static void visit(Path root, Visitor visitor) throws IOException {
        if (!Files.exists(root)) {
            return;
        }
        Files.walkFileTree(
                root,
                new SimpleFileVisitor<>() {
                    @Override
                    public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
                        visitor.accept(file);
                        return FileVisitResult.CONTINUE;
                    }

                    @Override
                    public FileVisitResult visitFileFailed(Path file, IOException e) {
                        return FileVisitResult.CONTINUE;
                    }

                    @Override
                    public FileVisitResult postVisitDirectory(Path folder, IOException e) {
                        return FileVisitResult.CONTINUE;
                    }
                });
    }

    private List<String> arguments(Path out, String... more) {
        List<String> arguments = new ArrayList<>();
        arguments.add("corpus");
        arguments.add(in.toString());
        arguments.add(out.toString());
        arguments.add("--model=" + TestingProcess.root().resolve("models/triage"));
        arguments.add("--device=cpu");
        arguments.add("--prompt-field=text");
        arguments.add("--max-tokens=54");
        arguments.add("--ignore-eos");
        arguments.add("--checkpoint-interval=100ms");
        arguments.add("--max-in-flight=32");
        arguments.addAll(List.of(more));
        return arguments;
    }

    private TestingProcess corpus(Path out) throws IOException {
        return TestingProcess.millrace(
                folder.resolve("data"), arguments(out).toArray(new String[0]));
    }

    /** In this process: it ends before there is a cluster. */
    private TestingCommand command(Path out, String... more) {
        return TestingCommand.run(arguments(out, more));
    }
}

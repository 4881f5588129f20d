package io.millrace.jobs.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.millrace.gpu.model.TinyModels;
import io.millrace.jobs.Millrace;
import io.millrace.jobs.bench.result.BenchNumerics;
import io.millrace.jobs.bench.result.KernelFigure;
import io.millrace.jobs.bench.result.ResultFiles;
import io.millrace.jobs.bench.result.ResultRow;
import io.millrace.jobs.bench.result.ResultTable;
import io.millrace.jobs.cli.CommandFailedException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.assertj.core.data.Percentage;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The command bench: what it writes, not how fast anything is. */
@Timeout(120)
class BenchCommandTest {
    private static final List<String> FIELDS =
            List.of("workload", "model", "metric", "value", "unit", "device", "commit");

    @TempDir Path folder;
    private final StringWriter err = new StringWriter();
    private int exit;

    private String run(String... arguments) {
        List<String> all = new ArrayList<>(List.of("bench", "--quick"));
        all.addAll(Arrays.asList(arguments));
        PrintStream before = System.out;
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        System.setOut(new PrintStream(out, true, StandardCharsets.UTF_8));
        try {
            exit =
                    Millrace.commandLine(null)
                            .setErr(new PrintWriter(err, true))
                            .execute(all.toArray(String[]::new));
        } finally {
            System.setOut(before);
        }
        return out.toString(StandardCharsets.UTF_8);
    }

    @Test
    void everyFigureIsWrittenWithWhereItComesFrom() throws Exception {
        Path model = TinyModels.qwen2().context(97).write(folder.resolve("tiny"));
        Files.writeString(model.resolve("demo.jsonl"), demo(17));
        Path results = folder.resolve("results");
        Path file = results.resolve("engine.json");
        Path page = folder.resolve("page.md");
        Files.writeString(page, "before\n<!-- bench:begin -->\nold\n<!-- bench:end -->\nafter\n");

        String printed =
                run("--model=" + model, "--batch=1,3", "--output=" + file, "--readme=" + page);

        assertThat(exit).as(err.toString()).isZero();
        assertThat(printed)
                .containsOnlyOnce(
                        "  ./millrace bench --model=%s --batch=1,3 --quick --output=-\n"
                                .formatted(model));
        List<String> workloads = new ArrayList<>();
        for (JsonNode row : new ObjectMapper().readTree(file.toFile())) {
            for (String field : FIELDS) {
                assertThat(row.path(field).asText()).as(row + " " + field).isNotEmpty();
            }
            assertThat(row.get("value").asDouble()).as(row.toString()).isPositive();
            assertThat(row.get("model").asText()).isEqualTo("tiny");
            assertThat(row.has("percent_of_roofline")).as("of so few weights").isFalse();
            workloads.add(row.get("workload").asText() + ", " + row.get("metric").asText());
            assertThat(printed).contains(row.get("metric").asText());
        }
        assertThat(workloads)
                .doesNotHaveDuplicates()
                .contains(
                        "start, load",
                        "start, first token, loading included",
                        "decode, batch 1, output",
                        "decode, batch 3, output",
                        "prompt of 48 tokens, prompt",
                        "9 requests, 48 tokens in, 32 to 49 out, output",
                        "9 requests, 48 tokens in, 32 to 49 out, time to first token p99",
                        "9 requests, 48 tokens in, 32 to 49 out, time per output token mean",
                        "start, first token, JVM start included",
                        "demo input, engine alone, total",
                        "demo input, whole job, total",
                        "demo input, whole job, of the engine alone",
                        "plain reading, all cores, memory bandwidth",
                        "all of the above, peak heap outside of the weights");
        String text = Files.readString(page);
        assertThat(text)
                .startsWith("before\n<!-- bench:begin -->\n**On the CPU**\n\n| workload |")
                .contains("| decode, batch 3 | tiny | output ")
                .doesNotContain("old")
                .endsWith("\n<!-- bench:end -->\nafter\n")
                .isEqualTo(ResultTable.rewritten(page, text, ResultFiles.readAll(results)));
    }

    private static String demo(int requests) {
        StringBuilder lines = new StringBuilder();
        for (int i = 0; i < requests; i++) {
            lines.append("{\"id\":\"%d\",\"prompt\":\"number %d\"}\n".formatted(i, i));
        }
        return lines.toString();
    }

    @Test
    void nothingIsWrittenWhereNothingIsAskedFor() throws IOException {
        Path model = TinyModels.llama().context(16).write(folder.resolve("tiny"));
        String printed = run("--model=" + model, "--batch=1", "--output=-", "--weights=int8");
        assertThat(exit).as(err.toString()).isZero();
        assertThat(printed).contains("tiny, INT8 on ").contains("memory bandwidth");
        try (var files = Files.list(folder)) {
            assertThat(files).containsExactly(model);
        }
    }

    @Test
    void figuresOfDummyWeightsSayThatTheyAre() throws IOException {
        Path model = TinyModels.llama().context(16).write(folder.resolve("tiny"));
        Files.delete(model.resolve("model.safetensors"));
        String printed = run("--model=" + model, "--batch=1", "--output=-", "--load-format=dummy");
        assertThat(exit).as(err.toString()).isZero();
        assertThat(printed).contains("tiny, dummy weights on ");
    }

    @Test
    void aStartIsMeasuredWithWhatItConsistsOf() throws Exception {
        Path model = TinyModels.llama().context(16).write(folder.resolve("tiny"));
        Path file = folder.resolve("results").resolve("start.json");
        String printed = run("--model=" + model, "--workload=Start", "--output=" + file);
        assertThat(exit).as(err.toString()).isZero();
        assertThat(printed)
                .containsOnlyOnce(
                        "  ./millrace bench --model=%s --workload=start --quick --output=-\n"
                                .formatted(model));
        double whole = 0;
        double parts = 0;
        List<String> metrics = new ArrayList<>();
        for (JsonNode row : new ObjectMapper().readTree(file.toFile())) {
            assertThat(row.get("workload").asText()).isEqualTo("start, 0.00 GiB of weights");
            String metric = row.get("metric").asText();
            metrics.add(metric);
            double value = row.get("value").asDouble();
            if (metrics.size() == 1) {
                whole = value;
            } else {
                parts += value;
            }
        }
        assertThat(metrics)
                .containsExactly(
                        "first token, JVM start included",
                        "until the model is opened",
                        "before weights",
                        "weights",
                        "after weights",
                        "KV cache",
                        "after KV cache",
                        "the token itself");
        // Each is rounded to four digits.
        assertThat(parts).isCloseTo(whole, Percentage.withPercentage(0.5));
    }

    @Test
    void aStartIsMeasuredAlone() {
        for (String beside : List.of("--workload=start,W1", "--shape=qwen3-0.6b")) {
            err.getBuffer().setLength(0);
            run("--workload=start", beside, "--output=-");
            assertThat(exit).isEqualTo(1);
            assertThat(err.toString())
                    .contains("leave other workloads, --shape and --numerics free out.");
        }
    }

    @Test
    void sequencesThatCannotRunAllAtOnceAreNotTimed() {
        Path model = TinyModels.llama().context(97).write(folder.resolve("tiny"));
        run("--model=" + model, "--batch=54", "--kv-cache-memory=64k", "--output=-");
        assertThat(exit).isEqualTo(1);
        assertThat(err.toString()).contains("54 sequences never ran all at once");
    }

    @Test
    void whatIsNotKnownIsRefusedBeforeAnythingIsMeasured() {
        run("--shape=gpt-9", "--output=-");
        assertThat(exit).isEqualTo(1);
        assertThat(err.toString()).contains("There is no shape gpt-9", "qwen2.5-0.5b");
        run("--shape=qwen3-0.6b", "--workload=W1,W9", "--output=-");
        assertThat(err.toString()).contains("There is no workload W9");
        run("--device=cuda", "--model=" + folder, "--output=-");
        assertThat(err.toString()).contains("--model is measured on the CPU only");
    }

    @Test
    void kernelsAreRefusedOnTheCpu() {
        run("--shape=qwen3-0.6b", "--workload=W5,Kernels", "--output=-");
        assertThat(exit).isEqualTo(1);
        assertThat(err.toString()).contains("Kernels are timed on a GPU only: take --device cuda");
    }

    @Test
    void aGpuThatCannotBeHadIsOneSentenceAndNoWeightsAreMade() {
        assumeFalse(Files.exists(Path.of("/dev/nvidiactl")), "There may be a GPU.");
        run("--device=cuda", "--shape=llama-3.1-8b", "--output=-");
        assertThat(exit).isEqualTo(1);
        assertThat(err.toString())
                .containsAnyOf(
                        "millrace: There is no NVIDIA driver on this machine",
                        "millrace: This build has no GPU kernels")
                .contains("take the device cpu.")
                .doesNotContain("Weights");
    }

    @Test
    void freeNumericsAreRefusedWhereTheCpuMayBeMeant() {
        for (String device : List.of("cpu", "auto")) {
            err.getBuffer().setLength(0);
            run("--device=" + device, "--shape=qwen3-0.6b", "--numerics=free", "--output=-");
            assertThat(exit).isEqualTo(1);
            assertThat(err.toString().strip())
                    .endsWith("--numerics free is for a GPU: give --device cuda with it.");
        }
    }

    @Test
    void aContextTooShortToMeasureIsSaid() {
        Path model = TinyModels.llama().context(15).write(folder.resolve("tiny"));
        run("--model=" + model, "--output=-");
        assertThat(exit).isEqualTo(1);
        assertThat(err.toString()).contains("The model's context is 15 tokens");
    }

    @Test
    void figuresAreReadInTheTableWithTheirUnitsAndShares() {
        Path page = Path.of("page.md");
        String text = "<!-- bench:begin -->\n<!-- bench:end -->";
        List<ResultRow> rows =
                List.of(
                        row("w", "rate", 12.345, "tok/s", 54.3, null, "abc"),
                        row("w", "time mean", 1234, "ms", null, null, "abc"),
                        row("w", "time p50", 0.5, "ms", null, null, "abc"),
                        row("v", "count", 17, "1", null, null, "abc"),
                        row("x", "rate", 5, "tok/s", 17.0, "580.1", "abc"),
                        row("checkpoints", "count", 3, "1", null, null, "abc"),
                        row("w", "other 1.0", 11, "tok/s", null, null, "2026-11-22"),
                        row("w", "third", 9, "tok/s", null, null, "2026-11-22"));
        assertThat(ResultTable.rewritten(page, text, rows))
                .isEqualTo(
                        """
                        <!-- bench:begin -->
                        **On the CPU**

                        | workload | model | Millrace | other engines | other metrics |
                        |---|---|---|---|---|
                        | w | m | rate 12.3 tok/s (54 % of the memory's bandwidth) | other 1.0 11 tok/s<br>third 9 tok/s | time mean 1,234 ms, p50 0.50 ms |
                        | v | m | count 17 |  |  |

                        Measured on here, commit abc; other engines on here, 2026-11-22.

                        **On a GPU**

                        | workload | model | Millrace | other metrics |
                        |---|---|---|---|
                        | x | m | rate 5 tok/s (17 % of the roofline) |  |

                        Measured on here, driver 580.1, commit abc.

                        **Checkpoints under load**

                        | workload | model | Millrace | other metrics |
                        |---|---|---|---|
                        | checkpoints | m | count 3 |  |

                        Measured on here, commit abc.
                        <!-- bench:end -->""");
    }

    @Test
    void freeNumericsAreComparedWithTheContractsFiguresOfTheSameRunAndNeverTakenForThem() {
        List<ResultRow> rows =
                List.of(
                        output("W1", BenchNumerics.contract, 97, "abc"),
                        output("W2", BenchNumerics.contract, 54, "abc"),
                        output("W4", BenchNumerics.contract, 17, "old"),
                        output("W1", BenchNumerics.free, 100, "abc"),
                        output("W2", BenchNumerics.free, 50, "abc"),
                        output("W4", BenchNumerics.free, 18, "abc"));
        assertThat(
                        ResultTable.rewritten(
                                Path.of("page.md"),
                                "<!-- bench:begin -->\n<!-- bench:end -->",
                                rows))
                .isEqualTo(
                        """
                        <!-- bench:begin -->
                        **On a GPU**

                        | workload | model | Millrace | other metrics |
                        |---|---|---|---|
                        | W1 | m | output 97 tok/s |  |
                        | W2 | m | output 54 tok/s |  |
                        | W4 | m | output 17 tok/s |  |

                        Measured on here, driver 580.1, commit abc; here, driver 580.1, commit old.

                        **What the first law costs**

                        | workload | model | by the contract | free numerics | cost |
                        |---|---|---|---|---|
                        | W1 | m | 97 tok/s | 100 tok/s | 3.0 % |
                        | W2 | m | 54 tok/s | 50 tok/s | -8.0 % |

                        Measured on here, driver 580.1, commit abc.
                        <!-- bench:end -->""");
    }

    private static ResultRow output(
            String workload, BenchNumerics numerics, double value, String commit) {
        String model = numerics.rowsOf("m");
        return new ResultRow(
                workload, model, "output", value, "tok/s", null, "here", "580.1", commit);
    }

    private static ResultRow row(
            String workload,
            String metric,
            double value,
            String unit,
            Double percent,
            String driver,
            String commit) {
        return new ResultRow(workload, "m", metric, value, unit, percent, "here", driver, commit);
    }

    @Test
    void figuresOfAModelReplaceThoseOfThatModelOnly() throws IOException {
        Path file = folder.resolve("results.json");
        ResultRow kept = new ResultRow("w", "k", "rate", 1, "tok/s", null, "here", null, "abc");
        ResultRow old = row("gone", "rate", 2, "tok/s", null, null, "abc");
        ResultRow last = new ResultRow("w", "l", "rate", 3, "tok/s", null, "here", null, "abc");
        ResultFiles.write(file, List.of(kept, old, last));
        ResultRow fresh = row("w", "rate", 4, "tok/s", null, null, "def");
        ResultFiles.replace(file, List.of(fresh));
        assertThat(ResultFiles.readAll(folder)).containsExactly(kept, fresh, last);
    }

    private static ResultRow norm(double micros, String commit) {
        return new ResultRow(
                ResultRow.KERNELS,
                "m",
                "norm, 64 tokens, 896 wide",
                micros,
                "us",
                null,
                "here",
                "580.1",
                commit,
                new KernelFigure(KernelFigure.Kind.KERNEL, "norm", 64, 0));
    }

    @Test
    void aRowOfKernelsThatDoesNotSayWhichIsRefused() throws IOException {
        Path file = folder.resolve("results.json");
        ResultFiles.write(file, List.of(norm(1, "abc")));
        String written = Files.readString(file);
        int from = written.indexOf(",\n  \"kernel\"");
        Files.writeString(file, written.substring(0, from) + "} ]");
        assertThatThrownBy(() -> ResultFiles.readAll(folder))
                .hasMessageContaining("norm, 64 tokens, 896 wide")
                .hasMessageContaining("does not say which kernel's it is");
    }

    @Test
    void kernelsAndWorkloadsOfAModelDoNotReplaceEachOther() throws IOException {
        Path file = folder.resolve("results.json");
        ResultRow workload = row("W1", "output", 1, "tok/s", null, "580.1", "abc");
        ResultRow old = norm(2, "abc");
        ResultFiles.write(file, List.of(workload, old));
        ResultRow fresh = norm(1, "def");
        ResultFiles.replace(file, List.of(fresh));
        assertThat(ResultFiles.readAll(folder)).containsExactly(workload, fresh);
    }

    @Test
    void aPageWithoutMarkersIsRefused() {
        assertThatThrownBy(() -> ResultTable.rewritten(Path.of("page.md"), "text", List.of()))
                .isInstanceOf(CommandFailedException.class)
                .hasMessageContaining("page.md has no lines <!-- bench:begin -->");
    }
}

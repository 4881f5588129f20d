package io.millrace.jobs.bench;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.jobs.bench.result.ResultFiles;
import io.millrace.jobs.bench.result.ResultRow;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/**
 * The tables of docs/operating.md on sizing: measured figures, and KV memory by a model's shape.
 */
class SizingDocTest {
    private static final Path ROOT = Path.of("..");
    private static final Path PAGE = ROOT.resolve("docs/operating.md");
    private static final String ONE = "W5";
    private static final String MIXED = "W4";
    private static final String PROMPTS = "prompts";
    private static final long GIB = 1L << 30;

    private final List<ResultRow> rows = ResultFiles.readAll(ROOT.resolve("docs/results"));

    SizingDocTest() throws IOException {}

    @Test
    void theTableOfGpusIsMadeOfTheResults() throws IOException {
        StringBuilder table =
                new StringBuilder(
                        "| model | KV memory per token | tokens per GiB | alone: time per token"
                                + " | 256 at once: output | time to first token p99"
                                + " | time per token p50 | prompts |\n|---|---|---|---|---|---|---|---|\n");
        Set<String> devices = new TreeSet<>();
        for (BenchShape shape : BenchShape.all()) {
            table.append(
                    "| %s | %d KiB | %,d | %s | %s | %s | %s | %s |\n"
                            .formatted(
                                    shape.name(),
                                    shape.kvBytes() >> 10,
                                    GIB / shape.kvBytes(),
                                    figure(ONE, shape, "time per output token p50", devices),
                                    figure(MIXED, shape, "output", devices),
                                    figure(MIXED, shape, "time to first token p99", devices),
                                    figure(MIXED, shape, "time per output token p50", devices),
                                    figure(PROMPTS, shape, "prompts", devices)));
        }
        assertTable("sizing-gpu", table + measured(devices));
    }

    @Test
    void theTableOfCpusIsMadeOfTheResults() throws IOException {
        StringBuilder table =
                new StringBuilder(
                        "| model | requests at once | output | time to first token p99"
                                + " | time per token p50 | heap outside of the weights |\n"
                                + "|---|---|---|---|---|---|\n");
        Set<String> devices = new TreeSet<>();
        for (ResultRow row : rows) {
            if (row.metric().equals("output")
                    && row.workload().endsWith("in, 32 to 128 out")
                    && row.driver() == null) {
                String work = row.workload();
                table.append(
                        "| %s | %s | %s | %s | %s | %s |\n"
                                .formatted(
                                        row.model(),
                                        work.substring(0, work.indexOf(' ')),
                                        text(row, devices),
                                        of(row, work, "time to first token p99", devices),
                                        of(row, work, "time per output token p50", devices),
                                        of(
                                                row,
                                                "all of the above",
                                                "peak heap outside of the weights",
                                                devices)));
            }
        }
        assertThat(devices).isNotEmpty();
        assertTable("sizing-cpu", table + measured(devices));
    }

    private String figure(String workload, BenchShape shape, String metric, Set<String> devices) {
        List<ResultRow> found =
                rows.stream()
                        .filter(row -> row.workload().split(",")[0].equals(workload))
                        .filter(row -> row.model().equals(shape.name()))
                        .filter(row -> row.metric().equals(metric) && row.driver() != null)
                        .toList();
        assertThat(found).as("%s of %s, %s", metric, workload, shape.name()).hasSize(1);
        return text(found.get(0), devices);
    }

    private String of(ResultRow other, String workload, String metric, Set<String> devices) {
        List<ResultRow> found =
                rows.stream()
                        .filter(row -> row.workload().equals(workload))
                        .filter(row -> row.model().equals(other.model()))
                        .filter(row -> row.device().equals(other.device()))
                        .filter(row -> row.metric().equals(metric))
                        .toList();
        assertThat(found).as("%s of %s, %s", metric, workload, other.model()).hasSize(1);
        return text(found.get(0), devices);
    }

    private static String text(ResultRow row, Set<String> devices) {
        devices.add(
                row.device()
                        + (row.driver() == null ? "" : ", driver " + row.driver())
                        + ", commit "
                        + row.commit());
        double value = row.value();
        String format = value >= 100 ? "%,.0f %s" : value >= 10 ? "%.1f %s" : "%.2f %s";
        return String.format(Locale.ROOT, format, value, row.unit());
    }

    private static String measured(Set<String> devices) {
        return devices.stream().collect(Collectors.joining("; ", "\nMeasured on ", ".\n"));
    }

    private static void assertTable(String mark, String table) throws IOException {
        String text = Files.readString(PAGE);
        String begin = "<!-- " + mark + ":begin -->\n";
        assertThat(text).contains(begin);
        String rewritten =
                text.substring(0, text.indexOf(begin) + begin.length())
                        + table
                        + text.substring(text.indexOf("<!-- " + mark + ":end -->"));
        if (Boolean.getBoolean("millrace.docs.write")) {
            Files.writeString(PAGE, rewritten);
            text = rewritten;
        }
        assertThat(text)
                .as("docs/operating.md; -Dmillrace.docs.write=true puts the table into it")
                .isEqualTo(rewritten);
    }
}

package io.millrace.jobs.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.jobs.bench.result.ResultRow;
import io.millrace.jobs.bench.result.ResultTable;
import io.millrace.jobs.cli.CommandFailedException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

class ResultTableTest {
    private static final Path PAGE = Path.of("page.md");
    private static final String DECODE = "decode, batch 1";
    private static final String SATURATED = "queue full for 60 s, checkpoint every 250 ms";
    private static final List<ResultRow> ROWS =
            List.of(
                    row(DECODE, "llama-3.2-1b", "output", 19.74, "tok/s", "abc"),
                    row(DECODE, "llama-3.2-1b", "total", 21, "tok/s", "abc"),
                    row(DECODE, "other", "output", 1, "tok/s", "abc"),
                    row(DECODE, "llama-3.2-1b", "llama.cpp", 12, "tok/s", "2026-11-26"),
                    row(SATURATED, "triage", "checkpoint duration p50", 23, "ms", "def"),
                    row(SATURATED, "triage", "checkpoint duration p99", 172, "ms", "def"),
                    row(SATURATED, "triage", "checkpoint duration max", 247, "ms", "def"));

    private static ResultRow row(
            String workload,
            String model,
            String metric,
            double value,
            String unit,
            String commit) {
        return new ResultRow(workload, model, metric, value, unit, null, "here", null, commit);
    }

    @Test
    void aFrontPageShowsTheChosenFiguresOfWhatWasMeasured() {
        String text = "a\n<!-- summary:begin -->\nold\n<!-- summary:end -->\nb\n";
        String rewritten = ResultTable.rewritten(PAGE, text, ROWS);
        assertThat(rewritten)
                .isEqualTo(
                        """
                        a
                        <!-- summary:begin -->
                        | workload | model | Millrace | other engines |
                        |---|---|---|---|
                        | decode, batch 1 | llama-3.2-1b, CPU | output 19.7 tok/s | llama.cpp 12 tok/s |
                        | queue full for 60 s, checkpoint every 250 ms | triage, CPU | checkpoint duration p50 23 ms, p99 172 ms |  |

                        Measured on here, commit abc; here, commit def; other engines on here, 2026-11-26.
                        <!-- summary:end -->
                        b
                        """);
        assertThat(ResultTable.rewritten(PAGE, rewritten, ROWS)).isEqualTo(rewritten);
    }

    @Test
    void aPageMayHaveBothTables() {
        String text =
                "<!-- summary:begin -->\n<!-- summary:end -->\n<!-- bench:begin -->\n<!-- bench:end -->\n";
        assertThat(ResultTable.rewritten(PAGE, text, ROWS))
                .containsOnlyOnce("| llama-3.2-1b, CPU | output 19.7 tok/s |")
                .containsOnlyOnce("| decode, batch 1 | llama-3.2-1b | output 19.7 tok/s |")
                .containsOnlyOnce("| decode, batch 1 | other | output 1 tok/s |");
    }

    @Test
    void aPageWithoutAPlaceForTablesIsRefused() {
        assertThatThrownBy(
                        () -> ResultTable.rewritten(PAGE, "<!-- bench:begin -->\nno end\n", ROWS))
                .isInstanceOf(CommandFailedException.class)
                .hasMessage(
                        "page.md has no lines <!-- bench:begin --> and <!-- bench:end -->, nor"
                                + " <!-- summary:begin --> and <!-- summary:end -->, for a table.");
    }
}

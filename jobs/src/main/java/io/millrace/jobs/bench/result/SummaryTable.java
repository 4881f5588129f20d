package io.millrace.jobs.bench.result;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/** The summary table of a front page: one line per measured workload. */
final class SummaryTable {
    private static final String HEAD =
            "| workload | model | Millrace | other engines |\n|---|---|---|---|\n";

    /** In their order on the page. */
    private static final List<Line> LINES =
            List.of(
                    new Line("W4, 256 requests of unequal length", "qwen2.5-0.5b", "output"),
                    new Line("W4, 256 requests of unequal length", "llama-3.2-1b", "output"),
                    new Line("W4, 256 requests of unequal length", "llama-3.1-8b", "output"),
                    new Line("decode, batch 1", "llama-3.2-1b", "output"),
                    new Line(
                            "demo input 8 times, whole job",
                            "triage",
                            "output",
                            "of the engine alone"),
                    new Line(
                            "queue full for 60 s, checkpoint every 250 ms",
                            "triage",
                            "checkpoint duration p50",
                            "checkpoint duration p99"));

    private SummaryTable() {}

    /** The metrics that are shown of a workload and model. */
    private record Line(String workload, String model, Set<String> metrics) {
        Line(String workload, String model, String... metrics) {
            this(workload, model, Set.of(metrics));
        }

        boolean shows(ResultRow row) {
            return row.workload().equals(workload)
                    && row.model().equals(model)
                    && (row.ofAnother() || metrics.contains(row.metric()));
        }

        String place(List<ResultRow> rows) {
            String driver = rows.stream().anyMatch(row -> row.driver() != null) ? "GPU" : "CPU";
            return model + ", " + driver;
        }
    }

    /** Markdown, with the origin of the figures; a line without figures is left out. */
    static String markdown(List<ResultRow> rows) {
        StringBuilder table = new StringBuilder(HEAD);
        List<ResultRow> shown = new ArrayList<>();
        for (Line line : LINES) {
            List<ResultRow> ofLine = rows.stream().filter(line::shows).toList();
            List<ResultRow> ours = ofLine.stream().filter(row -> !row.ofAnother()).toList();
            if (!ours.isEmpty()) {
                table.append(
                        "| %s | %s | %s | %s |\n"
                                .formatted(
                                        line.workload(),
                                        line.place(ours),
                                        ResultTable.figures(ours),
                                        others(ofLine)));
                shown.addAll(ofLine);
            }
        }
        return table + "\n" + ResultTable.origins(shown);
    }

    private static String others(List<ResultRow> rows) {
        return rows.stream()
                .filter(ResultRow::ofAnother)
                .map(ResultTable::entry)
                .collect(Collectors.joining("<br>"));
    }
}

package io.millrace.jobs.bench.result;

import io.millrace.jobs.cli.CommandFailedException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * The tables of a page that are generated from results: all between the markers {@code bench}, that
 * of {@link SummaryTable} between the markers {@code summary}.
 */
public final class ResultTable {
    private static final String ALL = "bench";
    private static final String SUMMARY = "summary";
    private static final String HEAD =
            "| workload | model | Millrace | other metrics |\n|---|---|---|---|\n";
    private static final String HEAD_WITH_OTHERS =
            "| workload | model | Millrace | other engines | other metrics |\n|---|---|---|---|---|\n";

    /** In their order on the page. */
    private enum Section {
        CPU("On the CPU"),
        GPU("On a GPU"),
        KERNELS("Kernels on a GPU"),
        CHECKPOINTS("Checkpoints under load");

        private final String title;

        Section(String title) {
            this.title = title;
        }

        static Section of(ResultRow row) {
            if (row.workload().contains("checkpoint")) {
                return CHECKPOINTS;
            }
            if (row.ofKernels()) {
                return KERNELS;
            }
            return row.driver() == null ? CPU : GPU;
        }
    }

    private ResultTable() {}

    /**
     * Updates a page with rows.
     *
     * @throws CommandFailedException the page has no markers
     */
    public static void rewrite(Path page, List<ResultRow> rows) throws IOException {
        String text = Files.readString(page);
        Files.writeString(page, rewritten(page, text, rows));
    }

    /** The page's text with tables and quotes updated from rows; idempotent. */
    public static String rewritten(Path page, String text, List<ResultRow> rows) {
        String all = between(text, ALL, markdown(rows));
        String both = between(all == null ? text : all, SUMMARY, SummaryTable.markdown(rows));
        if (all == null && both == null) {
            throw new CommandFailedException(
                    "%s has no lines %s and %s, nor %s and %s, for a table."
                            .formatted(page, begin(ALL), end(ALL), begin(SUMMARY), end(SUMMARY)));
        }
        return ResultQuotes.rewritten(both == null ? all : both, rows);
    }

    /** Null if the text does not have both markers. */
    private static String between(String text, String marker, String tables) {
        String first = begin(marker) + "\n";
        int begin = text.indexOf(first);
        int end = text.indexOf(end(marker), Math.max(0, begin));
        return begin < 0 || end < 0
                ? null
                : text.substring(0, begin + first.length()) + tables + text.substring(end);
    }

    private static String begin(String marker) {
        return "<!-- " + marker + ":begin -->";
    }

    private static String end(String marker) {
        return "<!-- " + marker + ":end -->";
    }

    private static String markdown(List<ResultRow> rows) {
        List<String> tables = new ArrayList<>();
        // Free numerics are for comparison only: users' engines do not have them.
        List<ResultRow> listed =
                rows.stream().filter(row -> BenchNumerics.measuredFree(row) == null).toList();
        for (Section section : Section.values()) {
            List<ResultRow> ofSection =
                    listed.stream().filter(row -> Section.of(row) == section).toList();
            if (!ofSection.isEmpty()) {
                String table =
                        section == Section.KERNELS ? KernelTable.of(ofSection) : table(ofSection);
                tables.add("**%s**\n\n%s\n%s".formatted(section.title, table, origins(ofSection)));
            }
        }
        String costs = ContractTable.markdown(rows);
        if (!costs.isEmpty()) {
            tables.add(costs);
        }
        return String.join("\n", tables);
    }

    /** One line per workload and model. */
    private static String table(List<ResultRow> rows) {
        boolean others = rows.stream().anyMatch(ResultRow::ofAnother);
        StringBuilder table = new StringBuilder(others ? HEAD_WITH_OTHERS : HEAD);
        grouped(rows, row -> row.workload() + " | " + row.model())
                .forEach(
                        (group, ofGroup) ->
                                table.append("| ")
                                        .append(group)
                                        .append(" | ")
                                        .append(String.join(" | ", cells(ofGroup, others)))
                                        .append(" |\n"));
        return table.toString();
    }

    static String origins(List<ResultRow> rows) {
        boolean others = rows.stream().anyMatch(ResultRow::ofAnother);
        return "Measured on %s%s.\n"
                .formatted(
                        machines(rows, false),
                        others ? "; other engines on " + machines(rows, true) : "");
    }

    /**
     * Our first figure, those of other engines if the table has a column for them, and our other
     * figures.
     */
    private static List<String> cells(List<ResultRow> rows, boolean withOthers) {
        List<ResultRow> ours = rows.stream().filter(row -> !row.ofAnother()).toList();
        List<String> cells = new ArrayList<>();
        cells.add(ours.isEmpty() ? "" : entry(ours.get(0)));
        if (withOthers) {
            cells.add(
                    rows.stream()
                            .filter(ResultRow::ofAnother)
                            .map(ResultTable::entry)
                            .collect(Collectors.joining("<br>")));
        }
        cells.add(figures(ours.isEmpty() ? ours : ours.subList(1, ours.size())));
        return cells;
    }

    static String machines(List<ResultRow> rows, boolean ofOthers) {
        Set<String> machines = new LinkedHashSet<>();
        for (ResultRow row : rows) {
            if (row.ofAnother() == ofOthers) {
                String driver = row.driver() == null ? "" : ", driver " + row.driver();
                String revision = ofOthers ? row.commit() : "commit " + row.commit();
                machines.add(row.device() + driver + ", " + revision);
            }
        }
        return machines.isEmpty() ? "no machine yet" : String.join("; ", machines);
    }

    /** Metrics that share all but their last word are one entry: mean 12 ms, p50 11 ms. */
    static String figures(List<ResultRow> rows) {
        List<String> entries = new ArrayList<>();
        grouped(rows, row -> stem(row.metric()))
                .forEach(
                        (stem, ofStem) ->
                                entries.add(
                                        ofStem.size() == 1
                                                ? entry(ofStem.get(0))
                                                : stem + " " + last(ofStem)));
        return String.join("; ", entries);
    }

    private static String last(List<ResultRow> rows) {
        List<String> figures = new ArrayList<>();
        for (ResultRow row : rows) {
            String metric = row.metric();
            figures.add(metric.substring(stem(metric).length()).strip() + " " + figure(row));
        }
        return String.join(", ", figures);
    }

    static String entry(ResultRow row) {
        return row.metric() + " " + figure(row);
    }

    private static String figure(ResultRow row) {
        return row.percentOfRoofline() == null
                ? row.figure()
                : row.figure()
                        + String.format(
                                Locale.ROOT,
                                " (%.0f %% of %s)",
                                row.percentOfRoofline(),
                                row.bound());
    }

    private static String stem(String metric) {
        int space = metric.lastIndexOf(' ');
        return space < 0 ? metric : metric.substring(0, space);
    }

    private static Map<String, List<ResultRow>> grouped(
            List<ResultRow> rows, Function<ResultRow, String> key) {
        return rows.stream()
                .collect(Collectors.groupingBy(key, LinkedHashMap::new, Collectors.toList()));
    }
}

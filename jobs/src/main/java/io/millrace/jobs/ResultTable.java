package io.millrace.jobs;

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

/** The table of a page that is made from results and stands between two markers. */
final class ResultTable {
    private static final String BEGIN = "<!-- bench:begin -->\n";
    private static final String END = "<!-- bench:end -->";
    private static final String DAY = "\\d{4}-\\d{2}-\\d{2}";

    private ResultTable() {}

    /**
     * Puts the rows into a page.
     *
     * @throws CommandFailedException the page has no place for them
     */
    static void rewrite(Path page, List<ResultRow> rows) throws IOException {
        String text = Files.readString(page);
        Files.writeString(page, rewritten(page, text, rows));
    }

    /** The page's text with the rows in it; the same again for the same rows. */
    static String rewritten(Path page, String text, List<ResultRow> rows) {
        int begin = text.indexOf(BEGIN);
        int end = text.indexOf(END, Math.max(0, begin));
        if (begin < 0 || end < 0) {
            throw new CommandFailedException(
                    page + " has no lines " + BEGIN.strip() + " and " + END + " for the table.");
        }
        return text.substring(0, begin + BEGIN.length()) + markdown(rows) + text.substring(end);
    }

    /** One line a workload and model; what it was measured on stands below. */
    private static String markdown(List<ResultRow> rows) {
        StringBuilder table = new StringBuilder("| workload | model | measured |\n|---|---|---|\n");
        grouped(rows, row -> row.workload() + " | " + row.model())
                .forEach(
                        (group, ofGroup) ->
                                table.append("| ")
                                        .append(group)
                                        .append(" | ")
                                        .append(figures(ofGroup))
                                        .append(" |\n"));
        Set<String> machines = new LinkedHashSet<>();
        rows.forEach(
                row ->
                        machines.add(
                                row.device()
                                        + (row.driver() == null ? "" : ", driver " + row.driver())
                                        + ", "
                                        + revision(row.commit())));
        table.append("\nMeasured on ").append(String.join("; ", machines)).append(".\n");
        return table.toString();
    }

    /** A commit of ours, or the day on which something that is not ours was measured. */
    private static String revision(String commit) {
        return commit.matches(DAY) ? commit : "commit " + commit;
    }

    /** Metrics that share all but their last word are one entry: mean 12 ms, p50 11 ms. */
    private static String figures(List<ResultRow> rows) {
        List<String> entries = new ArrayList<>();
        grouped(rows, row -> stem(row.metric()))
                .forEach(
                        (stem, ofStem) ->
                                entries.add(
                                        ofStem.size() == 1
                                                ? ofStem.get(0).metric() + " " + figure(ofStem, 0)
                                                : stem + " " + last(ofStem)));
        return String.join("; ", entries);
    }

    private static String last(List<ResultRow> rows) {
        List<String> figures = new ArrayList<>();
        for (int i = 0; i < rows.size(); i++) {
            String metric = rows.get(i).metric();
            figures.add(metric.substring(stem(metric).length()).strip() + " " + figure(rows, i));
        }
        return String.join(", ", figures);
    }

    private static String figure(List<ResultRow> rows, int index) {
        ResultRow row = rows.get(index);
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

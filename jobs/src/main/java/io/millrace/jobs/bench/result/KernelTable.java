package io.millrace.jobs.bench.result;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The tables of the rows that {@code KernelRows} makes: what a step that decodes is made of, and
 * each kernel of one with 64 rows beside its roofline.
 */
final class KernelTable {
    private static final String TOKENS = "64";
    private static final Pattern STEP =
            Pattern.compile("step, (\\d+) tokens?, (\\d+) positions, .*");
    private static final Pattern SHARE = Pattern.compile("share of a step of (\\d+) tokens?, (.+)");
    private static final Pattern KERNEL =
            Pattern.compile("(.+), (\\d+) tokens?(, \\d+ positions)?, .*");

    /** A line's cells by the title of their column. */
    private final Map<String, Map<String, String>> lines = new LinkedHashMap<>();

    private final Set<String> columns = new LinkedHashSet<>();

    private KernelTable() {}

    /** Both tables; rows that stand in neither do not matter. */
    static String of(List<ResultRow> rows) {
        KernelTable steps = new KernelTable();
        KernelTable kernels = new KernelTable();
        for (ResultRow row : rows) {
            Matcher step = STEP.matcher(row.metric());
            Matcher share = SHARE.matcher(row.metric());
            Matcher kernel = KERNEL.matcher(row.metric());
            if (step.matches()) {
                String line = row.model() + " | " + step.group(1);
                steps.put(line, "step of rows with %s positions".formatted(step.group(2)), row);
            } else if (share.matches()) {
                steps.put(row.model() + " | " + share.group(1), share.group(2), row);
            } else if (kernel.matches() && kernel.group(2).equals(TOKENS)) {
                String behind = kernel.group(3) == null ? "" : kernel.group(3);
                kernels.put(row.model(), kernel.group(1) + behind, row);
            }
        }
        List<String> tables = new ArrayList<>();
        if (!steps.lines.isEmpty()) {
            tables.add(
                    "Where the time of a step that decodes goes (of the step, percent of its roofline):\n\n"
                            + steps.table("model | rows"));
        }
        if (!kernels.lines.isEmpty()) {
            tables.add(
                    "Each kernel in a step of %s rows (percent of its own roofline):\n\n"
                                    .formatted(TOKENS)
                            + kernels.table("model"));
        }
        return String.join("\n", tables);
    }

    private void put(String line, String column, ResultRow row) {
        String percent =
                row.percentOfRoofline() == null
                        ? ""
                        : String.format(Locale.ROOT, " (%.0f %%)", row.percentOfRoofline());
        columns.add(column);
        lines.computeIfAbsent(line, key -> new LinkedHashMap<>())
                .put(column, row.figure() + percent);
    }

    private String table(String first) {
        StringBuilder table = new StringBuilder("| ").append(first);
        columns.forEach(column -> table.append(" | ").append(column));
        table.append(" |\n");
        int count = first.split("\\|").length + columns.size();
        table.append("|").append("---|".repeat(count)).append("\n");
        lines.forEach(
                (line, cells) -> {
                    table.append("| ").append(line);
                    columns.forEach(
                            column -> table.append(" | ").append(cells.getOrDefault(column, "")));
                    table.append(" |\n");
                });
        return table.toString();
    }
}

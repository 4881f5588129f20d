package io.millrace.jobs.bench.result;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * The tables of the rows of {@code KernelRows}: the parts of a decoding step, and each kernel of a
 * step of 64 rows with its share of the roofline.
 */
final class KernelTable {
    private static final int TOKENS = 64;

    /** A line's cells by the title of their column. */
    private final Map<String, Map<String, String>> lines = new LinkedHashMap<>();

    private final Set<String> columns = new LinkedHashSet<>();

    private KernelTable() {}

    /** Both tables; rows that belong in neither are ignored. */
    static String of(List<ResultRow> rows) {
        KernelTable steps = new KernelTable();
        KernelTable kernels = new KernelTable();
        for (ResultRow row : rows) {
            KernelFigure figure = row.kernel();
            String step = row.model() + " | " + figure.tokens();
            switch (figure.kind()) {
                case STEP ->
                        steps.put(
                                step,
                                "step of rows with %s positions".formatted(figure.positions()),
                                row);
                case SHARE -> steps.put(step, figure.name(), row);
                case KERNEL -> {
                    if (figure.tokens() == TOKENS) {
                        String behind =
                                figure.positions() == 0
                                        ? ""
                                        : ", %s positions".formatted(figure.positions());
                        kernels.put(row.model(), figure.name() + behind, row);
                    }
                }
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

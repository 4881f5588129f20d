package io.millrace.jobs.bench.result;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * The table of the first law's costs: each rate of free numerics beside that of the contract, from
 * the same machine and revision. Rows without a counterpart are left out.
 */
final class ContractTable {
    private static final String HEAD =
            """
            **What the first law costs**

            | workload | model | by the contract | free numerics | cost |
            |---|---|---|---|---|
            """;

    private ContractTable() {}

    /** Markdown; empty if there is nothing to compare. */
    static String markdown(List<ResultRow> rows) {
        StringBuilder lines = new StringBuilder();
        List<ResultRow> compared = new ArrayList<>();
        for (ResultRow free : rows) {
            ResultRow contract = contractOf(free, rows);
            if (contract != null) {
                lines.append(line(contract, free));
                compared.add(contract);
            }
        }
        return compared.isEmpty()
                ? ""
                : HEAD + lines + "\nMeasured on " + ResultTable.machines(compared, false) + ".\n";
    }

    private static String line(ResultRow contract, ResultRow free) {
        return String.format(
                Locale.ROOT,
                "| %s | %s | %s | %s | %.1f %% |\n",
                contract.workload(),
                contract.model(),
                contract.figure(),
                free.figure(),
                100 * (1 - contract.value() / free.value()));
    }

    /**
     * The contract's row for a row of free numerics; null if there is none, or the row is no rate
     * of free numerics.
     */
    private static ResultRow contractOf(ResultRow free, List<ResultRow> rows) {
        String model = BenchNumerics.measuredFree(free);
        if (model == null || !free.metric().equals("output")) {
            return null;
        }
        for (ResultRow row : rows) {
            if (row.model().equals(model)
                    && row.workload().equals(free.workload())
                    && row.metric().equals(free.metric())
                    && row.sharesOrigin(free)) {
                return row;
            }
        }
        return null;
    }
}

package io.millrace.jobs.bench;

import io.millrace.jobs.bench.result.ResultRow;
import java.util.ArrayList;
import java.util.List;

/**
 * Formats the command that measures a row again.
 *
 * @param shapes whether rows are of shapes, each named as in its row, not of a model's folder
 * @param asked value of {@code --workload}, or null; rows without a workload, such as the load
 *     time, are measured with it
 * @param common the other arguments, without the destination of the figures
 */
record BenchReproduction(boolean shapes, String asked, List<String> common) {
    BenchReproduction {
        common = List.copyOf(common);
    }

    /**
     * The command in one line, for the launcher in the checkout.
     *
     * @param name name of the row's shape
     */
    String of(ResultRow row, String name) {
        List<String> words = new ArrayList<>(List.of("./millrace", "bench"));
        words.addAll(common);
        if (shapes) {
            words.add("--shape=" + name);
            String workload = workload(row);
            if (workload != null) {
                words.add("--workload=" + workload);
            }
        }
        words.add("--output=-");
        return String.join(" ", words);
    }

    private String workload(ResultRow row) {
        if (row.ofKernels()) {
            return ResultRow.KERNELS;
        }
        for (StandardWorkload each : StandardWorkload.all()) {
            if (row.workload().startsWith(each.id() + ",")) {
                return each.id();
            }
        }
        return asked;
    }
}

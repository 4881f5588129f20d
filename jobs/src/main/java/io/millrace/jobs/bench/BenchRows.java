package io.millrace.jobs.bench;

import io.millrace.jobs.bench.result.BenchOrigin;
import io.millrace.jobs.bench.result.KernelFigure;
import io.millrace.jobs.bench.result.ResultRow;
import java.math.BigDecimal;
import java.math.MathContext;
import java.util.ArrayList;
import java.util.List;

/** Collects the figures of one model on one machine. */
public final class BenchRows {
    /** Significant digits of a figure. */
    private static final MathContext DIGITS = new MathContext(4);

    private final String model;
    private final BenchOrigin origin;
    private final List<ResultRow> rows = new ArrayList<>();

    public BenchRows(String model, BenchOrigin origin) {
        this.model = model;
        this.origin = origin;
    }

    public void add(String workload, String metric, double value, String unit) {
        add(workload, metric, value, unit, null);
    }

    void addRates(String workload, TimedRun run) {
        add(workload, "output", run.outputPerSecond(), "tok/s");
        add(workload, "total", run.totalPerSecond(), "tok/s");
    }

    /**
     * @param percentOfRoofline null if memory bandwidth is no bound
     */
    public void add(
            String workload, String metric, double value, String unit, Double percentOfRoofline) {
        add(workload, metric, value, unit, percentOfRoofline, null);
    }

    void addKernel(
            KernelFigure kernel,
            String metric,
            double value,
            String unit,
            Double percentOfRoofline) {
        add(ResultRow.KERNELS, metric, value, unit, percentOfRoofline, kernel);
    }

    private void add(
            String workload,
            String metric,
            double value,
            String unit,
            Double percentOfRoofline,
            KernelFigure kernel) {
        rows.add(
                new ResultRow(
                        workload,
                        model,
                        metric,
                        rounded(value),
                        unit,
                        percentOfRoofline == null ? null : rounded(percentOfRoofline),
                        origin.device(),
                        origin.driver(),
                        origin.commit(),
                        kernel));
    }

    private static double rounded(double value) {
        return new BigDecimal(value).round(DIGITS).doubleValue();
    }

    public List<ResultRow> all() {
        return List.copyOf(rows);
    }
}

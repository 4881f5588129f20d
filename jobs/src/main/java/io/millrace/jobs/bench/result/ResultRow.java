package io.millrace.jobs.bench.result;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.Locale;
import java.util.Objects;

/**
 * A measured figure, as in {@code docs/results/*.json}.
 *
 * @param workload the workload
 * @param model name of the model
 * @param metric the metric
 * @param value the figure
 * @param unit its unit, 1 for a count
 * @param percentOfRoofline percentage of the bound by memory or GPU; null if there is none
 * @param device machine and Java
 * @param driver the GPU's driver; null for a CPU
 * @param commit the measured revision; for other engines, the day
 * @param kernel the kernel whose time it is; null for other figures
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record ResultRow(
        String workload,
        String model,
        String metric,
        double value,
        String unit,
        @JsonProperty("percent_of_roofline") Double percentOfRoofline,
        String device,
        String driver,
        String commit,
        KernelFigure kernel) {

    public ResultRow {
        if (workload.equals(KERNELS) == (kernel == null)) {
            throw new IllegalArgumentException(
                    "The row \"%s\" of workload \"%s\" of %s %s"
                            .formatted(
                                    metric,
                                    workload,
                                    model,
                                    kernel == null
                                            ? "does not say which kernel's it is: measure it again."
                                            : "is of a kernel, but not among those."));
        }
    }

    /** A figure that is not of a kernel. */
    public ResultRow(
            String workload,
            String model,
            String metric,
            double value,
            String unit,
            Double percentOfRoofline,
            String device,
            String driver,
            String commit) {
        this(workload, model, metric, value, unit, percentOfRoofline, device, driver, commit, null);
    }

    /** The workload of rows of {@code KernelRows}, also its name on the command line. */
    public static final String KERNELS = "kernels";

    private static final String DAY = "\\d{4}-\\d{2}-\\d{2}";

    /** Whether another engine was measured, whose name is then the metric. */
    boolean ofAnother() {
        return commit.matches(DAY);
    }

    /** Whether kernels were timed, and not the engine. */
    public boolean ofKernels() {
        return workload.equals(KERNELS);
    }

    /** Whether both were measured on the same machine at the same revision. */
    boolean sharesOrigin(ResultRow other) {
        return device.equals(other.device)
                && Objects.equals(driver, other.driver)
                && commit.equals(other.commit);
    }

    /** Name of the bound. */
    public String bound() {
        return driver == null ? "the memory's bandwidth" : "the roofline";
    }

    /** The figure with its unit, three digits and more. */
    public String figure() {
        double size = Math.abs(value);
        int digits = size >= 100 || value == Math.rint(value) ? 0 : size >= 10 ? 1 : 2;
        String text = String.format(Locale.ROOT, "%,." + digits + "f", value);
        return unit.equals("1") ? text : text + " " + unit;
    }
}

package io.millrace.jobs.bench.result;

/**
 * One figure that was asked for, and what was reached.
 *
 * @param issue title of the issue that asks
 * @param bar what is asked, in the issue's words, and which figure of it: average, p99, a model
 * @param value what was reached, in units of {@code unit}
 * @param unit such as {@code tok/s}
 * @param command what measures it again
 * @param device processor or GPU, with its driver
 * @param commit what was measured, abbreviated
 */
public record Bar(
        String issue,
        String bar,
        double value,
        String unit,
        String command,
        String device,
        String commit) {}

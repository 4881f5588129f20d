package io.millrace.jobs.bench.result;

/**
 * A required figure and the measured one.
 *
 * @param issue title of the issue that requires it
 * @param bar the requirement in the issue's words, and its figure: average, p99, a model
 * @param value the measured value, in {@code unit}
 * @param unit such as {@code tok/s}
 * @param command the command that measures it again
 * @param device processor or GPU, with its driver
 * @param commit the measured commit, abbreviated
 */
public record Bar(
        String issue,
        String bar,
        double value,
        String unit,
        String command,
        String device,
        String commit) {}

package io.millrace.jobs.bench.result;

import com.fasterxml.jackson.annotation.JsonInclude;

/**
 * The subject of a row of kernel times, for tables.
 *
 * @param kind of figure
 * @param name of the kernel, or of the part of a step; null for a whole step
 * @param tokens in the step
 * @param positions positions of each row; 0 if the kernel does not read K and V, and for parts
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record KernelFigure(Kind kind, String name, int tokens, int positions) {

    /** Kinds of figures. */
    public enum Kind {
        /** The time of one kernel. */
        KERNEL,
        /** The time of all kernels of a decoding step. */
        STEP,
        /** The share of one kind of kernel in a step. */
        SHARE
    }
}

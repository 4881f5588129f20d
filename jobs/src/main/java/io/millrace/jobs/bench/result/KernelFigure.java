package io.millrace.jobs.bench.result;

import com.fasterxml.jackson.annotation.JsonInclude;

/**
 * What a row of a kernel's time is about, for tables.
 *
 * @param kind of figure
 * @param name of the kernel, or of the part of a step; null for a whole step
 * @param tokens in the step
 * @param positions of each row; 0 where the kernel does not look at K and V, and for parts
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record KernelFigure(Kind kind, String name, int tokens, int positions) {

    /** What is told of a kernel. */
    public enum Kind {
        /** The time of one kernel. */
        KERNEL,
        /** The time of all kernels of a step that decodes. */
        STEP,
        /** What part of a step one kind of kernel takes. */
        SHARE
    }
}

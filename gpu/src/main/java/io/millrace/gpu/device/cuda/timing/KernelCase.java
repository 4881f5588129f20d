package io.millrace.gpu.device.cuda.timing;

import java.util.List;

/**
 * A step in which kernels are timed.
 *
 * @param rows number of rows, of equal length
 * @param tokens tokens of each row; 1 is a decode step
 * @param before positions of each row that were computed before
 * @param whole whether all ops are timed, not attention alone
 */
record KernelCase(int rows, int tokens, int before, boolean whole) {

    /** The cases that {@code bench} reports. */
    static final List<KernelCase> STANDARD =
            List.of(
                    new KernelCase(1, 1, 511, true),
                    new KernelCase(64, 1, 511, true),
                    new KernelCase(256, 1, 511, true),
                    new KernelCase(64, 1, 1200, false),
                    new KernelCase(256, 1, 1200, false),
                    new KernelCase(2, 1024, 0, true));

    boolean isDecode() {
        return tokens == 1;
    }

    /** Tokens of the step. */
    int stepTokens() {
        return rows * tokens;
    }

    /** Positions of each row at the end of the step. */
    int positions() {
        return before + tokens;
    }

    /** Sum over the tokens of a row of the positions that each sees. */
    long seen(int window) {
        long seen = 0;
        for (int i = 1; i <= tokens; i++) {
            seen += Math.min(before + i, window);
        }
        return seen;
    }

    /** Positions of a row that at least one of its tokens sees. */
    int looked(int window) {
        return (int) Math.min(positions(), (long) window + tokens - 1);
    }
}

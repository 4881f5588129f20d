package io.millrace.gpu.device.cuda.timing;

import java.util.List;

/**
 * A step that kernels are timed in.
 *
 * @param rows of equal length
 * @param tokens of each row, 1 being a step that decodes
 * @param before positions of each row that were computed earlier
 * @param whole whether more of it is timed than attention
 */
record KernelCase(int rows, int tokens, int before, boolean whole) {

    /** What `bench` reports. */
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

    /** Of the whole step. */
    int stepTokens() {
        return rows * tokens;
    }

    /** Of each row at the end of the step. */
    int positions() {
        return before + tokens;
    }

    /** Positions that the tokens of one row see, summed. */
    long seen(int window) {
        long seen = 0;
        for (int i = 1; i <= tokens; i++) {
            seen += Math.min(before + i, window);
        }
        return seen;
    }

    /** Positions of a row that some token of it sees. */
    int looked(int window) {
        return (int) Math.min(positions(), (long) window + tokens - 1);
    }
}

package io.millrace.gpu.device.cuda;

/**
 * Decides which kernels of recorded steps begin before the one before them has ended: as measured
 * (docs/kernels.md). No part of any result.
 *
 * @param asked true or false for all kernels; null: by model and step
 */
record Overlap(String asked) {
    /** For measuring what that gives; see docs/kernels.md. */
    private static final String PROPERTY = "millrace.cuda.overlap";

    /** Elements of the residual stream up to which it is faster for all kernels. */
    private static final int WIDEST_OF_ALL_KERNELS = 2048;

    /** Tokens of a step up to which it is for wider ones too. */
    private static final int MOST_TOKENS_OF_WIDE = 128;

    /** What this process is started with. */
    static Overlap ofProcess() {
        return new Overlap(System.getProperty(PROPERTY));
    }

    /** Whether any kernels do. */
    boolean applies() {
        return asked == null || Boolean.parseBoolean(asked);
    }

    /**
     * Whether norms, attention, and gate and up begin only once all kernels before them have ended.
     *
     * @param width of the residual stream
     * @param tokens that the step's launches are made for
     */
    boolean settles(int width, int tokens) {
        return asked == null && width > WIDEST_OF_ALL_KERNELS && tokens > MOST_TOKENS_OF_WIDE;
    }
}

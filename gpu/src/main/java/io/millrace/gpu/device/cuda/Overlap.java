package io.millrace.gpu.device.cuda;

/**
 * Decides of which steps the kernels begin before the one before them has ended.
 *
 * @param asked true or false for all steps; null: by model and step
 */
record Overlap(String asked) {
    /** For measuring what that gives; see docs/kernels.md. */
    private static final String PROPERTY = "millrace.cuda.overlap";

    /** Elements of the residual stream up to which it was measured to be faster for all steps. */
    private static final int WIDEST_OF_ALL_STEPS = 2048;

    /** Tokens of a step up to which it is for wider ones too. */
    private static final int MOST_TOKENS_OF_WIDE = 64;

    /** What this process is started with. */
    static Overlap ofProcess() {
        return new Overlap(System.getProperty(PROPERTY));
    }

    /**
     * @param width of the residual stream
     * @param tokens that the step's launches are made for
     */
    boolean applies(int width, int tokens) {
        return asked == null
                ? width <= WIDEST_OF_ALL_STEPS || tokens <= MOST_TOKENS_OF_WIDE
                : Boolean.parseBoolean(asked);
    }
}

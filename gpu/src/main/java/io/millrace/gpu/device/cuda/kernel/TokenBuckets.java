package io.millrace.gpu.device.cuda.kernel;

/**
 * Rounds a step's tokens up, so that steps share recorded launches. The steps are those of the
 * products' tiles: rounding up to them costs little.
 */
public final class TokenBuckets {
    /** Above it, a step is so long that launching its kernels one by one costs nothing. */
    public static final int MOST_RECORDED = 2048;

    private static final int SMALLEST = 16;
    private static final int TILE = 128;

    private TokenBuckets() {}

    /** The least bucket that holds so many tokens. */
    public static int of(int tokens) {
        int bucket = SMALLEST;
        while (bucket < tokens && bucket < TILE) {
            bucket *= 2;
        }
        return tokens <= bucket ? bucket : (tokens + TILE - 1) / TILE * TILE;
    }
}

package io.millrace.gpu.device.cuda.kernel;

/**
 * Rounds a step's tokens up, so that steps share recorded launches. The buckets follow the tiles of
 * the GEMMs, so that rounding up costs little.
 */
public final class TokenBuckets {
    /** Above this, a step is so long that launching its kernels one by one costs nothing. */
    public static final int MOST_RECORDED = 2048;

    private static final int SMALLEST = 16;
    private static final int TILE = 128;

    private TokenBuckets() {}

    /** The least bucket that holds a number of tokens. */
    public static int of(int tokens) {
        int bucket = SMALLEST;
        while (bucket < tokens && bucket < TILE) {
            bucket *= 2;
        }
        return tokens <= bucket ? bucket : (tokens + TILE - 1) / TILE * TILE;
    }
}

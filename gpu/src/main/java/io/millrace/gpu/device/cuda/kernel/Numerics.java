package io.millrace.gpu.device.cuda.kernel;

import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.zip.CRC32;

/**
 * Holds every constant of the CUDA backend's numerics (docs/numerics.md): what an answer's bits
 * depend on beside the weights. A change of any of them changes the fingerprint.
 */
public final class Numerics {
    /**
     * Number of the contract: raised by a change of order or rounding that no constant here shows.
     */
    private static final int CONTRACT = 2;

    /** Rows of a weight's tile, and the multiple that rows and columns are padded to. */
    public static final int TILE = 64;

    /** Positions that share one update of the softmax' maximum. */
    static final int ATTENTION_TILE = 128;

    /** Positions after which the softmax starts anew; the only seams of a token's attention. */
    static final int ATTENTION_CHUNK = 512;

    /** Tiles that give all multiprocessors work, segments counted. */
    static final int ENOUGH_TILES = 96;

    private static final int MOST_SEGMENTS = 8;
    private static final int SHORTEST_SEGMENT = 448;

    private Numerics() {}

    /**
     * Into how many chains a product's sum over k is cut.
     *
     * @param rows of the weight as stored
     * @param k its columns
     */
    public static int segments(int rows, int k) {
        return segments(pad(rows) / TILE, ENOUGH_TILES, k);
    }

    /**
     * The same for a weight whose product is added to the residual stream: at least two if k
     * allows, so that two GPUs can have one half of k each.
     */
    public static int addedSegments(int rows, int k) {
        int least = pad(k) / 2 >= SHORTEST_SEGMENT ? 2 : 1;
        return Math.max(least, segments(rows, k));
    }

    /** The least number that makes enough of the tiles, or the most that k allows. */
    public static int segments(int tiles, int enough, int k) {
        int segments = 1;
        while (segments < MOST_SEGMENTS
                && tiles * segments < enough
                && pad(k) / (2 * segments) >= SHORTEST_SEGMENT) {
            segments *= 2;
        }
        return segments;
    }

    /** What attention multiplies scores by, for a softmax to the base 2; to the base e for F32. */
    public static float attentionScale(int headSize, boolean tensorCores) {
        double root = Math.sqrt(headSize);
        return (float) (tensorCores ? LOG2_E / root : 1 / root);
    }

    private static final double LOG2_E = 1.4426950408889634;

    /** The next multiple of {@link #TILE}. */
    public static int pad(int n) {
        return (n + TILE - 1) / TILE * TILE;
    }

    /**
     * Names the numerics of one GPU architecture and storage type.
     *
     * @param architecture compute capability, 90 for 9.0
     * @param type bf16, f16 or f32
     */
    public static String fingerprint(int architecture, String type, Segmentation segmentation) {
        String table =
                "%d %d %d %d %d %d"
                        .formatted(
                                TILE,
                                ATTENTION_TILE,
                                ATTENTION_CHUNK,
                                ENOUGH_TILES,
                                MOST_SEGMENTS,
                                SHORTEST_SEGMENT);
        CRC32 hash = new CRC32();
        hash.update(table.getBytes(StandardCharsets.US_ASCII));
        return String.format(
                Locale.ROOT,
                "cuda-sm%d-%s-%s-%d-%08x%s",
                architecture,
                type.equals("f32") ? "ffma" : "mma",
                type,
                CONTRACT,
                hash.getValue(),
                segmentation == Segmentation.CONTRACT ? "" : "-free");
    }
}

package io.millrace.gpu.device.cuda.kernel;

import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.zip.CRC32;

/**
 * The constants of the CUDA backend's numerics (docs/numerics.md), on which the bits of an answer
 * depend. A change of any of them changes the fingerprint.
 */
public final class Numerics {
    /**
     * Number of the contract; raised by a change of order or rounding that no other constant shows.
     */
    private static final int CONTRACT = 2;

    /** Rows of a weight's tile, and the multiple to which rows and columns are padded. */
    public static final int TILE = 64;

    /** Positions per update of the softmax's maximum. */
    static final int ATTENTION_TILE = 128;

    /** Positions after which the online softmax restarts; attention is split at these alone. */
    static final int ATTENTION_CHUNK = 512;

    /** Tiles, times segments, that keep all multiprocessors busy. */
    static final int ENOUGH_TILES = 96;

    private static final int MOST_SEGMENTS = 8;
    private static final int SHORTEST_SEGMENT = 448;

    private Numerics() {}

    /**
     * Number of split-K segments of a matmul.
     *
     * @param rows rows of the weight as stored
     * @param k columns of the weight
     */
    public static int segments(int rows, int k) {
        return segments(pad(rows) / TILE, ENOUGH_TILES, k);
    }

    /**
     * The same for a weight whose matmul is added to the residual stream: at least two if k allows,
     * so that each of two GPUs can have half of k.
     */
    public static int addedSegments(int rows, int k) {
        int least = pad(k) / 2 >= SHORTEST_SEGMENT ? 2 : 1;
        return Math.max(least, segments(rows, k));
    }

    /** The least number of segments with which the tiles are enough, or the most that k allows. */
    public static int segments(int tiles, int enough, int k) {
        int segments = 1;
        while (segments < MOST_SEGMENTS
                && tiles * segments < enough
                && pad(k) / (2 * segments) >= SHORTEST_SEGMENT) {
            segments *= 2;
        }
        return segments;
    }

    /** Factor of attention's scores, for a softmax to base 2; for F32 to base e. */
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

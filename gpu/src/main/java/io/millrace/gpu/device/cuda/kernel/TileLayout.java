package io.millrace.gpu.device.cuda.kernel;

/**
 * Sizes and offsets of the storage layouts of matrices and KV blocks in device memory: the host's
 * copy of include/layout.h. docs/numerics.md names the layouts.
 */
public final class TileLayout {
    private static final int BLOCK_BYTES = 8192;

    /** Number of rows by which gate and up alternate in a gated weight. */
    public static final int GATED_ROWS = 8;

    private TileLayout() {}

    /** Bytes of a matrix in tiles. */
    public static long tileBytes(int rows, int k, int elementBytes) {
        return (long) Numerics.pad(rows) * Numerics.pad(k) * elementBytes;
    }

    /** Byte offset of an element of a matrix in tiles. */
    public static long tileOffset(int row, int k, int columns, int elementBytes) {
        int at = k * elementBytes;
        long block = (long) (row >> 6) * (Numerics.pad(columns) * elementBytes >> 7) + (at >> 7);
        int piece = (at >> 4 & 7) ^ (row & 7);
        return block * BLOCK_BYTES + (row & 63) * 128L + piece * 16 + (at & 15);
    }

    /** Stored rows of a gated weight. */
    public static int gatedRows(int intermediate) {
        return 2 * ((intermediate + GATED_ROWS - 1) / GATED_ROWS * GATED_ROWS);
    }

    /** The stored row of row {@code row} of a gated weight's gate (or up) part. */
    public static int gatedRow(int row, boolean up) {
        return row / GATED_ROWS * 2 * GATED_ROWS + (up ? GATED_ROWS : 0) + row % GATED_ROWS;
    }

    /** Elements of a head as stored. */
    public static int paddedHead(int headSize) {
        if (headSize > 128) {
            throw new IllegalArgumentException(
                    "Heads of %d elements have no kernel on the GPU; 128 is the most."
                            .formatted(headSize));
        }
        return headSize <= 64 ? 64 : 128;
    }

    /** Bytes of one KV block of one layer. */
    public static long kvBlockBytes(int kvHeads, int headSize, int blockSize, int elementBytes) {
        if (blockSize % 8 != 0) {
            throw new IllegalArgumentException(
                    "blockSize is %d; the GPU's layout wants a multiple of 8."
                            .formatted(blockSize));
        }
        return 2L * kvHeads * paddedHead(headSize) * elementBytes * blockSize;
    }
}

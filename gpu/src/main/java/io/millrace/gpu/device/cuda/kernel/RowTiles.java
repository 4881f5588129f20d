package io.millrace.gpu.device.cuda.kernel;

import io.millrace.gpu.device.cuda.driver.DeviceMemory;
import io.millrace.gpu.device.cuda.driver.KernelLaunch;
import io.millrace.gpu.device.cuda.struct.ParamsHeader.TileParams;

/**
 * Says how rows that lie in host memory as a file has them are laid out in the tiles of a matrix.
 *
 * @param tiles of the whole matrix, zero before
 * @param type of its elements: {@code bf16}, {@code f16} or {@code f32}
 * @param rowBytes of a row, before padding
 * @param paddedBytes of a row as stored
 * @param alternate which rows of the matrix they are
 * @param refused a word that is given the least {@code number} of rows with an infinity or NaN
 * @param number told apart by
 */
public record RowTiles(
        DeviceMemory tiles,
        String type,
        int rowBytes,
        int paddedBytes,
        Alternate alternate,
        DeviceMemory refused,
        int number) {
    private static final int PIECE_BYTES = 16;
    private static final int THREADS = 256;

    /** Their threads ask for more than the bus carries meanwhile. */
    private static final int MOST_CTAS = 128;

    /** Of TileParams. */
    public enum Alternate {
        /** All rows are of one tensor after the other. */
        NONE,
        /** Eight rows of gate, then eight of up: those of gate. */
        GATE,
        /** Those of up. */
        UP
    }

    /** Name of the kernel for a type. */
    public static String kernel(String type) {
        return "tile_" + type;
    }

    /** For so many rows. */
    public KernelLaunch launch(int count) {
        int pieces = count * ((rowBytes + PIECE_BYTES - 1) / PIECE_BYTES);
        int ctas = Math.min((pieces + THREADS - 1) / THREADS, MOST_CTAS);
        return new KernelLaunch(kernel(type), ctas, 1, 1, THREADS, 0);
    }

    /**
     * Fills the parameters of a launch.
     *
     * @param rows where the rows lie, as kernels see it
     * @param firstRow of the matrix, or of gate or up alone
     */
    public TileParams write(TileParams params, long rows, int count, int firstRow) {
        return params.begin()
                .rows(rows)
                .tiles(tiles)
                .refused(refused)
                .count(count)
                .rowBytes(rowBytes)
                .firstRow(firstRow)
                .paddedBytes(paddedBytes)
                .alternate(alternate.ordinal())
                .number(number);
    }
}

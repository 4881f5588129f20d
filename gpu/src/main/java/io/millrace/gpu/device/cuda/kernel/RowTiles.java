package io.millrace.gpu.device.cuda.kernel;

import io.millrace.gpu.device.cuda.driver.DeviceMemory;
import io.millrace.gpu.device.cuda.driver.KernelLaunch;
import io.millrace.gpu.device.cuda.struct.ParamsHeader;
import io.millrace.gpu.device.cuda.struct.ParamsHeader.TileParams;

/**
 * How rows in host memory, in a file's layout, are laid out in the tiles of a matrix.
 *
 * @param tiles tiles of the whole matrix; padding must be zero
 * @param type type of the elements: {@code bf16}, {@code f16} or {@code f32}
 * @param rowBytes bytes of a row, before padding
 * @param paddedBytes bytes of a row as stored
 * @param alternate which rows of the matrix they are
 * @param refused a word that receives the least {@code number} of rows with an infinity or NaN
 * @param number number of the tensor
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

    /** These have enough loads in flight to fill the bus. */
    private static final int MOST_CTAS = 128;

    /** Whether rows of gate and up alternate by eight in the matrix. */
    public enum Alternate {
        /** They do not. */
        NONE(ParamsHeader.ALTERNATE_NONE),
        /** They do, and these are rows of gate. */
        GATE(ParamsHeader.ALTERNATE_GATE),
        /** They do, and these are rows of up. */
        UP(ParamsHeader.ALTERNATE_UP);

        private final int number;

        Alternate(int number) {
            this.number = number;
        }
    }

    /** Name of the kernel of a type. */
    public static String kernel(String type) {
        return "tile_" + type;
    }

    /** The launch for a number of rows. */
    public KernelLaunch launch(int count) {
        int pieces = count * ((rowBytes + PIECE_BYTES - 1) / PIECE_BYTES);
        int ctas = Math.min((pieces + THREADS - 1) / THREADS, MOST_CTAS);
        return new KernelLaunch(kernel(type), ctas, 1, 1, THREADS, 0);
    }

    /**
     * Fills the parameters of a launch.
     *
     * @param rows device address of the rows
     * @param firstRow row of the matrix, or of gate or up if these alternate, at which they begin
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
                .alternate(alternate.number)
                .number(number);
    }
}

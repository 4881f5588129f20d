package io.millrace.gpu.device.cuda;

import io.millrace.gpu.device.cuda.kernel.Numerics;
import io.millrace.gpu.tensor.DType;
import io.millrace.gpu.tensor.InvalidModelException;
import io.millrace.gpu.tensor.Tensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.stream.IntStream;

/**
 * Lays out the rows of one matrix in tiles, in pinned memory, and sends them to the GPU as a window
 * of whole tiles is full.
 *
 * <p>A gated weight is two of these. Its rows alternate by eight, and eight rows of a tile's 128
 * byte column are one kilobyte: so each half goes into every other kilobyte.
 *
 * <pre>
 * window of gate   [g 0-7][g 8-15][g 16-23] ...         tiles of 32 rows
 * on the GPU       [g 0-7][u 0-7][g 8-15][u 8-15] ...   tiles of 64 rows
 * </pre>
 */
final class TileUpload {
    /** Bytes of a row in one tile. */
    private static final int COLUMN = 128;

    /** Takes windows of laid out tiles. */
    interface Sink {

        /** A window to fill; what it held is of no use to anybody. */
        ByteBuffer window();

        /**
         * A window is full, or the matrix at its end.
         *
         * @param offset bytes of this matrix, or half, that came before
         */
        void send(int bytes, long offset);
    }

    private final Sink sink;
    private final DType type;
    private final int rowBytes;
    private final int tileRows;
    private final int columns;
    private final int windowTiles;

    private ByteBuffer window;
    private long windowFirstRow;
    private int row;

    /**
     * @param k columns of the matrix
     * @param tileRows 64, or 32 for a half of a gated weight
     * @param windowBytes bytes of the sink's windows
     */
    TileUpload(Sink sink, DType type, int k, int tileRows, int windowBytes) {
        this.sink = sink;
        this.type = type;
        this.tileRows = tileRows;
        rowBytes = k * type.bytes();
        columns = Numerics.pad(k) * type.bytes() / COLUMN;
        windowTiles = windowBytes / (tileRows * columns * COLUMN);
        if (windowTiles == 0) {
            throw new IllegalArgumentException(
                    "Rows of %d bytes are too long to be laid out in %d bytes."
                            .formatted(rowBytes, windowBytes));
        }
    }

    /** Appends the tensor's rows. */
    void write(Tensor part) throws IOException {
        if (part.dtype() != type) {
            throw new InvalidModelException(
                    "Tensor %s is %s where others are %s; on the GPU, all matrices of a model have one type."
                            .formatted(part.name(), part.dtype(), type));
        }
        part.read(1, (piece, length, firstRow) -> rows(part, piece, length));
    }

    private void rows(Tensor part, byte[] piece, int length) throws IOException {
        ByteBuffer source = ByteBuffer.wrap(piece).order(ByteOrder.LITTLE_ENDIAN);
        int count = length / rowBytes;
        for (int done = 0; done < count; ) {
            if (window == null) {
                window = sink.window();
                if (rowBytes < columns * COLUMN) {
                    zero(0, windowTiles * tileRows * columns * COLUMN);
                }
            }
            int first = row;
            int from = done;
            int take = Math.min(count - done, windowTiles * tileRows - row);
            boolean finite =
                    IntStream.range(0, take)
                            .parallel()
                            .mapToObj(i -> place(source, (from + i) * rowBytes, first + i))
                            .allMatch(Boolean::booleanValue);
            if (!finite) {
                throw part.notFinite();
            }
            row += take;
            done += take;
            if (row == windowTiles * tileRows) {
                flush();
            }
        }
    }

    /** Copies one row to its places; false if it holds an infinity or NaN. */
    private boolean place(ByteBuffer source, int from, int to) {
        long bad = 0;
        int base = to / tileRows * tileRows * columns * COLUMN + to % tileRows * COLUMN;
        int turn = to & 7;
        int whole = rowBytes / 16;
        for (int i = 0; i < whole; i++) {
            long low = source.getLong(from + 16 * i);
            long high = source.getLong(from + 16 * i + 8);
            bad |= notFinite(low) | notFinite(high);
            int at = base + (i >> 3) * tileRows * COLUMN + (((i & 7) ^ turn) << 4);
            window.putLong(at, low);
            window.putLong(at + 8, high);
        }
        int at = base + (whole >> 3) * tileRows * COLUMN + (((whole & 7) ^ turn) << 4);
        for (int i = 16 * whole; i < rowBytes; i += type.bytes()) {
            if (type == DType.F32) {
                int bits = source.getInt(from + i);
                bad |= notFinite(bits & 0xffffffffL);
                window.putInt(at + (i & 15), bits);
            } else {
                short bits = source.getShort(from + i);
                bad |= notFinite(bits & 0xffff);
                window.putShort(at + (i & 15), bits);
            }
        }
        return bad == 0;
    }

    /** Not 0 if one of the numbers in these bits has an exponent of all ones. */
    private long notFinite(long bits) {
        return switch (type) {
            case BF16 -> (bits & 0x7f807f807f807f80L) + 0x0080008000800080L & 0x8000800080008000L;
            case F16 -> (bits & 0x7c007c007c007c00L) + 0x0400040004000400L & 0x8000800080008000L;
            case F32 -> (bits & 0x7f8000007f800000L) + 0x0080000000800000L & 0x8000000080000000L;
            case INT8 -> 0;
        };
    }

    /** Sends what is left. */
    void finish() {
        if (row > 0) {
            // What the slot held before must not stay in the last tile's unused rows.
            for (int r = row; r % tileRows != 0; r++) {
                int base = r / tileRows * tileRows * columns * COLUMN + r % tileRows * COLUMN;
                for (int column = 0; column < columns; column++) {
                    zero(base + column * tileRows * COLUMN, COLUMN);
                }
            }
            flush();
        }
    }

    private void zero(int from, int length) {
        for (int i = 0; i < length; i += Long.BYTES) {
            window.putLong(from + i, 0);
        }
    }

    private void flush() {
        int tiles = (row + tileRows - 1) / tileRows;
        sink.send(tiles * tileRows * columns * COLUMN, windowFirstRow * columns * COLUMN);
        windowFirstRow += row;
        row = 0;
        window = null;
    }
}

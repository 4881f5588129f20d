package io.millrace.gpu.device.cuda;

import io.millrace.gpu.device.cuda.driver.CudaContext;
import io.millrace.gpu.device.cuda.driver.DeviceMemory;
import io.millrace.gpu.device.cuda.driver.GpuException;
import io.millrace.gpu.device.cuda.driver.PinnedMemory;
import io.millrace.gpu.device.cuda.kernel.Numerics;
import io.millrace.gpu.tensor.Noise;
import io.millrace.gpu.tensor.NoiseBytes;

/**
 * A block of noise in device memory, from which the matrices of a dummy model are copied at the
 * speed of the device's memory.
 *
 * <p>The block is copied without regard to rows, since tiles of noise are a matrix of noise. Rows
 * of padding must be 0 and are cleared after the copy; a matrix with padding within its rows is not
 * made here.
 */
final class DeviceNoise implements AutoCloseable {
    /** Bytes of a row of a tile, and of a tile. */
    private static final int ROW_BYTES = 128;

    private static final int TILE_BYTES = Numerics.TILE * ROW_BYTES;

    private final Noise noise;
    private final DeviceMemory block;

    /** Host memory from which the block is copied. */
    private final PinnedMemory source;

    /** Copies all units of noise to the device. */
    DeviceNoise(Noise noise, CudaContext context, String remedy) throws GpuException {
        this.noise = noise;
        long bytes = noise.unitBytes() * Noise.UNITS;
        block = context.allocate("A block of noise", bytes, remedy);
        source = new PinnedMemory(context, Math.toIntExact(bytes));
        noise.copyTo(source.buffer());
        block.copyFrom(source, 0, 0, bytes);
    }

    /**
     * Whether a matrix of this shape can be made here.
     *
     * @param k columns of the matrix
     */
    static boolean fits(int k) {
        return k % Numerics.TILE == 0;
    }

    /**
     * Fills a matrix in tiles.
     *
     * @param rows rows as stored, before padding
     * @param bytes the part of the noise
     */
    void fill(DeviceMemory matrix, int rows, NoiseBytes bytes) {
        if (bytes.noise() != noise) {
            throw new IllegalArgumentException("A model has one block of noise.");
        }
        long start = bytes.firstUnit() * noise.unitBytes();
        long first = Math.min(block.bytes() - start, matrix.bytes());
        matrix.copyFrom(block, start, 0, first);
        long second = Math.min(start, matrix.bytes() - first);
        if (second > 0) {
            matrix.copyFrom(block, 0, first, second);
        }
        matrix.repeat(first + second);
        int unused = Numerics.pad(rows) - rows;
        if (unused > 0) {
            int tileRows = Numerics.pad(rows) / Numerics.TILE;
            long lastTiles = matrix.bytes() / tileRows * (tileRows - 1);
            matrix.clear(
                    lastTiles + TILE_BYTES - (long) unused * ROW_BYTES,
                    TILE_BYTES,
                    (long) unused * ROW_BYTES,
                    (matrix.bytes() - lastTiles) / TILE_BYTES);
        }
    }

    /** Frees the memory; all copies must be complete. */
    @Override
    public void close() {
        source.close();
        block.close();
    }
}

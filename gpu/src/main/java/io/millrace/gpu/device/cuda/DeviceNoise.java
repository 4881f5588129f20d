package io.millrace.gpu.device.cuda;

import io.millrace.gpu.device.cuda.driver.CudaContext;
import io.millrace.gpu.device.cuda.driver.DeviceMemory;
import io.millrace.gpu.device.cuda.driver.GpuException;
import io.millrace.gpu.device.cuda.driver.PinnedMemory;
import io.millrace.gpu.device.cuda.kernel.Numerics;
import io.millrace.gpu.tensor.Noise;
import io.millrace.gpu.tensor.NoiseBytes;

/**
 * The block of noise in device memory, which the matrices of a dummy model are copied from: so they
 * are made at the speed of the device's memory.
 *
 * <p>A matrix gets it as it lies, without regard to rows: tiles of noise are a matrix of noise.
 * What has to be 0 is padding. Rows of it are cleared behind the copy; a matrix with padding within
 * its rows is not made here.
 */
final class DeviceNoise implements AutoCloseable {
    /** A row of a tile, and a tile. */
    private static final int ROW_BYTES = 128;

    private static final int TILE_BYTES = Numerics.TILE * ROW_BYTES;

    private final Noise noise;
    private final DeviceMemory block;

    /** What the block is copied from. */
    private final PinnedMemory source;

    /** Copies all units of the noise to the device. */
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
     * @param k its columns
     */
    static boolean fits(int k) {
        return k % Numerics.TILE == 0;
    }

    /**
     * Fills a matrix in tiles.
     *
     * @param rows as stored, before padding
     * @param bytes which noise
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

    /** Once the GPU has copied what it was asked for. */
    @Override
    public void close() {
        source.close();
        block.close();
    }
}

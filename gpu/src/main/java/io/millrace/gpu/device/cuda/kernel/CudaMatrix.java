package io.millrace.gpu.device.cuda.kernel;

import io.millrace.gpu.device.cuda.driver.DeviceMemory;

/**
 * A weight on the GPU, in tiles.
 *
 * @param rows rows as stored, before padding; for a gated weight those of gate and up
 * @param k columns, before padding
 * @param segments split-K segments of its matmul; those of the numerics contract, unless {@link
 *     #withSegments} changes them
 */
public record CudaMatrix(DeviceMemory memory, int rows, int k, int segments) {

    public static CudaMatrix of(DeviceMemory memory, int rows, int k) {
        return new CudaMatrix(memory, rows, k, Numerics.segments(rows, k));
    }

    /** The same weight, for a matmul that is added to the residual stream. */
    public CudaMatrix added() {
        return withSegments(Numerics.addedSegments(rows, k));
    }

    /** The same weight, with another number of split-K segments. */
    public CudaMatrix withSegments(int segments) {
        return segments == this.segments ? this : new CudaMatrix(memory, rows, k, segments);
    }
}

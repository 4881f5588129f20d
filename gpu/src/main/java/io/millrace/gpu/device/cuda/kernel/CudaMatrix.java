package io.millrace.gpu.device.cuda.kernel;

import io.millrace.gpu.device.cuda.driver.DeviceMemory;

/**
 * A weight on the GPU, in tiles.
 *
 * @param rows as stored, before padding; of a gated weight gate and up together
 * @param k its columns, before padding
 * @param segments chains that a product's sum over k is cut into; by the contract unless {@link
 *     #cut} otherwise
 */
public record CudaMatrix(DeviceMemory memory, int rows, int k, int segments) {

    public static CudaMatrix of(DeviceMemory memory, int rows, int k) {
        return new CudaMatrix(memory, rows, k, Numerics.segments(rows, k));
    }

    /** The same weight, for products that are added to the residual stream. */
    public CudaMatrix added() {
        return cut(Numerics.addedSegments(rows, k));
    }

    /** The same weight, for sums that are cut into so many chains. */
    public CudaMatrix cut(int chains) {
        return chains == segments ? this : new CudaMatrix(memory, rows, k, chains);
    }
}

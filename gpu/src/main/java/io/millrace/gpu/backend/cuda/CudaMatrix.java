package io.millrace.gpu.backend.cuda;

/**
 * A weight on the GPU, in tiles.
 *
 * @param rows as stored, before padding; of a gated weight gate and up together
 * @param k its columns, before padding
 * @param segments chains that a product's sum over k is cut into; by the contract unless {@link
 *     #cut} otherwise
 */
record CudaMatrix(DeviceMemory memory, int rows, int k, int segments) {

    static CudaMatrix of(DeviceMemory memory, int rows, int k) {
        return new CudaMatrix(memory, rows, k, Numerics.segments(rows, k));
    }

    /** The same weight, for sums that are cut into so many chains. */
    CudaMatrix cut(int chains) {
        return chains == segments ? this : new CudaMatrix(memory, rows, k, chains);
    }
}

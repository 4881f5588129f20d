package io.millrace.gpu.backend.cuda;

/**
 * A weight on the GPU, in tiles.
 *
 * @param rows as stored, before padding; of a gated weight gate and up together
 * @param k its columns, before padding
 * @param segments chains that a product's sum over k is cut into
 */
record CudaMatrix(DeviceMemory memory, int rows, int k, int segments) {

    static CudaMatrix of(DeviceMemory memory, int rows, int k) {
        return new CudaMatrix(memory, rows, k, Numerics.segments(rows, k));
    }
}

package io.millrace.gpu.device;

/**
 * The weights that make queries, keys and values of a layer's input.
 *
 * @param matrix ((heads + 2 * kvHeads) * headSize, hidden): queries, keys, values
 * @param bias as long as the matrix has rows, or null
 * @param queryNorm of each query head before it is turned, (headSize), or null
 * @param keyNorm of each key head before it is turned, (headSize), or null
 * @param <M> the backend's matrices
 * @param <V> its vectors
 */
public record QkvProjection<M, V>(M matrix, V bias, Norm<V> queryNorm, Norm<V> keyNorm) {}

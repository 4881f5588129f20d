package io.millrace.gpu.device;

/**
 * The weights of a layer's projection to queries, keys and values.
 *
 * @param matrix ((heads + 2 * kvHeads) * headSize, hidden): queries, keys, values
 * @param bias as long as the matrix has rows, or null
 * @param queryNorm norm of each query head, before its rotation, (headSize), or null
 * @param keyNorm norm of each key head, before its rotation, (headSize), or null
 * @param <M> the backend's matrices
 * @param <V> its vectors
 */
public record QkvProjection<M, V>(M matrix, V bias, Norm<V> queryNorm, Norm<V> keyNorm) {}

package io.millrace.gpu.device;

/**
 * The weights of one norm: LayerNorm if it has a bias, otherwise RMSNorm.
 *
 * <pre>
 * RMSNorm    x / sqrt(mean(x^2) + epsilon) * weight
 * LayerNorm  (x - mean(x)) / sqrt(mean((x - mean(x))^2) + epsilon) * weight + bias
 * </pre>
 *
 * @param weight as long as a row
 * @param bias as long as a row, or null
 * @param <V> the backend's vectors
 */
public record Norm<V>(V weight, V bias, float epsilon) {}

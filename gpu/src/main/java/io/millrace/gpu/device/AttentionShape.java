package io.millrace.gpu.device;

/**
 * The dimensions of a model's attention, from which a backend lays out its KV cache.
 *
 * @param layers decoder layers
 * @param heads query heads
 * @param kvHeads key and value heads, a divisor of {@code heads}
 * @param headSize elements of a head, a multiple of 8
 */
public record AttentionShape(int layers, int heads, int kvHeads, int headSize) {

    /** Query heads that share one key and value head. */
    public int group() {
        return heads / kvHeads;
    }
}

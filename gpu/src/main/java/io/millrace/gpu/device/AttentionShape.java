package io.millrace.gpu.device;

/**
 * What a backend needs to know of a model's attention to lay out its KV cache.
 *
 * @param layers decoder layers
 * @param heads query heads
 * @param kvHeads key and value heads, a divisor of {@code heads}
 * @param headSize width of a head, a multiple of 8
 */
public record AttentionShape(int layers, int heads, int kvHeads, int headSize) {

    /** Query heads that share one key and value head. */
    public int group() {
        return heads / kvHeads;
    }
}

package io.millrace.gpu.model.family;

import io.millrace.gpu.device.Norm;
import io.millrace.gpu.device.QkvProjection;
import java.util.List;

/**
 * All weights of a {@code Decoder}, on the device.
 *
 * @param embedding (vocabulary, hidden)
 * @param positions learned position embeddings (positions, hidden), or null
 * @param head (vocabulary, hidden)
 */
public record DecoderWeights<M, V>(
        M embedding, M positions, List<Layer<M, V>> layers, Norm<V> lastNorm, M head) {

    /**
     * One layer.
     *
     * @param output (hidden, heads * headSize)
     * @param outputBias (hidden), or null
     */
    public record Layer<M, V>(
            Norm<V> attentionNorm,
            QkvProjection<M, V> qkv,
            M output,
            V outputBias,
            Norm<V> feedForwardNorm,
            FeedForward<M, V> feedForward) {}

    /**
     * A feed-forward layer: gated with SiLU and without biases, or with GELU and biases.
     *
     * @param gated whether {@code up} is a gated matrix
     * @param up to (intermediate)
     * @param upBias (intermediate), or null if gated
     * @param down (hidden, intermediate)
     * @param downBias (hidden), or null if gated
     */
    public record FeedForward<M, V>(boolean gated, M up, V upBias, M down, V downBias) {}
}

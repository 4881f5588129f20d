package io.millrace.gpu.model.family;

import java.util.List;

/**
 * The shape of a decoder, from config.json.
 *
 * @param vocabulary number of token ids
 * @param hidden width of the residual stream
 * @param layers decoder layers
 * @param heads query heads
 * @param kvHeads key and value heads, a divisor of {@code heads}
 * @param headSize width of a head, a multiple of 8
 * @param intermediate width inside the feed-forward part
 * @param maxPositions longest context
 * @param normEpsilon added to the mean square (RMSNorm) or the variance (LayerNorm)
 * @param rope rotary frequencies
 * @param windows per layer, positions that a token sees, its own included
 * @param tiedEmbedding whether the head's weight is the embedding's
 */
public record DecoderShape(
        int vocabulary,
        int hidden,
        int layers,
        int heads,
        int kvHeads,
        int headSize,
        int intermediate,
        int maxPositions,
        float normEpsilon,
        RopeScaling rope,
        List<Integer> windows,
        boolean tiedEmbedding) {

    /** The same with an untied head. */
    public DecoderShape untied() {
        return new DecoderShape(
                vocabulary,
                hidden,
                layers,
                heads,
                kvHeads,
                headSize,
                intermediate,
                maxPositions,
                normEpsilon,
                rope,
                windows,
                false);
    }
}

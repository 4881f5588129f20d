package io.millrace.gpu.model.family;

import java.util.List;

/**
 * What the forward pass needs to know of a model's config.json.
 *
 * @param vocabulary number of token ids
 * @param hidden width of the residual stream
 * @param layers decoder layers
 * @param heads query heads
 * @param kvHeads key and value heads, a divisor of {@code heads}
 * @param headSize width of a head, a multiple of 8
 * @param intermediate width inside the feed-forward part
 * @param maxPositions longest context
 * @param normEpsilon added to the mean square in a norm
 * @param rope rotary frequencies
 * @param windows positions that a token of each layer sees, its own among them
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

    /** The same with a head of its own. */
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

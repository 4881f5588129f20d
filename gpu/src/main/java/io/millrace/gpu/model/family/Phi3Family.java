package io.millrace.gpu.model.family;

import io.millrace.gpu.device.Backend;
import io.millrace.gpu.model.folder.ConfigFile;
import io.millrace.gpu.model.folder.RopeKeys;
import io.millrace.gpu.tensor.InvalidModelException;
import java.io.IOException;
import java.util.List;

/**
 * Phi-3 and Phi-4: Llama with q, k and v in one tensor, gate and up in another, and a sliding
 * window in all layers or in none. Those stretched for long contexts (longrope) or rotated in part
 * are refused.
 */
final class Phi3Family implements Family {

    @Override
    public DecoderShape shape(ConfigFile config) throws InvalidModelException {
        int window = config.positiveInt("sliding_window", Backend.NO_WINDOW);
        List<Integer> windows = LlamaLike.windows(config, window);
        int heads = config.positiveInt("num_attention_heads");
        DecoderShape shape = LlamaLike.shape(config, windows, "rms_norm_eps", 1e-5, heads, false);
        String rope = shape.rope().type();
        if (!rope.equals("default")) {
            throw RopeKeys.winner(config).unsupported("rope_type", rope, "default");
        }
        return shape;
    }

    @Override
    public <M, V> DecoderWeights<M, V> weights(DecoderShape shape, WeightReader<M, V> reader)
            throws IOException {
        return LlamaLike.weights(shape, reader, LlamaLike.Trait.JOINED);
    }
}

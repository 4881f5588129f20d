package io.millrace.gpu.model.family;

import io.millrace.gpu.model.folder.ConfigFile;
import io.millrace.gpu.tensor.InvalidModelException;
import java.io.IOException;

/**
 * Mistral: Llama with a sliding window, unless it is null. With layer_types (Ministral), only some
 * layers have the window.
 */
final class MistralFamily implements Family {

    @Override
    public DecoderShape shape(ConfigFile config) throws InvalidModelException {
        // Without the key, the window is that of the first Mistral.
        int window = LlamaLike.window(config);
        return LlamaLike.shape(
                config,
                config.has("layer_types")
                        ? LlamaLike.windowsByType(config, window, "sliding_window is null")
                        : LlamaLike.windows(config, window));
    }

    @Override
    public <M, V> DecoderWeights<M, V> weights(DecoderShape shape, WeightReader<M, V> reader)
            throws IOException {
        return LlamaLike.weights(shape, reader);
    }
}

package io.millrace.gpu.model.family;

import io.millrace.gpu.device.Backend;
import io.millrace.gpu.model.folder.ConfigFile;
import io.millrace.gpu.tensor.InvalidModelException;
import java.io.IOException;

/** Mistral: Llama with a sliding window, unless it is null. */
final class MistralFamily implements Family {

    @Override
    public DecoderShape shape(ConfigFile config) throws InvalidModelException {
        return LlamaLike.shape(config, LlamaLike.windows(config, window(config)));
    }

    @Override
    public <M, V> DecoderWeights<M, V> weights(DecoderShape shape, WeightReader<M, V> reader)
            throws IOException {
        return LlamaLike.weights(shape, reader, false, false);
    }

    // A config that does not name the window means that of the first Mistral.
    private static int window(ConfigFile config) throws InvalidModelException {
        return config.isNull("sliding_window")
                ? Backend.NO_WINDOW
                : config.positiveInt("sliding_window", 4096);
    }
}

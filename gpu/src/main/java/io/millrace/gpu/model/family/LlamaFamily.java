package io.millrace.gpu.model.family;

import io.millrace.gpu.device.Backend;
import io.millrace.gpu.model.folder.ConfigFile;
import io.millrace.gpu.tensor.InvalidModelException;
import java.io.IOException;

/** Llama 2 and 3. */
public final class LlamaFamily implements Family {

    @Override
    public DecoderShape shape(ConfigFile config) throws InvalidModelException {
        return LlamaLike.shape(config, LlamaLike.windows(config, Backend.NO_WINDOW));
    }

    @Override
    public <M, V> DecoderWeights<M, V> weights(DecoderShape shape, WeightReader<M, V> reader)
            throws IOException {
        return LlamaLike.weights(shape, reader);
    }
}

package io.millrace.gpu.model.family;

import io.millrace.gpu.model.folder.ConfigFile;
import io.millrace.gpu.tensor.InvalidModelException;
import java.io.IOException;

/** Qwen 3: Llama with a norm on each query and key head, and in some layers a sliding window. */
final class Qwen3Family implements Family {

    @Override
    public DecoderShape shape(ConfigFile config) throws InvalidModelException {
        return LlamaLike.shape(config, LlamaLike.qwenWindows(config));
    }

    @Override
    public <M, V> DecoderWeights<M, V> weights(DecoderShape shape, WeightReader<M, V> reader)
            throws IOException {
        return LlamaLike.weights(shape, reader, LlamaLike.Trait.HEAD_NORMS);
    }
}

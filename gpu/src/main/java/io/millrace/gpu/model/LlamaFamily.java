package io.millrace.gpu.model;

import io.millrace.gpu.tensor.InvalidModelException;

/** Llama 2 and 3. */
final class LlamaFamily implements Family {

    @Override
    public DecoderShape shape(ConfigFile config) throws InvalidModelException {
        for (String key : new String[] {"attention_bias", "mlp_bias"}) {
            if (config.flag(key, false)) {
                throw config.unsupported(key, true, "false");
            }
        }
        return Family.llamaLike(config, false);
    }
}

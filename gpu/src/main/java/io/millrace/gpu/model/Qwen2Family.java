package io.millrace.gpu.model;

import com.fasterxml.jackson.databind.JsonNode;
import io.millrace.gpu.tensor.InvalidModelException;

/** Qwen 2 and 2.5: Llama with biases on q, k and v. */
final class Qwen2Family implements Family {

    @Override
    public DecoderShape shape(ConfigFile config) throws InvalidModelException {
        DecoderShape shape = Family.llamaLike(config, true);
        refuseSlidingWindow(config, shape);
        return shape;
    }

    // Published configs carry a window and switch it off, or set it as long as the context.
    private static void refuseSlidingWindow(ConfigFile config, DecoderShape shape)
            throws InvalidModelException {
        boolean used =
                config.flag("use_sliding_window", false)
                        && config.number("max_window_layers", 28) < shape.layers();
        if (config.has("layer_types")) {
            used = false;
            for (JsonNode type : config.get("layer_types")) {
                used |= type.asText().equals("sliding_attention");
            }
        }
        double window = config.number("sliding_window", used ? 4096 : Integer.MAX_VALUE);
        if (used && window < shape.maxPositions()) {
            throw config.unsupported("sliding_window", (long) window, "no sliding window");
        }
    }
}

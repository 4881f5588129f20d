package io.millrace.gpu.model;

import io.millrace.gpu.tensor.InvalidModelException;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** One model family: how its config.json is read and what of it is refused. */
interface Family {

    /** Reads the shape; refuses by name what the forward pass would not honour. */
    DecoderShape shape(ConfigFile config) throws InvalidModelException;

    /** The family that config.json names. */
    static Family of(ConfigFile config) throws InvalidModelException {
        Map<String, Family> families = new TreeMap<>();
        families.put("LlamaForCausalLM", new LlamaFamily());
        families.put("Qwen2ForCausalLM", new Qwen2Family());
        if (!config.has("architectures")
                || !config.get("architectures").isArray()
                || config.get("architectures").size() != 1) {
            throw config.wrong(
                    "architectures", config.get("architectures"), "a list of one architecture");
        }
        String name = config.get("architectures").get(0).asText();
        Family family = families.get(name);
        if (family == null) {
            throw config.unsupported("architectures", name, String.join(", ", families.keySet()));
        }
        return family;
    }

    /** The part that Llama and its descendants share. */
    static DecoderShape llamaLike(ConfigFile config, boolean qkvBias) throws InvalidModelException {
        if (config.has("quantization_config")) {
            String method = config.child("quantization_config").text("quant_method", "unknown");
            throw config.unsupported("quantization_config", method, "weights in F32, F16 and BF16");
        }
        String activation = config.text("hidden_act", "silu");
        if (!List.of("silu", "swish").contains(activation)) {
            throw config.unsupported("hidden_act", activation, "silu");
        }
        int hidden = config.positiveInt("hidden_size");
        int heads = config.positiveInt("num_attention_heads");
        int kvHeads = config.positiveInt("num_key_value_heads", heads);
        if (heads % kvHeads != 0) {
            throw config.wrong("num_key_value_heads", kvHeads, "a divisor of " + heads);
        }
        if (!config.has("head_dim") && hidden % heads != 0) {
            throw config.wrong("num_attention_heads", heads, "a divisor of hidden_size");
        }
        int headSize = config.positiveInt("head_dim", hidden / heads);
        if (headSize % 8 != 0) {
            throw config.unsupported("head_dim", headSize, "multiples of 8");
        }
        double epsilon = config.number("rms_norm_eps", 1e-6);
        if (epsilon < 0) {
            throw config.wrong("rms_norm_eps", epsilon, "a number that is not negative");
        }
        return new DecoderShape(
                config.positiveInt("vocab_size"),
                hidden,
                config.positiveInt("num_hidden_layers"),
                heads,
                kvHeads,
                headSize,
                config.positiveInt("intermediate_size"),
                config.positiveInt("max_position_embeddings"),
                (float) epsilon,
                RopeScaling.read(config),
                qkvBias,
                config.flag("tie_word_embeddings", false));
    }
}

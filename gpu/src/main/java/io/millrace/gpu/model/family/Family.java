package io.millrace.gpu.model.family;

import io.millrace.gpu.model.folder.ConfigFile;
import io.millrace.gpu.tensor.InvalidModelException;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Predicate;

/** A model family: reads config.json, refuses what it does not support, and names the weights. */
public interface Family {
    /** The head's weight (vocabulary, hidden), in all families. */
    String HEAD = "lm_head.weight";

    /** Reads the shape; refuses, by key, what the forward pass does not support. */
    DecoderShape shape(ConfigFile config) throws InvalidModelException;

    /**
     * Name of the token embedding.
     *
     * @param has whether the folder has a tensor of a name
     */
    default String embedding(Predicate<String> has) {
        return LlamaLike.EMBEDDING;
    }

    /** Other names of the token embedding. */
    default List<String> embeddingAliases() {
        return List.of();
    }

    /** Reads the weights once, in order of their use. */
    <M, V> DecoderWeights<M, V> weights(DecoderShape shape, WeightReader<M, V> reader)
            throws IOException;

    /** The family that config.json names. */
    static Family of(ConfigFile config) throws InvalidModelException {
        Map<String, Family> families = new TreeMap<>();
        families.put("GPT2LMHeadModel", new Gpt2Family());
        families.put("LlamaForCausalLM", new LlamaFamily());
        families.put("MinistralForCausalLM", new MistralFamily());
        families.put("MistralForCausalLM", new MistralFamily());
        families.put("Phi3ForCausalLM", new Phi3Family());
        families.put("Qwen2ForCausalLM", new Qwen2Family());
        families.put("Qwen3ForCausalLM", new Qwen3Family());
        families.put("Starcoder2ForCausalLM", new Starcoder2Family());
        String name = architecture(config);
        Family family = families.get(name);
        if (family == null) {
            throw config.unsupported("architectures", name, String.join(", ", families.keySet()));
        }
        return family;
    }

    /** The architecture that config.json names, supported or not. */
    static String architecture(ConfigFile config) throws InvalidModelException {
        if (!config.has("architectures")
                || !config.get("architectures").isArray()
                || config.get("architectures").size() != 1) {
            throw config.wrong(
                    "architectures", config.get("architectures"), "a list of one architecture");
        }
        return config.get("architectures").get(0).asText();
    }
}

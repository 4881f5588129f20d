package io.millrace.jobs.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.millrace.jobs.cli.CommandFailedException;
import java.util.List;

/**
 * The shape of a well-known model, to be measured with random weights.
 *
 * @param name its name on the command line
 * @param family model type of config.json: llama, qwen2 or qwen3
 * @param tied whether the head is tied to the embedding
 */
record BenchShape(
        String name,
        String family,
        int layers,
        int hidden,
        int heads,
        int kvHeads,
        int headSize,
        int intermediate,
        int vocabulary,
        boolean tied,
        double ropeTheta) {

    private static final int POSITIONS = 8192;

    /** The shapes with published figures. */
    static List<BenchShape> all() {
        return List.of(
                new BenchShape(
                        "qwen2.5-0.5b", "qwen2", 24, 896, 14, 2, 64, 4864, 151_936, true, 1e6),
                new BenchShape(
                        "llama-3.2-1b", "llama", 16, 2048, 32, 8, 64, 8192, 128_256, true, 5e5),
                new BenchShape(
                        "llama-3.1-8b", "llama", 32, 4096, 32, 8, 128, 14_336, 128_256, false, 5e5),
                new BenchShape(
                        "qwen3-0.6b", "qwen3", 28, 1024, 16, 8, 128, 3072, 151_936, true, 1e6));
    }

    /** The shape of a name, case-insensitive. */
    static BenchShape named(String name) {
        for (BenchShape shape : all()) {
            if (shape.name.equalsIgnoreCase(name)) {
                return shape;
            }
        }
        throw new CommandFailedException(
                "There is no shape %s: take some of %s."
                        .formatted(
                                name,
                                String.join(", ", all().stream().map(BenchShape::name).toList())));
    }

    /** Number of weights of the matmuls of all layers. */
    long layerWeights() {
        long width = (long) headSize * (heads + 2L * kvHeads);
        return layers
                * (hidden * width + (long) heads * headSize * hidden + 3L * hidden * intermediate);
    }

    /** Number of weights of the head. */
    long headWeights() {
        return (long) vocabulary * hidden;
    }

    /** Bytes of a position's K and V in all layers, in a type of two bytes. */
    long kvBytes() {
        return 2L * 2 * layers * kvHeads * headSize;
    }

    /** The model's config.json. */
    ObjectNode config() {
        ObjectNode config = new ObjectMapper().createObjectNode();
        String upper = family.substring(0, 1).toUpperCase(java.util.Locale.ROOT);
        config.putArray("architectures").add(upper + family.substring(1) + "ForCausalLM");
        return config.put("model_type", family)
                .put("torch_dtype", "bfloat16")
                .put("hidden_size", hidden)
                .put("num_hidden_layers", layers)
                .put("num_attention_heads", heads)
                .put("num_key_value_heads", kvHeads)
                .put("head_dim", headSize)
                .put("intermediate_size", intermediate)
                .put("vocab_size", vocabulary)
                .put("max_position_embeddings", POSITIONS)
                .put("rope_theta", ropeTheta)
                .put("rms_norm_eps", 1e-5)
                .put("hidden_act", "silu")
                .put("tie_word_embeddings", tied);
    }
}

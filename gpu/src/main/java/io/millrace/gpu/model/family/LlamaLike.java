package io.millrace.gpu.model.family;

import com.fasterxml.jackson.databind.JsonNode;
import io.millrace.gpu.device.Backend;
import io.millrace.gpu.device.Norm;
import io.millrace.gpu.device.QkvProjection;
import io.millrace.gpu.model.folder.ConfigFile;
import io.millrace.gpu.tensor.InvalidModelException;
import io.millrace.gpu.tensor.Tensor;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** Shared by Llama and its descendants. */
final class LlamaLike {
    /** Name of the token embedding. */
    static final String EMBEDDING = "model.embed_tokens.weight";

    private LlamaLike() {}

    static DecoderShape shape(ConfigFile config, List<Integer> windows)
            throws InvalidModelException {
        int heads = config.positiveInt("num_attention_heads");
        return shape(config, windows, "rms_norm_eps", 1e-6, heads, false);
    }

    /**
     * The same for a family with other defaults.
     *
     * @param epsilonKey key of the epsilon of norms
     * @param epsilon default of that key
     * @param kvHeads default of {@code num_key_value_heads}
     * @param tied default of {@code tie_word_embeddings}
     */
    static DecoderShape shape(
            ConfigFile config,
            List<Integer> windows,
            String epsilonKey,
            double epsilon,
            int kvHeads,
            boolean tied)
            throws InvalidModelException {
        int hidden = config.positiveInt("hidden_size");
        int heads = config.positiveInt("num_attention_heads");
        int groups = config.positiveInt("num_key_value_heads", kvHeads);
        if (heads % groups != 0) {
            throw config.wrong("num_key_value_heads", groups, "a divisor of " + heads);
        }
        if (!config.has("head_dim") && hidden % heads != 0) {
            throw config.wrong("num_attention_heads", heads, "a divisor of hidden_size");
        }
        int headSize = config.positiveInt("head_dim", hidden / heads);
        if (headSize % 8 != 0) {
            throw config.unsupported("head_dim", headSize, "multiples of 8");
        }
        RopeScaling rope = RopeScaling.read(config);
        return new DecoderShape(
                config.positiveInt("vocab_size"),
                hidden,
                windows.size(),
                heads,
                groups,
                headSize,
                config.positiveInt("intermediate_size"),
                rope.context(config.positiveInt("max_position_embeddings")),
                epsilon(config, epsilonKey, epsilon),
                rope,
                windows,
                config.flag("tie_word_embeddings", tied));
    }

    static float epsilon(ConfigFile config, String key, double absent)
            throws InvalidModelException {
        double epsilon = config.number(key, absent);
        if (epsilon < 0) {
            throw config.wrong(key, epsilon, "a number that is not negative");
        }
        return (float) epsilon;
    }

    /** Every layer sees {@code window} positions. */
    static List<Integer> windows(ConfigFile config, int window) throws InvalidModelException {
        return Collections.nCopies(config.positiveInt("num_hidden_layers"), window);
    }

    /**
     * The windows of Qwen: off unless use_sliding_window; then by layer_types, or else from
     * max_window_layers on.
     */
    static List<Integer> qwenWindows(ConfigFile config) throws InvalidModelException {
        int layers = config.positiveInt("num_hidden_layers");
        boolean used = config.flag("use_sliding_window", false);
        int window = used ? window(config) : Backend.NO_WINDOW;
        if (config.has("layer_types")) {
            String off = used ? "sliding_window is null" : "use_sliding_window is off";
            return windowsByType(config, window, off);
        }
        double first = config.number("max_window_layers", 28);
        List<Integer> windows = new ArrayList<>();
        for (int i = 0; i < layers; i++) {
            windows.add(i >= first ? window : Backend.NO_WINDOW);
        }
        return List.copyOf(windows);
    }

    /** The window of layers with one; none if the key is null. */
    static int window(ConfigFile config) throws InvalidModelException {
        return config.isNull("sliding_window")
                ? Backend.NO_WINDOW
                : config.positiveInt("sliding_window", 4096);
    }

    /**
     * The windows by {@code layer_types}.
     *
     * @param off reason for messages if {@code window} is {@link Backend#NO_WINDOW}
     */
    static List<Integer> windowsByType(ConfigFile config, int window, String off)
            throws InvalidModelException {
        int layers = config.positiveInt("num_hidden_layers");
        JsonNode types = config.get("layer_types");
        if (!types.isArray() || types.size() != layers) {
            throw config.wrong("layer_types", types, "a list of %d types".formatted(layers));
        }
        List<Integer> windows = new ArrayList<>();
        for (JsonNode type : types) {
            switch (type.asText()) {
                case "full_attention" -> windows.add(Backend.NO_WINDOW);
                case "sliding_attention" -> {
                    if (window == Backend.NO_WINDOW) {
                        throw config.wrong(
                                "layer_types", type.asText(), "full_attention (" + off + ")");
                    }
                    windows.add(window);
                }
                default ->
                        throw config.unsupported(
                                "layer_types",
                                type.asText(),
                                "full_attention and sliding_attention");
            }
        }
        return List.copyOf(windows);
    }

    /**
     * Reads the weights by the names that Llama gave them.
     *
     * @param bias whether q, k and v have biases
     * @param headNorms whether query and key heads are normed
     */
    static <M, V> DecoderWeights<M, V> weights(
            DecoderShape shape, WeightReader<M, V> reader, boolean bias, boolean headNorms)
            throws IOException {
        int hidden = shape.hidden();
        int vocabulary = shape.vocabulary();
        Tensor tokens = reader.tensor(EMBEDDING, vocabulary, hidden);
        M embedding = reader.table(tokens);
        List<DecoderWeights.Layer<M, V>> layers = new ArrayList<>();
        for (int i = 0; i < shape.layers(); i++) {
            layers.add(layer(shape, reader, "model.layers." + i + ".", bias, headNorms));
        }
        Norm<V> lastNorm = norm(shape, reader, "model.norm.weight", hidden);
        M head =
                shape.tiedEmbedding()
                        ? reader.tiedHead(embedding, tokens)
                        : reader.matrix(reader.tensor(Family.HEAD, vocabulary, hidden));
        return new DecoderWeights<>(embedding, null, layers, lastNorm, head);
    }

    private static <M, V> DecoderWeights.Layer<M, V> layer(
            DecoderShape shape,
            WeightReader<M, V> reader,
            String prefix,
            boolean bias,
            boolean headNorms)
            throws IOException {
        int hidden = shape.hidden();
        int queries = shape.heads() * shape.headSize();
        int keys = shape.kvHeads() * shape.headSize();
        int inner = shape.intermediate();
        String attention = prefix + "self_attn.";
        String feedForward = prefix + "mlp.";
        Norm<V> attentionNorm = norm(shape, reader, prefix + "input_layernorm.weight", hidden);
        M qkv =
                reader.matrix(
                        reader.tensor(attention + "q_proj.weight", queries, hidden),
                        reader.tensor(attention + "k_proj.weight", keys, hidden),
                        reader.tensor(attention + "v_proj.weight", keys, hidden));
        V qkvBias =
                bias
                        ? reader.vector(
                                reader.tensor(attention + "q_proj.bias", queries),
                                reader.tensor(attention + "k_proj.bias", keys),
                                reader.tensor(attention + "v_proj.bias", keys))
                        : null;
        int size = shape.headSize();
        String query = attention + "q_norm.weight";
        String key = attention + "k_norm.weight";
        var projection =
                new QkvProjection<>(
                        qkv,
                        qkvBias,
                        headNorms ? norm(shape, reader, query, size) : null,
                        headNorms ? norm(shape, reader, key, size) : null);
        M output = reader.addedMatrix(reader.tensor(attention + "o_proj.weight", hidden, queries));
        Norm<V> feedForwardNorm =
                norm(shape, reader, prefix + "post_attention_layernorm.weight", hidden);
        Tensor gate = reader.tensor(feedForward + "gate_proj.weight", inner, hidden);
        Tensor up = reader.tensor(feedForward + "up_proj.weight", inner, hidden);
        M gateUp = reader.gatedMatrix(gate, up);
        M down = reader.addedMatrix(reader.tensor(feedForward + "down_proj.weight", hidden, inner));
        return new DecoderWeights.Layer<>(
                attentionNorm,
                projection,
                output,
                null,
                feedForwardNorm,
                new DecoderWeights.FeedForward<>(true, gateUp, null, down, null));
    }

    private static <M, V> Norm<V> norm(
            DecoderShape shape, WeightReader<M, V> reader, String name, int length)
            throws IOException {
        return new Norm<>(reader.vector(reader.tensor(name, length)), null, shape.normEpsilon());
    }
}

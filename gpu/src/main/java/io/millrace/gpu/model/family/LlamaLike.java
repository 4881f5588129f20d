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
import java.util.Set;

/** Shared by Llama and its descendants. */
final class LlamaLike {
    /** Name of the token embedding. */
    static final String EMBEDDING = "model.embed_tokens.weight";

    /** What the weights of a layer have that Llama's have not. */
    enum Trait {
        /** q, k and v have biases. */
        QKV_BIAS,
        /** Query and key heads are normed. */
        HEAD_NORMS,
        /** q, k and v are one tensor, gate and up another. */
        JOINED
    }

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

    /** Reads the weights by the names that Llama gave them. */
    static <M, V> DecoderWeights<M, V> weights(
            DecoderShape shape, WeightReader<M, V> reader, Trait... traits) throws IOException {
        int hidden = shape.hidden();
        int vocabulary = shape.vocabulary();
        Tensor tokens = reader.tensor(EMBEDDING, vocabulary, hidden);
        M embedding = reader.table(tokens);
        List<DecoderWeights.Layer<M, V>> layers = new ArrayList<>();
        for (int i = 0; i < shape.layers(); i++) {
            layers.add(layer(shape, reader, "model.layers." + i + ".", Set.of(traits)));
        }
        Norm<V> lastNorm = norm(shape, reader, "model.norm.weight", hidden);
        M head =
                shape.tiedEmbedding()
                        ? reader.tiedHead(embedding, tokens)
                        : reader.matrix(reader.tensor(Family.HEAD, vocabulary, hidden));
        return new DecoderWeights<>(embedding, null, layers, lastNorm, head);
    }

    private static <M, V> DecoderWeights.Layer<M, V> layer(
            DecoderShape shape, WeightReader<M, V> reader, String prefix, Set<Trait> traits)
            throws IOException {
        int hidden = shape.hidden();
        int queries = shape.heads() * shape.headSize();
        int inner = shape.intermediate();
        String attention = prefix + "self_attn.";
        String feedForward = prefix + "mlp.";
        Norm<V> attentionNorm = norm(shape, reader, prefix + "input_layernorm.weight", hidden);
        QkvProjection<M, V> qkv = qkv(shape, reader, attention, traits);
        M output = reader.addedMatrix(reader.tensor(attention + "o_proj.weight", hidden, queries));
        Norm<V> feedForwardNorm =
                norm(shape, reader, prefix + "post_attention_layernorm.weight", hidden);
        M gateUp = gateUp(shape, reader, feedForward, traits);
        M down = reader.addedMatrix(reader.tensor(feedForward + "down_proj.weight", hidden, inner));
        return new DecoderWeights.Layer<>(
                attentionNorm,
                qkv,
                output,
                null,
                feedForwardNorm,
                new DecoderWeights.FeedForward<>(true, gateUp, null, down, null));
    }

    private static <M, V> QkvProjection<M, V> qkv(
            DecoderShape shape, WeightReader<M, V> reader, String attention, Set<Trait> traits)
            throws IOException {
        int hidden = shape.hidden();
        int size = shape.headSize();
        int queries = shape.heads() * size;
        int keys = shape.kvHeads() * size;
        M matrix =
                traits.contains(Trait.JOINED)
                        ? reader.matrix(
                                reader.tensor(
                                        attention + "qkv_proj.weight", queries + 2 * keys, hidden))
                        : reader.matrix(
                                reader.tensor(attention + "q_proj.weight", queries, hidden),
                                reader.tensor(attention + "k_proj.weight", keys, hidden),
                                reader.tensor(attention + "v_proj.weight", keys, hidden));
        V bias =
                traits.contains(Trait.QKV_BIAS)
                        ? reader.vector(
                                reader.tensor(attention + "q_proj.bias", queries),
                                reader.tensor(attention + "k_proj.bias", keys),
                                reader.tensor(attention + "v_proj.bias", keys))
                        : null;
        boolean normed = traits.contains(Trait.HEAD_NORMS);
        return new QkvProjection<>(
                matrix,
                bias,
                normed ? norm(shape, reader, attention + "q_norm.weight", size) : null,
                normed ? norm(shape, reader, attention + "k_norm.weight", size) : null);
    }

    private static <M, V> M gateUp(
            DecoderShape shape, WeightReader<M, V> reader, String feedForward, Set<Trait> traits)
            throws IOException {
        int hidden = shape.hidden();
        int inner = shape.intermediate();
        if (traits.contains(Trait.JOINED)) {
            String name = feedForward + "gate_up_proj.weight";
            List<Tensor> parts = reader.tensor(name, 2L * inner, hidden).split(2);
            return reader.gatedMatrix(parts.get(0), parts.get(1));
        }
        return reader.gatedMatrix(
                reader.tensor(feedForward + "gate_proj.weight", inner, hidden),
                reader.tensor(feedForward + "up_proj.weight", inner, hidden));
    }

    private static <M, V> Norm<V> norm(
            DecoderShape shape, WeightReader<M, V> reader, String name, int length)
            throws IOException {
        return new Norm<>(reader.vector(reader.tensor(name, length)), null, shape.normEpsilon());
    }
}

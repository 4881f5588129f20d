package io.millrace.gpu.model.family;

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
import java.util.function.Predicate;

/**
 * GPT-2: LayerNorm, learned positions, GELU, biases everywhere, q, k and v in one weight. Its
 * weights are stored transposed: (inputs, outputs).
 */
final class Gpt2Family implements Family {
    @Override
    public DecoderShape shape(ConfigFile config) throws InvalidModelException {
        int hidden = config.positiveInt("n_embd");
        int heads = config.positiveInt("n_head");
        int layers = config.positiveInt("n_layer");
        if (hidden % heads != 0) {
            throw config.wrong("n_head", heads, "a divisor of n_embd");
        }
        if (hidden / heads % 8 != 0) {
            throw config.unsupported("n_embd / n_head", hidden / heads, "multiples of 8");
        }
        return new DecoderShape(
                config.positiveInt("vocab_size"),
                hidden,
                layers,
                heads,
                heads,
                hidden / heads,
                config.positiveInt("n_inner", 4 * hidden),
                config.positiveInt("n_positions"),
                LlamaLike.epsilon(config, "layer_norm_epsilon", 1e-5),
                RopeScaling.NONE,
                Collections.nCopies(layers, Backend.NO_WINDOW),
                config.flag("tie_word_embeddings", true));
    }

    // Early folders on the Hub have the names of the inner model.
    private static String prefix(Predicate<String> has) {
        return has.test("ln_f.weight") ? "" : "transformer.";
    }

    @Override
    public String embedding(Predicate<String> has) {
        return prefix(has) + "wte.weight";
    }

    @Override
    public List<String> embeddingAliases() {
        return List.of("wte.weight", "transformer.wte.weight");
    }

    @Override
    public <M, V> DecoderWeights<M, V> weights(DecoderShape shape, WeightReader<M, V> reader)
            throws IOException {
        int hidden = shape.hidden();
        int vocabulary = shape.vocabulary();
        String prefix = prefix(reader::has);
        Tensor tokens = reader.tensor(prefix + "wte.weight", vocabulary, hidden);
        M embedding = reader.table(tokens);
        Tensor positionTable = reader.tensor(prefix + "wpe.weight", shape.maxPositions(), hidden);
        M positions = reader.table(positionTable);
        List<DecoderWeights.Layer<M, V>> layers = new ArrayList<>();
        for (int i = 0; i < shape.layers(); i++) {
            layers.add(layer(shape, reader, prefix + "h." + i + "."));
        }
        Norm<V> lastNorm = Biased.norm(shape, reader, prefix + "ln_f");
        M head =
                shape.tiedEmbedding()
                        ? reader.tiedHead(embedding, tokens)
                        : reader.matrix(reader.tensor(HEAD, vocabulary, hidden));
        return new DecoderWeights<>(embedding, positions, layers, lastNorm, head);
    }

    private static <M, V> DecoderWeights.Layer<M, V> layer(
            DecoderShape shape, WeightReader<M, V> reader, String prefix) throws IOException {
        int hidden = shape.hidden();
        int inner = shape.intermediate();
        Norm<V> attentionNorm = Biased.norm(shape, reader, prefix + "ln_1");
        String qkv = prefix + "attn.c_attn";
        String output = prefix + "attn.c_proj";
        var projection =
                new QkvProjection<>(
                        reader.matrix(transposed(reader, qkv, hidden, 3 * hidden)),
                        Biased.bias(reader, qkv, 3 * hidden),
                        (Norm<V>) null,
                        null);
        M outputMatrix = reader.addedMatrix(transposed(reader, output, hidden, hidden));
        V outputBias = Biased.bias(reader, output, hidden);
        Norm<V> feedForwardNorm = Biased.norm(shape, reader, prefix + "ln_2");
        String up = prefix + "mlp.c_fc";
        String down = prefix + "mlp.c_proj";
        var feedForward =
                new DecoderWeights.FeedForward<>(
                        false,
                        reader.matrix(transposed(reader, up, hidden, inner)),
                        Biased.bias(reader, up, inner),
                        reader.addedMatrix(transposed(reader, down, inner, hidden)),
                        Biased.bias(reader, down, hidden));
        return new DecoderWeights.Layer<>(
                attentionNorm, projection, outputMatrix, outputBias, feedForwardNorm, feedForward);
    }

    private static Tensor transposed(
            WeightReader<?, ?> reader, String name, int inputs, int outputs) throws IOException {
        return reader.tensor(name + ".weight", inputs, outputs).transposed();
    }
}

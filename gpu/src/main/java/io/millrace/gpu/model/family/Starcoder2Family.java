package io.millrace.gpu.model.family;

import io.millrace.gpu.device.Backend;
import io.millrace.gpu.device.Norm;
import io.millrace.gpu.device.QkvProjection;
import io.millrace.gpu.model.folder.ConfigFile;
import io.millrace.gpu.tensor.InvalidModelException;
import io.millrace.gpu.tensor.Tensor;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * StarCoder2: attention as in Llama, with a window in all layers or in none; norms, GELU and biases
 * as in GPT-2.
 */
final class Starcoder2Family implements Family {
    // The default of transformers, independent of the number of query heads.
    private static final int KV_HEADS = 2;

    @Override
    public DecoderShape shape(ConfigFile config) throws InvalidModelException {
        int window = config.positiveInt("sliding_window", Backend.NO_WINDOW);
        List<Integer> windows = LlamaLike.windows(config, window);
        return LlamaLike.shape(config, windows, "norm_epsilon", 1e-5, KV_HEADS, true);
    }

    @Override
    public <M, V> DecoderWeights<M, V> weights(DecoderShape shape, WeightReader<M, V> reader)
            throws IOException {
        int hidden = shape.hidden();
        int vocabulary = shape.vocabulary();
        Tensor tokens = reader.tensor(LlamaLike.EMBEDDING, vocabulary, hidden);
        M embedding = reader.table(tokens);
        List<DecoderWeights.Layer<M, V>> layers = new ArrayList<>();
        for (int i = 0; i < shape.layers(); i++) {
            layers.add(layer(shape, reader, "model.layers." + i + "."));
        }
        Norm<V> lastNorm = Biased.norm(shape, reader, "model.norm");
        M head =
                shape.tiedEmbedding()
                        ? reader.tiedHead(embedding, tokens)
                        : reader.matrix(reader.tensor(HEAD, vocabulary, hidden));
        return new DecoderWeights<>(embedding, null, layers, lastNorm, head);
    }

    private static <M, V> DecoderWeights.Layer<M, V> layer(
            DecoderShape shape, WeightReader<M, V> reader, String prefix) throws IOException {
        int hidden = shape.hidden();
        int queries = shape.heads() * shape.headSize();
        int keys = shape.kvHeads() * shape.headSize();
        int inner = shape.intermediate();
        String attention = prefix + "self_attn.";
        Norm<V> attentionNorm = Biased.norm(shape, reader, prefix + "input_layernorm");
        M qkv =
                reader.matrix(
                        reader.tensor(attention + "q_proj.weight", queries, hidden),
                        reader.tensor(attention + "k_proj.weight", keys, hidden),
                        reader.tensor(attention + "v_proj.weight", keys, hidden));
        V qkvBias =
                reader.vector(
                        reader.tensor(attention + "q_proj.bias", queries),
                        reader.tensor(attention + "k_proj.bias", keys),
                        reader.tensor(attention + "v_proj.bias", keys));
        var projection = new QkvProjection<>(qkv, qkvBias, (Norm<V>) null, null);
        M output = reader.addedMatrix(reader.tensor(attention + "o_proj.weight", hidden, queries));
        V outputBias = Biased.bias(reader, attention + "o_proj", hidden);
        Norm<V> feedForwardNorm = Biased.norm(shape, reader, prefix + "post_attention_layernorm");
        String up = prefix + "mlp.c_fc";
        String down = prefix + "mlp.c_proj";
        var feedForward =
                new DecoderWeights.FeedForward<>(
                        false,
                        reader.matrix(reader.tensor(up + ".weight", inner, hidden)),
                        Biased.bias(reader, up, inner),
                        reader.addedMatrix(reader.tensor(down + ".weight", hidden, inner)),
                        Biased.bias(reader, down, hidden));
        return new DecoderWeights.Layer<>(
                attentionNorm, projection, output, outputBias, feedForwardNorm, feedForward);
    }
}

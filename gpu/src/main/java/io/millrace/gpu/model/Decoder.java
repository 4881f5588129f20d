package io.millrace.gpu.model;

import io.millrace.gpu.LoadProgress;
import io.millrace.gpu.backend.Backend;
import io.millrace.gpu.backend.StepBatch;
import io.millrace.gpu.backend.StepOutput;
import io.millrace.gpu.tensor.Tensor;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * The forward pass of a decoder-only transformer, written once over the ops of a {@link Backend}.
 *
 * <p>{@code x} is the residual stream, (tokens, hidden). A layer:
 *
 * <pre>
 * h  = norm(x)           q = rope(h Wq), K and V to their blocks
 * x += attention(q) Wo
 * h  = norm(x)
 * x += (silu(h Wgate) * (h Wup)) Wdown
 * </pre>
 *
 * @param <M> the backend's matrices
 * @param <V> its vectors
 * @param <A> its activations
 */
public final class Decoder<M, V, A> {
    private final Backend<M, V, A> backend;
    private final DecoderShape shape;
    private final M embedding;
    private final List<Layer<M, V>> layers;
    private final V lastNorm;
    private final M head;

    private final A residual;
    private final A normed;
    private final A queries;
    private final A attended;
    private final A gated;

    private record Layer<M, V>(
            V attentionNorm,
            M qkv,
            V qkvBias,
            M attentionOutput,
            V feedForwardNorm,
            M gateUp,
            M down) {}

    private Decoder(
            Backend<M, V, A> backend,
            DecoderShape shape,
            M embedding,
            List<Layer<M, V>> layers,
            V lastNorm,
            M head) {
        this.backend = backend;
        this.shape = shape;
        this.embedding = embedding;
        this.layers = layers;
        this.lastNorm = lastNorm;
        this.head = head;
        residual = backend.activation(shape.hidden());
        normed = backend.activation(shape.hidden());
        queries = backend.activation(shape.heads() * shape.headSize());
        attended = backend.activation(shape.heads() * shape.headSize());
        gated = backend.activation(shape.intermediate());
    }

    /** Reads the weights of a folder once, in order of their use. */
    public static <M, V, A> Decoder<M, V, A> load(
            ModelFolder folder, Backend<M, V, A> backend, LoadProgress progress)
            throws IOException {
        return new Loader<>(folder, backend, progress).load();
    }

    /** Runs one step. */
    public void forward(StepBatch batch, StepOutput output) {
        float epsilon = shape.normEpsilon();
        backend.begin(batch);
        backend.embed(embedding, residual);
        for (int i = 0; i < layers.size(); i++) {
            Layer<M, V> layer = layers.get(i);
            backend.norm(residual, layer.attentionNorm, epsilon, normed);
            backend.qkvProjectRopeStoreKv(normed, layer.qkv, layer.qkvBias, i, queries);
            backend.attention(queries, i, attended);
            backend.matmulAdd(attended, layer.attentionOutput, residual);
            backend.norm(residual, layer.feedForwardNorm, epsilon, normed);
            backend.matmulGated(normed, layer.gateUp, gated);
            backend.matmulAdd(gated, layer.down, residual);
        }
        backend.logits(residual, lastNorm, epsilon, head);
        backend.sample(output);
    }

    /** Finds a folder's tensors by their Hugging Face names and hands them to the backend. */
    private static final class Loader<M, V, A> {
        private final ModelFolder folder;
        private final Backend<M, V, A> backend;
        private final LoadProgress progress;
        private final DecoderShape shape;
        private final long total;
        private long done;

        Loader(ModelFolder folder, Backend<M, V, A> backend, LoadProgress progress) {
            this.folder = folder;
            this.backend = backend;
            this.progress = progress;
            shape = folder.shape();
            total = folder.weightBytes();
        }

        Decoder<M, V, A> load() throws IOException {
            progress.onProgress("weights", 0, total);
            int hidden = shape.hidden();
            int vocabulary = shape.vocabulary();
            M embedding = matrix(folder.tensor("model.embed_tokens.weight", vocabulary, hidden));
            List<Layer<M, V>> layers = new ArrayList<>();
            for (int i = 0; i < shape.layers(); i++) {
                layers.add(layer("model.layers." + i + "."));
            }
            V lastNorm = vector(folder.tensor("model.norm.weight", hidden));
            M head =
                    shape.tiedEmbedding()
                            ? embedding
                            : matrix(folder.tensor("lm_head.weight", vocabulary, hidden));
            progress.onProgress("weights", total, total);
            return new Decoder<>(backend, shape, embedding, layers, lastNorm, head);
        }

        private Layer<M, V> layer(String prefix) throws IOException {
            int hidden = shape.hidden();
            int queries = shape.heads() * shape.headSize();
            int keys = shape.kvHeads() * shape.headSize();
            int inner = shape.intermediate();
            String attention = prefix + "self_attn.";
            String feedForward = prefix + "mlp.";
            V attentionNorm = vector(folder.tensor(prefix + "input_layernorm.weight", hidden));
            M qkv =
                    matrix(
                            folder.tensor(attention + "q_proj.weight", queries, hidden),
                            folder.tensor(attention + "k_proj.weight", keys, hidden),
                            folder.tensor(attention + "v_proj.weight", keys, hidden));
            V bias =
                    shape.qkvBias()
                            ? vector(
                                    folder.tensor(attention + "q_proj.bias", queries),
                                    folder.tensor(attention + "k_proj.bias", keys),
                                    folder.tensor(attention + "v_proj.bias", keys))
                            : null;
            M output = matrix(folder.tensor(attention + "o_proj.weight", hidden, queries));
            V feedForwardNorm =
                    vector(folder.tensor(prefix + "post_attention_layernorm.weight", hidden));
            Tensor gate = folder.tensor(feedForward + "gate_proj.weight", inner, hidden);
            Tensor up = folder.tensor(feedForward + "up_proj.weight", inner, hidden);
            M gateUp = backend.gatedMatrix(gate, up);
            report(gate, up);
            M down = matrix(folder.tensor(feedForward + "down_proj.weight", hidden, inner));
            return new Layer<>(attentionNorm, qkv, bias, output, feedForwardNorm, gateUp, down);
        }

        private M matrix(Tensor... parts) throws IOException {
            M matrix = backend.matrix(List.of(parts));
            report(parts);
            return matrix;
        }

        private V vector(Tensor... parts) throws IOException {
            V vector = backend.vector(List.of(parts));
            report(parts);
            return vector;
        }

        private void report(Tensor... read) {
            for (Tensor tensor : read) {
                done += tensor.bytes();
            }
            progress.onProgress("weights", Math.min(done, total), total);
        }
    }
}

package io.millrace.gpu.model;

import io.millrace.gpu.api.LoadProgress;
import io.millrace.gpu.device.Backend;
import io.millrace.gpu.device.Backend.Use;
import io.millrace.gpu.model.family.DecoderShape;
import io.millrace.gpu.model.family.DecoderWeights;
import io.millrace.gpu.program.StepBatch;
import io.millrace.gpu.program.StepOutput;
import java.io.IOException;
import java.util.List;

/**
 * The forward pass of a decoder-only transformer, written once over the ops of a {@link Backend}.
 *
 * <p>{@code x} is the residual stream, (tokens, hidden). A layer:
 *
 * <pre>
 * h  = norm(x)           q = rope(h Wq), K and V stored in their blocks
 * x += attention(q) Wo
 * h  = norm(x)
 * x += (silu(h Wgate) * (h Wup)) Wdown      or, in GPT-2,  gelu(h Wup) Wdown
 * </pre>
 *
 * The {@code Family} chooses the norms, biases and windows of the layers.
 *
 * @param <M> the backend's matrices
 * @param <V> its vectors
 * @param <A> its activations
 */
public final class Decoder<M, V, A> {
    private final Backend<M, V, A> backend;
    private final DecoderWeights<M, V> weights;
    private final List<DecoderWeights.Layer<M, V>> layers;
    private final int[] windows;

    private final A residual;
    private final A normed;
    private final A queries;
    private final A attended;
    private final A inner;

    private Decoder(Backend<M, V, A> backend, DecoderShape shape, DecoderWeights<M, V> weights) {
        this.backend = backend;
        this.weights = weights;
        layers = weights.layers();
        windows = shape.windows().stream().mapToInt(Integer::intValue).toArray();
        residual = backend.activation(Use.RESIDUAL, shape.hidden());
        normed = backend.activation(Use.INPUT, shape.hidden());
        queries = backend.activation(Use.QUERIES, shape.heads() * shape.headSize());
        attended = backend.activation(Use.INPUT, shape.heads() * shape.headSize());
        inner = backend.activation(Use.INPUT, shape.intermediate());
    }

    /** Reads the weights of a folder once, in order of their use. */
    public static <M, V, A> Decoder<M, V, A> load(
            ModelFolder folder, Backend<M, V, A> backend, LoadProgress progress)
            throws IOException {
        DecoderShape shape = folder.shape();
        FolderReader<M, V> reader = new FolderReader<>(folder, backend, progress);
        DecoderWeights<M, V> weights = folder.family().weights(shape, reader);
        reader.finish();
        return new Decoder<>(backend, shape, weights);
    }

    /** Runs one step. */
    public void forward(StepBatch batch, StepOutput output) {
        backend.begin(batch);
        compute();
        backend.sample(output);
    }

    /**
     * Calls the ops of a step between {@code begin} and {@code sample}: the same for every step, so
     * that a device can record them.
     */
    public void compute() {
        backend.embed(weights.embedding(), weights.positions(), residual);
        for (int i = 0; i < layers.size(); i++) {
            DecoderWeights.Layer<M, V> layer = layers.get(i);
            backend.norm(residual, layer.attentionNorm(), normed);
            backend.qkvProjectRopeStoreKv(normed, layer.qkv(), i, queries);
            backend.attention(queries, i, windows[i], attended);
            backend.matmulAdd(attended, layer.output(), layer.outputBias(), residual);
            backend.norm(residual, layer.feedForwardNorm(), normed);
            DecoderWeights.FeedForward<M, V> feedForward = layer.feedForward();
            if (feedForward.gated()) {
                backend.matmulGated(normed, feedForward.up(), inner);
            } else {
                backend.matmulGelu(normed, feedForward.up(), feedForward.upBias(), inner);
            }
            backend.matmulAdd(inner, feedForward.down(), feedForward.downBias(), residual);
        }
        backend.logits(residual, weights.lastNorm(), weights.head());
    }
}

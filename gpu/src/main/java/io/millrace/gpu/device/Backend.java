package io.millrace.gpu.device;

import io.millrace.gpu.program.StepBatch;
import io.millrace.gpu.program.StepOutput;
import io.millrace.gpu.tensor.Tensor;
import java.io.IOException;
import java.util.List;

/**
 * The ops that a model is written in, on one device. An op is as coarse as one kernel and carries
 * its epilogue. Engine thread only.
 *
 * <p>Every op reduces in an order fixed by the shapes of weights and heads alone, so that the bits
 * of a position do not depend on the step it was computed in.
 *
 * @param <M> a weight matrix on the device, logically (outputs, inputs)
 * @param <V> a weight vector on the device
 * @param <A> activations on the device, (tokens, width)
 */
public interface Backend<M, V, A> extends AutoCloseable {

    /** The window of a layer whose tokens see the whole row. */
    int NO_WINDOW = Integer.MAX_VALUE;

    /** Loads matrices of equal width, stacked by rows to one. */
    M matrix(List<Tensor> parts) throws IOException;

    /**
     * Loads a matrix whose rows are looked up; it is never quantized. In a model with a tied head
     * it may be the head as well.
     */
    default M table(Tensor tensor) throws IOException {
        return matrix(List.of(tensor));
    }

    /**
     * The head of a model that ties it to its embedding, {@code table}, which was loaded from
     * {@code tensor}. Loads the tensor again if a matrix has another layout.
     */
    default M tiedHead(M table, Tensor tensor) throws IOException {
        return table;
    }

    /** Loads a matrix for {@link #matmulAdd}; a device may add its sums in another order. */
    default M addedMatrix(List<Tensor> parts) throws IOException {
        return matrix(parts);
    }

    /** Loads the two matrices of a gated feed-forward part, for {@link #matmulGated}. */
    M gatedMatrix(Tensor gate, Tensor up) throws IOException;

    /** Loads vectors, concatenated to one. */
    V vector(List<Tensor> parts) throws IOException;

    /** Waits until all weights are loaded; for a backend that loads asynchronously. */
    default void finishLoading() throws IOException {}

    /** What an activation is for; a device may lay it out accordingly. */
    enum Use {
        /** The residual stream: embedded, normed, added to. */
        RESIDUAL,
        /** Queries, by heads. */
        QUERIES,
        /** The input of a matmul. */
        INPUT
    }

    /** Allocates a row of a width for every token of a step. */
    A activation(Use use, int width);

    /** Sets the batch of the ops that follow. */
    void begin(StepBatch batch);

    /**
     * {@code out} (tokens, hidden) becomes the embeddings of the batch's tokens.
     *
     * @param table (vocabulary, hidden)
     * @param positions learned embeddings of positions, added: (positions, hidden), or null
     */
    void embed(M table, M positions, A out);

    /** {@code out} = norm of {@code x}. (tokens, hidden) */
    void norm(A x, Norm<V> norm, A out);

    /**
     * Projects to queries, keys and values, adds the bias, norms each head, rotates queries and
     * keys by their positions, and stores keys and values in the layer's blocks.
     *
     * @param x (tokens, hidden)
     * @param q (tokens, heads * headSize)
     */
    void qkvProjectRopeStoreKv(A x, QkvProjection<M, V> qkv, int layer, A q);

    /**
     * Causal attention over the row's blocks. {@code q} and {@code out} (tokens, heads * headSize)
     *
     * @param window positions that a token sees, its own included; {@link #NO_WINDOW} for all
     */
    void attention(A q, int layer, int window, A out);

    /**
     * {@code residual} += {@code x} times {@code weight}, plus the bias if there is one. (tokens,
     * hidden)
     *
     * @param weight an {@link #addedMatrix}
     */
    void matmulAdd(A x, M weight, V bias, A residual);

    /** {@code out} = silu(gate) * up, both from {@code x}. (tokens, intermediate) */
    void matmulGated(A x, M gateUp, A out);

    /**
     * {@code out} = gelu(x times weight + bias), in its tanh form. (tokens, intermediate)
     *
     * @param bias as long as weight has rows
     */
    void matmulGelu(A x, M weight, V bias, A out);

    /** Last norm and head, for the tokens after which a token is sampled. */
    void logits(A x, Norm<V> norm, M head);

    /** Samples from the logits. A device may refuse a row of more than one sample. */
    void sample(StepOutput output);

    @Override
    void close();
}

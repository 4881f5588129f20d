package io.millrace.gpu.model.family;

import io.millrace.gpu.device.Backend;
import io.millrace.gpu.tensor.Tensor;
import java.io.IOException;

/**
 * Reads the weights of a {@link Family} by name.
 *
 * @param <M> the backend's matrices
 * @param <V> the backend's vectors
 */
public interface WeightReader<M, V> {

    /** The tensor of that name and shape. */
    Tensor tensor(String name, long... dims) throws IOException;

    /** Whether there is a tensor of that name. */
    boolean has(String name);

    /** See {@link Backend#matrix}. */
    M matrix(Tensor... parts) throws IOException;

    /** See {@link Backend#table}. */
    M table(Tensor tensor) throws IOException;

    /** See {@link Backend#tiedHead}. */
    M tiedHead(M table, Tensor tensor) throws IOException;

    /** See {@link Backend#addedMatrix}. */
    M addedMatrix(Tensor tensor) throws IOException;

    /** See {@link Backend#gatedMatrix}. */
    M gatedMatrix(Tensor gate, Tensor up) throws IOException;

    /** See {@link Backend#vector}. */
    V vector(Tensor... parts) throws IOException;
}

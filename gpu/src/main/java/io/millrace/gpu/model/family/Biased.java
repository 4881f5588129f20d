package io.millrace.gpu.model.family;

import io.millrace.gpu.device.Norm;
import java.io.IOException;

/** Shared by families with biases and LayerNorm. */
final class Biased {
    private Biased() {}

    static <M, V> V bias(WeightReader<M, V> reader, String name, int length) throws IOException {
        return reader.vector(reader.tensor(name + ".bias", length));
    }

    /** A LayerNorm of the residual stream. */
    static <M, V> Norm<V> norm(DecoderShape shape, WeightReader<M, V> reader, String name)
            throws IOException {
        int hidden = shape.hidden();
        V weight = reader.vector(reader.tensor(name + ".weight", hidden));
        return new Norm<>(weight, bias(reader, name, hidden), shape.normEpsilon());
    }
}

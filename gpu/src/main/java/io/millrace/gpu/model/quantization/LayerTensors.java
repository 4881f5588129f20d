package io.millrace.gpu.model.quantization;

import io.millrace.gpu.tensor.InvalidModelException;
import io.millrace.gpu.tensor.Tensor;
import java.util.Map;

/** The tensors of one layer, which a format takes out of those of the folder. */
final class LayerTensors {
    private final Map<String, Tensor> all;
    private final String name;

    /**
     * @param all tensors of the folder, by name; changed
     * @param name of the layer, such as {@code model.layers.0.mlp.up_proj}
     */
    LayerTensors(Map<String, Tensor> all, String name) {
        this.all = all;
        this.name = name;
    }

    /** Name of the layer. */
    String name() {
        return name;
    }

    /** Takes a tensor, given what follows the layer in its name; null if there is none. */
    Tensor takeIfPresent(String suffix) {
        return all.remove(name + '.' + suffix);
    }

    /** Takes a tensor of one number, of at most one dimension. */
    Tensor takeOne(String suffix) throws InvalidModelException {
        Tensor tensor = required(suffix);
        return tensor.rank() == 0 ? tensor : tensor.expect(1);
    }

    /** Takes a tensor of so many dimensions. */
    Tensor take(String suffix, int rank) throws InvalidModelException {
        Tensor tensor = required(suffix);
        if (tensor.rank() != rank) {
            throw new InvalidModelException(
                    "The quantized layer %s has the tensor %s, which does not have %d dimensions."
                            .formatted(name, tensor, rank));
        }
        return tensor;
    }

    private Tensor required(String suffix) throws InvalidModelException {
        Tensor tensor = takeIfPresent(suffix);
        if (tensor == null) {
            throw new InvalidModelException(
                    "The quantized layer %s has no tensor %s.%s.".formatted(name, name, suffix));
        }
        return tensor;
    }
}

package io.millrace.gpu.model.quantization;

import io.millrace.gpu.tensor.Tensor;
import java.io.IOException;
import java.util.List;

/** A format of quantized weights. One class a format; {@link Quantization} lists them. */
interface WeightFormat {
    /** The remark about activations that the tool's own runtime quantizes. */
    String ACTIVATIONS =
            "config.json quantizes activations too, to FP8 with scales found anew: here they keep their type, so that answers are those of the quantized weights alone.";

    /** Name in messages and in the fingerprint. */
    String name();

    /** Whether a tensor is the codes of a layer, given what follows the layer in its name. */
    boolean isCodes(String suffix, Tensor tensor);

    /**
     * The weight of a layer. Takes those of the layer's tensors that the format defines; any other
     * stays, and is refused as a tensor that no model uses.
     *
     * @throws io.millrace.gpu.tensor.InvalidModelException tensors that do not fit each other
     */
    QuantizedMatrix matrix(LayerTensors layer) throws IOException;

    /**
     * Whether tensors that no layer has taken, of names that end so, change no answer and are left
     * out.
     */
    default boolean isWithoutEffect(String suffix) {
        return false;
    }

    /** Sentences to be logged once at load. */
    default List<String> remarks() {
        return List.of();
    }
}

package io.millrace.gpu.model.quantization;

import io.millrace.gpu.tensor.InvalidModelException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/**
 * Recognizes quantized weights by the names of tensors that no format has taken, so that the error
 * names the quantization rather than a missing tensor.
 */
final class QuantizedNames {
    /** Suffixes of names in the order of the search, with the method of {@link RefusedMethods}. */
    private static final Map<String, String> METHODS = new LinkedHashMap<>();

    static {
        METHODS.put(".g_idx", "GPTQ");
        METHODS.put(".qweight", "AWQ");
        METHODS.put(".weight_global_scale", "compressed-tensors (NVFP4)");
        METHODS.put(".weight_packed", "compressed-tensors");
        METHODS.put(".weight_scale_inv", "FP8 in blocks");
        METHODS.put(".weight_scale", "compressed-tensors");
        METHODS.put(".weight.quant_map", "bitsandbytes (4 bits)");
        METHODS.put(".SCB", "bitsandbytes (8 bits)");
        METHODS.put(".W_q", "HQQ");
        METHODS.put("_proj_blocks", "MXFP4");
    }

    private QuantizedNames() {}

    /**
     * Refuses tensors that are quantized.
     *
     * @param names of those that are left
     */
    static void refuse(Path folder, Set<String> names) throws InvalidModelException {
        for (Map.Entry<String, String> method : METHODS.entrySet()) {
            for (String name : names) {
                if (name.endsWith(method.getKey())) {
                    throw new InvalidModelException(
                            "The weights in %s are quantized by %s, as their tensor %s shows, which config.json does not say how to read; supported: weights in F32, F16 and BF16, and %s with the quantization_config that their tools write."
                                    .formatted(
                                            folder, method.getValue(), name, Quantization.METHODS));
                }
            }
        }
    }
}

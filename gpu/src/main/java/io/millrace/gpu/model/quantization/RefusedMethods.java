package io.millrace.gpu.model.quantization;

import io.millrace.gpu.model.folder.ConfigFile;
import io.millrace.gpu.tensor.InvalidModelException;
import java.util.Map;

/** What to take in place of models in formats that are not read. */
final class RefusedMethods {
    private static final String UNQUANTIZED =
            "take the model that it was made from (--weights int8 quantizes that on a CPU), or one quantized by GPTQ or AWQ";

    private static final Map<String, String> REMEDIES =
            Map.of(
                    "bitsandbytes", UNQUANTIZED,
                    "hqq", UNQUANTIZED,
                    "mxfp4", "take its weights in BF16");

    private RefusedMethods() {}

    /** The error for a method that is not read. */
    static InvalidModelException error(ConfigFile config, String key, String method) {
        return new InvalidModelException(
                "%s has %s = %s, which is not supported: %s. Supported: %s."
                        .formatted(
                                config,
                                key,
                                method,
                                REMEDIES.getOrDefault(method, UNQUANTIZED),
                                Quantization.METHODS));
    }
}

package io.millrace.gpu.model.folder;

import io.millrace.gpu.tensor.DType;
import io.millrace.gpu.tensor.InvalidModelException;

/** Reads the type of weights by config.json, whose newer versions have another key for it. */
public final class NumberType {
    private NumberType() {}

    /** The type; BF16 where the file does not say. */
    public static DType of(ConfigFile config) throws InvalidModelException {
        String key = key(config);
        String type = config.text(key, "bfloat16");
        return switch (type) {
            case "bfloat16" -> DType.BF16;
            case "float16" -> DType.F16;
            case "float32" -> DType.F32;
            default -> throw config.unsupported(key, type, "bfloat16, float16, float32");
        };
    }

    /** The type that quantized weights are unpacked to; a file must say it. */
    public static DType ofQuantized(ConfigFile config) throws InvalidModelException {
        if (!config.has(key(config))) {
            throw new InvalidModelException(
                    "%s has neither dtype nor torch_dtype, the type that quantized weights are unpacked to: add the one that the model was made in (bfloat16, float16, float32)."
                            .formatted(config));
        }
        return of(config);
    }

    private static String key(ConfigFile config) {
        return config.has("dtype") ? "dtype" : "torch_dtype";
    }
}

package io.millrace.gpu.model.quantization;

import io.millrace.gpu.model.folder.ConfigFile;
import io.millrace.gpu.tensor.InvalidModelException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/** What to take in place of models in formats that are not read. */
final class RefusedMethods {
    private static final String UNQUANTIZED =
            "take the model that it was made from (--weights int8 quantizes that on a CPU), or one quantized by GPTQ or AWQ";

    private static final String OTHER_SCHEME =
            "take one quantized to INT4 (W4A16) or FP8, or unquantized weights";

    private static final Map<String, String> REMEDIES =
            Map.of(
                    "bitsandbytes", UNQUANTIZED,
                    "hqq", UNQUANTIZED,
                    "mxfp4", "take its weights in BF16",
                    "nvfp4-pack-quantized", OTHER_SCHEME,
                    "mxfp4-pack-quantized", OTHER_SCHEME,
                    "mxfp8-quantized", OTHER_SCHEME);

    private RefusedMethods() {}

    static void refuseGguf(Path model) throws IOException {
        if (!Files.isDirectory(model)) {
            refuseGguf(Stream.of(model).filter(Files::exists));
        } else if (!Files.exists(model.resolve("config.json"))) {
            try (Stream<Path> files = Files.list(model)) {
                refuseGguf(files);
            }
        }
    }

    private static void refuseGguf(Stream<Path> files) throws InvalidModelException {
        Optional<Path> found =
                files.filter(file -> file.toString().endsWith(".gguf")).sorted().findFirst();
        if (found.isPresent()) {
            throw new InvalidModelException(
                    "%s is a GGUF file, which is not supported: take the model's folder with config.json, tokenizer.json and safetensors, unquantized or as %s."
                            .formatted(found.get(), Quantization.METHODS));
        }
    }

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

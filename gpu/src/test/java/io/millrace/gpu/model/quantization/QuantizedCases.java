package io.millrace.gpu.model.quantization;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.millrace.gpu.model.folder.ConfigFile;
import io.millrace.gpu.tensor.DType;
import io.millrace.gpu.tensor.SafeTensors;
import io.millrace.gpu.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.function.Consumer;

/** The folders of src/test/resources/quantized, which the tools themselves wrote. */
public final class QuantizedCases {
    public static final Path ROOT = Path.of("src", "test", "resources", "quantized");

    private static final ObjectMapper JSON = new ObjectMapper();

    private static final Map<DType, String> TYPES =
            Map.of(DType.F16, "float16", DType.BF16, "bfloat16", DType.F32, "float32");

    private QuantizedCases() {}

    /** The right values of a case, by name. */
    static Map<String, Tensor> golden(String name) throws IOException {
        return SafeTensors.open(ROOT.resolve("golden").resolve(name + ".safetensors"));
    }

    /** The unpacked weights of a case, with other keys of its quantization_config. */
    static Map<String, Tensor> weights(
            String name, DType type, Path dir, Consumer<ObjectNode> change) throws IOException {
        Path folder = ROOT.resolve(name);
        Map<String, Tensor> stored = SafeTensors.open(folder.resolve("model.safetensors"));
        return quantization(name, type, dir, change).unpack(folder, stored);
    }

    static Quantization quantization(String name, DType type, Path dir, Consumer<ObjectNode> change)
            throws IOException {
        ObjectNode keys = config(ROOT.resolve(name));
        change.accept(keys);
        ObjectNode config = JSON.createObjectNode().put("dtype", TYPES.get(type));
        config.set("quantization_config", keys);
        Path file = dir.resolve("config.json");
        Files.writeString(file, config.toString());
        return Quantization.read(dir, ConfigFile.read(file));
    }

    /** The case as a folder that an engine opens, with other keys of its config.json. */
    public static Path folder(String name, Path dir, Consumer<ObjectNode> change)
            throws IOException {
        Path from = ROOT.resolve(name);
        Path to = Files.createDirectories(dir.resolve(name));
        Files.copy(from.resolve("model.safetensors"), to.resolve("model.safetensors"));
        ObjectNode config = (ObjectNode) JSON.readTree(from.resolve("config.json").toFile());
        change.accept(config);
        Files.writeString(to.resolve("config.json"), config.toString());
        Files.writeString(to.resolve("tokenizer.json"), "{}");
        return to;
    }

    /** The keys of quantization_config; bare layers have a file of their own, or none. */
    private static ObjectNode config(Path folder) throws IOException {
        if (Files.exists(folder.resolve("config.json"))) {
            return (ObjectNode)
                    JSON.readTree(folder.resolve("config.json").toFile())
                            .get("quantization_config");
        }
        Path own = folder.resolve("quantize_config.json");
        return Files.exists(own)
                ? (ObjectNode) JSON.readTree(own.toFile())
                : JSON.createObjectNode();
    }
}

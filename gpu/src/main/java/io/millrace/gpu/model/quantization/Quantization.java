package io.millrace.gpu.model.quantization;

import io.millrace.gpu.model.folder.ConfigFile;
import io.millrace.gpu.model.folder.FolderFile;
import io.millrace.gpu.model.folder.FolderKeys;
import io.millrace.gpu.model.folder.NumberType;
import io.millrace.gpu.tensor.ComputedRows;
import io.millrace.gpu.tensor.DType;
import io.millrace.gpu.tensor.InvalidModelException;
import io.millrace.gpu.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * How a folder's weights are quantized. Each weight becomes a tensor of the model's type, whose
 * numbers are computed while it is read: T(S((code - zero) * scale)), S the scales' type and T that
 * of config.json. Which layers are quantized is decided by their tensors alone.
 */
public final class Quantization {
    /** The formats that are read, for messages. */
    static final String METHODS = "GPTQ, AWQ, compressed-tensors (INT4, INT8, FP8), FP8 in blocks";

    private static final String KEY = "quantization_config";

    /** Where older writers of GPTQ put what is now in config.json. */
    private static final String OWN_FILE = "quantize_config.json";

    /** Version of the rule by which values are computed; part of fingerprints. */
    private static final String RULE = "unpacked-1";

    private final WeightFormat format;
    private final DType type;
    private final List<String> remarks;
    private final String fingerprint;

    private Quantization(
            WeightFormat format, DType type, List<String> remarks, String fingerprint) {
        this.format = format;
        this.type = type;
        this.remarks = remarks;
        this.fingerprint = fingerprint;
    }

    private interface Maker {
        WeightFormat make(ConfigFile config) throws InvalidModelException;
    }

    private static Map<String, Maker> makers() {
        Map<String, Maker> makers = new TreeMap<>();
        makers.put("awq", AwqFormat::new);
        makers.put("compressed-tensors", CompressedTensorsFormat::new);
        makers.put("fp8", Fp8BlockFormat::new);
        makers.put("gptq", GptqFormat::new);
        return makers;
    }

    /**
     * Reads config.json, or the file of its own that older writers of GPTQ have.
     *
     * @throws InvalidModelException a format, or a key of it, that is not supported
     */
    public static Quantization read(Path folder, ConfigFile config) throws IOException {
        if (config.has(KEY)) {
            return of(config.child(KEY), config, "");
        }
        Path own = folder.resolve(OWN_FILE);
        return Files.exists(own)
                ? of(ConfigFile.read(own), config, Files.readString(own))
                : new Quantization(null, null, List.of(), "");
    }

    /**
     * @param keys of the format
     * @param config the model's
     * @param ownFile text of the file that the keys are in, unless it is config.json
     */
    private static Quantization of(ConfigFile keys, ConfigFile config, String ownFile)
            throws InvalidModelException {
        String key = keys.has("quant_method") ? "quant_method" : "method";
        String method = keys.text(key, ownFile.isEmpty() ? "unknown" : "gptq");
        Maker maker = makers().get(method);
        if (maker == null) {
            throw RefusedMethods.error(keys, key, method);
        }
        List<String> remarks = new ArrayList<>();
        remarks.addAll(FolderKeys.check(FolderFile.QUANTIZATION, keys, method));
        WeightFormat format = maker.make(keys);
        DType type = NumberType.ofQuantized(config);
        remarks.add(
                "The weights are quantized by %s: they are unpacked to %s, which takes the memory and the time of unquantized weights."
                        .formatted(format.name(), type));
        remarks.addAll(format.remarks());
        String fingerprint = format.name() + ' ' + RULE + '\n' + ownFile;
        return new Quantization(format, type, List.copyOf(remarks), fingerprint);
    }

    /** Refuses a GGUF file, and a folder that has such a file in place of config.json. */
    public static void refuseGguf(Path model) throws IOException {
        RefusedMethods.refuseGguf(model);
    }

    /** Sentences to be logged once at load. */
    public List<String> remarks() {
        return remarks;
    }

    /** What fingerprints have of it; empty for unquantized weights. */
    public String fingerprint() {
        return fingerprint;
    }

    /**
     * All weights as tensors of numbers.
     *
     * @param stored the tensors of the files, by name
     * @throws InvalidModelException tensors that do not fit each other, or of another format
     */
    public Map<String, Tensor> unpack(Path folder, Map<String, Tensor> stored) throws IOException {
        Map<String, Tensor> tensors = new TreeMap<>(stored);
        if (format != null) {
            for (Map.Entry<String, Tensor> entry : stored.entrySet()) {
                int dot = entry.getKey().lastIndexOf('.');
                String suffix = entry.getKey().substring(dot + 1);
                if (dot >= 0 && format.isCodes(suffix, entry.getValue())) {
                    unpack(tensors, entry.getKey().substring(0, dot));
                }
            }
            tensors.keySet()
                    .removeIf(
                            name ->
                                    format.isWithoutEffect(
                                            name.substring(name.lastIndexOf('.') + 1)));
        }
        QuantizedNames.refuse(folder, tensors.keySet());
        return tensors;
    }

    private void unpack(Map<String, Tensor> tensors, String layer) throws IOException {
        QuantizedMatrix matrix = format.matrix(new LayerTensors(tensors, layer));
        String name = layer + ".weight";
        Tensor unpacked = ComputedRows.tensor(name, type, matrix.rows(), matrix.columns(), matrix);
        if (tensors.put(name, unpacked) != null) {
            throw new InvalidModelException(
                    "The layer %s is there twice: quantized, and as the tensor %s."
                            .formatted(layer, name));
        }
    }
}

package io.millrace.gpu.model.folder;

import com.fasterxml.jackson.databind.JsonNode;
import io.millrace.gpu.tensor.InvalidModelException;
import io.millrace.gpu.tensor.SafeTensors;
import io.millrace.gpu.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * The files that hold a folder's weights: a single one, or the shards that an index names.
 *
 * <p>If both exist, the index is mostly a leftover of an earlier save whose shards are gone: the
 * single file is used, as in transformers. If the shards are complete too, both must hold the same
 * numbers; otherwise the folder is ambiguous and refused.
 *
 * @param tensors by name, their data not yet read
 * @param remarks sentences to be logged once at load
 */
public record WeightFiles(Map<String, Tensor> tensors, List<String> remarks) {
    private static final String SINGLE = "model.safetensors";
    private static final String INDEX = "model.safetensors.index.json";

    /**
     * Reads the headers; if there are two sets of weights, also their numbers, up to the first
     * difference.
     *
     * @throws InvalidModelException files that are missing, broken or ambiguous
     */
    public static WeightFiles open(Path folder) throws IOException {
        Path single = folder.resolve(SINGLE);
        Path index = folder.resolve(INDEX);
        if (!Files.exists(single)) {
            if (!Files.exists(index)) {
                throw new InvalidModelException(
                        "The model folder %s has neither %s nor %s."
                                .formatted(folder, SINGLE, INDEX));
            }
            return new WeightFiles(shards(folder, index), List.of());
        }
        Map<String, Tensor> tensors = SafeTensors.open(single);
        if (!Files.exists(index)) {
            return new WeightFiles(tensors, List.of());
        }
        Map<String, Tensor> others;
        try {
            others = shards(folder, index);
        } catch (InvalidModelException stale) {
            return new WeightFiles(
                    tensors,
                    List.of(
                            "%s is used, since %s does not fit the files: %s"
                                    .formatted(SINGLE, INDEX, stale.getMessage())));
        }
        if (!areEqual(tensors, others)) {
            throw new InvalidModelException(
                    "%s has two sets of weights, which differ: %s, and the shards that %s names. Delete the one that is not meant."
                            .formatted(folder, SINGLE, INDEX));
        }
        return new WeightFiles(tensors, List.of());
    }

    private static boolean areEqual(Map<String, Tensor> some, Map<String, Tensor> others)
            throws IOException {
        if (!some.keySet().equals(others.keySet())) {
            return false;
        }
        for (Map.Entry<String, Tensor> entry : some.entrySet()) {
            if (!entry.getValue().equalNumbers(others.get(entry.getKey()))) {
                return false;
            }
        }
        return true;
    }

    private static Map<String, Tensor> shards(Path folder, Path index) throws IOException {
        JsonNode map = ConfigFile.read(index).get("weight_map");
        if (map == null || !map.isObject()) {
            throw new InvalidModelException(index + " has no weight_map.");
        }
        Set<String> files = new TreeSet<>();
        map.forEach(file -> files.add(file.asText()));
        Map<String, Map<String, Tensor>> shards = new TreeMap<>();
        for (String file : files) {
            // A name with a path could read outside of the folder.
            if (!Path.of(file).equals(Path.of(file).getFileName())) {
                throw new InvalidModelException(
                        "%s names the shard %s, which is not a plain file name."
                                .formatted(index, file));
            }
            shards.put(file, SafeTensors.open(folder.resolve(file)));
        }
        Map<String, Tensor> tensors = new TreeMap<>();
        for (Map.Entry<String, JsonNode> entry : map.properties()) {
            Tensor tensor = shards.get(entry.getValue().asText()).get(entry.getKey());
            if (tensor == null) {
                throw new InvalidModelException(
                        "%s places tensor %s in %s, which does not have it."
                                .formatted(index, entry.getKey(), entry.getValue().asText()));
            }
            tensors.put(entry.getKey(), tensor);
        }
        return tensors;
    }
}

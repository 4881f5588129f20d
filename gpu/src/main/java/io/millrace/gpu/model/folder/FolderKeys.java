package io.millrace.gpu.model.folder;

import com.fasterxml.jackson.databind.JsonNode;
import io.millrace.gpu.model.folder.FolderKey.Rule;
import io.millrace.gpu.tensor.InvalidModelException;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The rules for all keys of a model folder's files: honoured, refused by name, or without effect. A
 * key that transformers knows and no rule names is refused; one that transformers does not know
 * either has no effect there, so it is only reported. docs/model-folders.md is generated from the
 * rules.
 */
public final class FolderKeys {
    private static final Map<FolderFile, List<FolderKey>> TABLE = new EnumMap<>(FolderFile.class);

    static {
        TABLE.put(FolderFile.CONFIG, ConfigKeys.all());
        TABLE.put(FolderFile.ROPE, RopeKeys.all());
        TABLE.put(FolderFile.QUANTIZATION, QuantizationKeys.all());
        TABLE.put(FolderFile.GENERATION, GenerationKeys.all());
        TABLE.put(FolderFile.TOKENIZER_CONFIG, TokenizerKeys.all());
    }

    private FolderKeys() {}

    /** All rules of a file, in the order of the documentation. */
    public static List<FolderKey> of(FolderFile file) {
        return TABLE.get(file);
    }

    /** As {@link #check}, for config.json and the objects in it. */
    public static List<String> checkConfig(ConfigFile config, String architecture)
            throws InvalidModelException {
        List<String> remarks = new ArrayList<>();
        remarks.addAll(check(FolderFile.CONFIG, config, architecture));
        remarks.addAll(check(FolderFile.ROPE, RopeKeys.winner(config), architecture));
        remarks.addAll(RopeKeys.remarks(config));
        return remarks;
    }

    /**
     * Refuses keys that would change an answer and are not supported.
     *
     * @param architecture the one that config.json names; of quantization_config, the method
     * @return sentences to be logged once at load
     * @throws InvalidModelException a key that is refused, with its value and the remedy
     */
    public static List<String> check(FolderFile file, ConfigFile config, String architecture)
            throws InvalidModelException {
        Set<String> known = file.knownKeys();
        List<String> unknown = new ArrayList<>();
        for (Map.Entry<String, JsonNode> entry : config.properties()) {
            String key = entry.getKey();
            JsonNode value = entry.getValue();
            FolderKey row = find(file, key, architecture);
            if (row == null && !known.contains(key)) {
                unknown.add(key);
            } else if (!value.isNull()) {
                refuse(row, key, value, config, architecture);
            }
        }
        return unknown.isEmpty()
                ? List.of()
                : List.of(
                        "%s has keys that neither transformers nor Millrace knows; they have no effect: %s."
                                .formatted(config, String.join(", ", unknown)));
    }

    private static FolderKey find(FolderFile file, String key, String architecture) {
        for (FolderKey row : of(file)) {
            if (row.names(key) && row.isOf(architecture)) {
                return row;
            }
        }
        return null;
    }

    private static void refuse(
            FolderKey row, String key, JsonNode value, ConfigFile config, String architecture)
            throws InvalidModelException {
        if (row == null) {
            throw new InvalidModelException(
                    "%s has %s = %s, a key of transformers that a %s does not have here: take it out if it changes nothing."
                            .formatted(config, key, value, architecture));
        }
        if (row.rule() == Rule.REFUSED && !row.allows().test(value, config)) {
            throw config.unsupported(
                    key,
                    value.isTextual() ? value.textValue() : value,
                    row.harmless().isEmpty() ? "models without it" : row.harmless());
        }
    }
}

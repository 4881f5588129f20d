package io.millrace.gpu.model.folder;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Set;
import java.util.stream.Collectors;

/** A JSON file of a model folder, or an object in one. */
public enum FolderFile {
    CONFIG("config.json", "config-keys.txt"),
    ROPE("config.json: rope_scaling, rope_parameters", "rope-keys.txt"),
    QUANTIZATION("config.json: quantization_config", "quantization-keys.txt"),
    GENERATION("generation_config.json", "generation-keys.txt"),
    TOKENIZER_CONFIG("tokenizer_config.json", "tokenizer-keys.txt");

    private final String title;
    private final String resource;

    FolderFile(String title, String resource) {
        this.title = title;
        this.resource = resource;
    }

    /** Display name, in messages and docs/model-folders.md. */
    public String title() {
        return title;
    }

    /** All keys that transformers 5.17.0 knows in this file, of any model. */
    Set<String> knownKeys() {
        try (InputStream in = FolderFile.class.getResourceAsStream(resource)) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8)
                    .lines()
                    .filter(line -> !line.startsWith("#"))
                    .collect(Collectors.toUnmodifiableSet());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}

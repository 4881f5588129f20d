package io.millrace.gpu.text.jinja;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.millrace.gpu.text.jinja.value.TemplateException;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Finds a model's chat template and special tokens among its files. */
final class TemplateFolder {
    private static final String TEMPLATE = "chat_template.jinja";
    private static final String CONFIG = "tokenizer_config.json";
    private static final String TOKENS = "special_tokens_map.json";
    private static final List<String> TOKEN_NAMES =
            List.of(
                    "bos_token",
                    "eos_token",
                    "unk_token",
                    "sep_token",
                    "pad_token",
                    "cls_token",
                    "mask_token");

    private TemplateFolder() {}

    static Optional<ChatTemplate> read(Path folder) throws IOException {
        Optional<JsonNode> config = json(folder.resolve(CONFIG));
        Path file = folder.resolve(TEMPLATE);
        Optional<String> source = text(file);
        if (source.isEmpty() && config.isPresent()) {
            file = folder.resolve(CONFIG);
            source = source(config.get().path("chat_template"), file);
        }
        if (source.isEmpty()) {
            return Optional.empty();
        }
        Map<String, String> tokens = new LinkedHashMap<>();
        json(folder.resolve(TOKENS)).ifPresent(map -> addTokens(map, tokens));
        config.ifPresent(map -> addTokens(map, tokens));
        try {
            return Optional.of(ChatTemplate.parse(source.get()).withSpecialTokens(tokens));
        } catch (TemplateException e) {
            throw new IOException(file + ": " + e.getMessage(), e);
        }
    }

    private static Optional<String> source(JsonNode template, Path file) throws IOException {
        if (template.isMissingNode() || template.isNull()) {
            return Optional.empty();
        } else if (template.isTextual()) {
            return Optional.of(template.textValue());
        } else if (template.isArray()) {
            for (JsonNode named : template) {
                if (named.path("name").asText().equals("default")
                        && named.path("template").isTextual()) {
                    return Optional.of(named.path("template").textValue());
                }
            }
            throw new IOException(file + ": none of its chat templates is named 'default'");
        }
        throw new IOException(
                file + ": chat_template must be a string or a list, not " + template.getNodeType());
    }

    /** A token is a string, or an object whose content is one. */
    private static void addTokens(JsonNode map, Map<String, String> tokens) {
        for (String name : TOKEN_NAMES) {
            JsonNode token = map.path(name);
            JsonNode text = token.isObject() ? token.path("content") : token;
            if (text.isTextual()) {
                tokens.put(name, text.textValue());
            }
        }
    }

    private static Optional<JsonNode> json(Path file) throws IOException {
        Optional<String> text = text(file);
        try {
            return text.isPresent()
                    ? Optional.of(new ObjectMapper().readTree(text.get()))
                    : Optional.empty();
        } catch (JsonProcessingException e) {
            throw new IOException(file + " is not valid JSON: " + e.getOriginalMessage(), e);
        }
    }

    private static Optional<String> text(Path file) throws IOException {
        if (!Files.exists(file)) {
            return Optional.empty();
        }
        try {
            return Optional.of(Files.readString(file));
        } catch (CharacterCodingException e) {
            throw new IOException(file + " is not UTF-8 text", e);
        } catch (IOException e) {
            throw new IOException(file + " cannot be read: " + e.getMessage(), e);
        }
    }
}

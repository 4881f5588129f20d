package io.millrace.gpu.text.jinja;

import com.fasterxml.jackson.databind.JsonNode;
import io.millrace.gpu.text.JsonFile;
import io.millrace.gpu.text.TokenizerConfig;
import io.millrace.gpu.text.jinja.value.TemplateException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/** Finds a model's chat template among its files. */
final class TemplateFolder {
    private static final String TEMPLATE = "chat_template.jinja";
    private static final String CONFIG = "tokenizer_config.json";

    private TemplateFolder() {}

    static Optional<ChatTemplate> read(Path folder) throws IOException {
        Optional<JsonNode> config = JsonFile.read(folder.resolve(CONFIG));
        Path file = folder.resolve(TEMPLATE);
        Optional<String> source = JsonFile.text(file);
        if (source.isEmpty() && config.isPresent()) {
            file = folder.resolve(CONFIG);
            source = source(config.get().path("chat_template"), file);
        }
        if (source.isEmpty()) {
            return Optional.empty();
        }
        Map<String, String> tokens = TokenizerConfig.read(folder).specialTokens();
        try {
            ChatTemplate template = ChatTemplate.parse(source.get());
            Optional<String> forTools =
                    file.endsWith(CONFIG)
                            ? named(config.get().path("chat_template"), "tool_use")
                            : Optional.empty();
            if (forTools.isPresent()) {
                template = template.withTools(ChatTemplate.parse(forTools.get()));
            }
            return Optional.of(template.withSpecialTokens(tokens));
        } catch (TemplateException e) {
            throw new IOException(file + ": " + e.getMessage(), e);
        }
    }

    /** The one of that name in a list of templates. */
    private static Optional<String> named(JsonNode templates, String name) {
        for (JsonNode each : templates) {
            if (each.path("name").asText().equals(name) && each.path("template").isTextual()) {
                return Optional.of(each.path("template").textValue());
            }
        }
        return Optional.empty();
    }

    private static Optional<String> source(JsonNode template, Path file) throws IOException {
        if (template.isMissingNode() || template.isNull()) {
            return Optional.empty();
        } else if (template.isTextual()) {
            return Optional.of(template.textValue());
        } else if (template.isArray()) {
            Optional<String> named = named(template, "default");
            if (named.isEmpty()) {
                throw new IOException(file + ": none of its chat templates is named 'default'");
            }
            return named;
        }
        throw new IOException(
                file + ": chat_template must be a string or a list, not " + template.getNodeType());
    }
}

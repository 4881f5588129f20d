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
}

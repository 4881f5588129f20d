package io.millrace.gpu.text.jinja;

import io.millrace.gpu.api.ChatPrompt;
import io.millrace.gpu.common.Sha256;
import io.millrace.gpu.text.jinja.render.Renderer;
import io.millrace.gpu.text.jinja.syntax.Parser;
import io.millrace.gpu.text.jinja.syntax.Statement;
import io.millrace.gpu.text.jinja.value.TemplateException;
import io.millrace.gpu.text.jinja.value.TemplateLimits;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * A model's own way of writing a conversation as text. Immutable and safe for any thread; equal
 * conversations and clocks give equal text.
 *
 * <p>The text holds the model's special tokens as strings, so it is to be tokenized without adding
 * any more of them.
 */
public final class ChatTemplate {
    private static final int LONGEST_SOURCE = 1 << 20;

    private final String source;
    private final List<Statement> statements;
    private final Map<String, String> specialTokens;

    private ChatTemplate(
            String source, List<Statement> statements, Map<String, String> specialTokens) {
        this.source = source;
        this.statements = statements;
        this.specialTokens = specialTokens;
    }

    /**
     * Reads a template.
     *
     * @throws TemplateException a construct that is malformed or not supported, with its line
     */
    public static ChatTemplate parse(String source) {
        if (source.length() > LONGEST_SOURCE) {
            throw TemplateException.at(
                    1, "the template is longer than " + LONGEST_SOURCE + " characters");
        }
        return new ChatTemplate(source, Parser.parse(source), Map.of());
    }

    /**
     * The template of a model in Hugging Face's layout: chat_template.jinja, else chat_template in
     * tokenizer_config.json (of several, the one named default); nothing if the model has none.
     *
     * @throws IOException a file that cannot be read or understood; the message is one sentence
     */
    public static Optional<ChatTemplate> fromFolder(Path modelFolder) throws IOException {
        return TemplateFolder.read(modelFolder);
    }

    /** The same with values for bos_token, eos_token and so on. */
    public ChatTemplate withSpecialTokens(Map<String, String> tokens) {
        return new ChatTemplate(source, statements, Map.copyOf(tokens));
    }

    /** Hash of the template and the special tokens: with equal ones, equal text. */
    public String fingerprint() {
        // Encoded apart: half of a surrogate pair at the seam stays one.
        MessageDigest sha = Sha256.begin();
        sha.update(source.getBytes(StandardCharsets.UTF_8));
        sha.update(new TreeMap<>(specialTokens).toString().getBytes(StandardCharsets.UTF_8));
        return Sha256.fingerprint(sha);
    }

    /**
     * Writes a conversation.
     *
     * @throws TemplateException a conversation that this template cannot write
     */
    public String render(ChatPrompt prompt) {
        Map<String, Object> context = new LinkedHashMap<>();
        context.put(
                "messages",
                prompt.messages().stream()
                        .map(
                                turn -> {
                                    Map<String, Object> message = new LinkedHashMap<>();
                                    message.put("role", turn.role());
                                    message.put("content", turn.content());
                                    return message;
                                })
                        .toList());
        context.put("tools", prompt.tools().isEmpty() ? null : prompt.tools());
        context.put("documents", null);
        context.put("add_generation_prompt", prompt.addGenerationPrompt());
        return render(context, prompt.clock());
    }

    /**
     * Writes any values: texts, numbers, booleans, lists and maps, null for None.
     *
     * @throws TemplateException values that this template cannot write
     */
    public String render(Map<String, ?> context, Instant clock) {
        Map<String, Object> values = new LinkedHashMap<>(specialTokens);
        values.putAll(context);
        return new Renderer(TemplateLimits.DEFAULT, clock).render(statements, values);
    }
}

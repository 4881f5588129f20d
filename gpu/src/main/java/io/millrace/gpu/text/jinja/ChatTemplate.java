package io.millrace.gpu.text.jinja;

import io.millrace.gpu.api.ChatPrompt;
import io.millrace.gpu.api.EngineOptions.Reasoning;
import io.millrace.gpu.api.EngineOptions.ToolFormat;
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
 * A model's chat template, which renders a conversation as text. Immutable and safe for any thread;
 * equal conversations and clocks give equal text.
 *
 * <p>The text contains the model's special tokens, so it must be tokenized without adding them.
 */
public final class ChatTemplate {
    private static final int LONGEST_SOURCE = 1 << 20;

    private final String source;
    private final List<Statement> statements;
    private final Map<String, String> specialTokens;

    /** For conversations with tools; null where this one is. */
    private final ChatTemplate forTools;

    private ChatTemplate(
            String source,
            List<Statement> statements,
            Map<String, String> specialTokens,
            ChatTemplate forTools) {
        this.source = source;
        this.statements = statements;
        this.specialTokens = specialTokens;
        this.forTools = forTools;
    }

    /**
     * Reads a template.
     *
     * @throws TemplateException a malformed or unsupported construct, with its line
     */
    public static ChatTemplate parse(String source) {
        if (source.length() > LONGEST_SOURCE) {
            throw TemplateException.at(
                    1, "the template is longer than " + LONGEST_SOURCE + " characters");
        }
        return new ChatTemplate(source, Parser.parse(source), Map.of(), null);
    }

    /**
     * The template of a model folder: chat_template.jinja, else chat_template in
     * tokenizer_config.json (of several, the one named default, and for conversations with tools
     * the one named tool_use); empty if the model has none.
     *
     * @throws IOException a file cannot be read or parsed; the message is one sentence
     */
    public static Optional<ChatTemplate> fromFolder(Path modelFolder) throws IOException {
        return TemplateFolder.read(modelFolder);
    }

    /** The same with values for bos_token, eos_token and so on. */
    public ChatTemplate withSpecialTokens(Map<String, String> tokens) {
        return new ChatTemplate(
                source,
                statements,
                Map.copyOf(tokens),
                forTools == null ? null : forTools.withSpecialTokens(tokens));
    }

    /** The same with another template for conversations with tools. */
    ChatTemplate withTools(ChatTemplate other) {
        return new ChatTemplate(source, statements, specialTokens, other);
    }

    /** Whether it reads the tools of a conversation: else a model would not know them. */
    public boolean readsTools() {
        return forTools != null || AnswerMarks.readsTools(source);
    }

    /** How answers call tools, as far as the template shows it; else NONE. */
    public ToolFormat toolFormat() {
        return AnswerMarks.toolFormat(forTools == null ? source : forTools.source);
    }

    /** Whether answers begin with reasoning, as far as the template shows it. */
    public Reasoning reasoning() {
        return AnswerMarks.reasoning(source);
    }

    /** Hash of the template and the special tokens: equal hashes give equal text. */
    public String fingerprint() {
        // Encoded separately, so that surrogates at the boundary do not join.
        MessageDigest sha = Sha256.begin();
        sha.update(source.getBytes(StandardCharsets.UTF_8));
        sha.update(new TreeMap<>(specialTokens).toString().getBytes(StandardCharsets.UTF_8));
        if (forTools != null) {
            sha.update(forTools.source.getBytes(StandardCharsets.UTF_8));
        }
        return Sha256.fingerprint(sha);
    }

    /**
     * Renders a conversation.
     *
     * @throws TemplateException the template cannot render the conversation
     */
    public String render(ChatPrompt prompt) {
        if (forTools != null && !prompt.tools().isEmpty()) {
            return forTools.render(prompt);
        }
        Map<String, Object> context = new LinkedHashMap<>(prompt.arguments());
        context.put(
                "messages",
                prompt.messages().stream()
                        .map(
                                turn -> {
                                    Map<String, Object> message = new LinkedHashMap<>();
                                    message.put("role", turn.role());
                                    message.put("content", turn.content());
                                    message.putAll(turn.more());
                                    return message;
                                })
                        .toList());
        context.put("tools", prompt.tools().isEmpty() ? null : prompt.tools());
        context.put("documents", null);
        context.put("add_generation_prompt", prompt.addGenerationPrompt());
        return render(context, prompt.clock());
    }

    /**
     * Renders any values: strings, numbers, booleans, lists, maps, and null for None.
     *
     * @throws TemplateException the template cannot render the values
     */
    public String render(Map<String, ?> context, Instant clock) {
        Map<String, Object> values = new LinkedHashMap<>(specialTokens);
        values.putAll(context);
        return new Renderer(TemplateLimits.DEFAULT, clock).render(statements, values);
    }
}

package io.millrace.gpu.engine;

import io.millrace.gpu.api.ChatPrompt;
import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.EngineOptions.AddBos;
import io.millrace.gpu.api.EngineOptions.Reasoning;
import io.millrace.gpu.api.EngineOptions.ToolFormat;
import io.millrace.gpu.api.RequestRejectedException;
import io.millrace.gpu.api.RequestRejectedException.Reason;
import io.millrace.gpu.api.Tokenizer;
import io.millrace.gpu.sampling.constraint.GrammarCache;
import io.millrace.gpu.sampling.grammar.mask.Vocabulary;
import io.millrace.gpu.text.HuggingFaceTokenizer;
import io.millrace.gpu.text.TokenBytes;
import io.millrace.gpu.text.TokenizerConfig;
import io.millrace.gpu.text.TokenizerJson;
import io.millrace.gpu.text.jinja.ChatTemplate;
import io.millrace.gpu.text.jinja.value.TemplateException;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Turns a request's input into a model's tokens: text by the tokenizer, conversations by the chat
 * template and the tokenizer. Safe for any thread.
 */
final class ModelText {
    /** Version of the template engine; raised by a change that changes tokens. */
    private static final String TEMPLATES = "templates-1 ";

    private static final String NO_TEMPLATE =
            "This model has no chat template: send the conversation as one prompt.";

    private static final String TOKENIZER = "tokenizer.json";
    private static final Logger LOG = LoggerFactory.getLogger(ModelText.class);

    private final Tokenizer tokenizer;

    /**
     * Fingerprint of the settings other than tokenizer.json that tokens depend on; empty without
     * any.
     */
    private final String tokens;

    private final OptionalInt endOfText;

    /** Finds its tokens by their bytes. */
    private final GrammarCache.Tokens bytes;

    private final Optional<ChatTemplate> template;

    /** The reason why there is no template. */
    private final String without;

    private ModelText(
            Tokenizer tokenizer,
            String tokens,
            OptionalInt endOfText,
            GrammarCache.Tokens bytes,
            Optional<ChatTemplate> template,
            String without) {
        this.tokenizer = tokenizer;
        this.tokens = tokens;
        this.endOfText = endOfText;
        this.bytes = bytes;
        this.template = template;
        this.without = without;
    }

    /** Makes one without a chat template, whose tokens' bytes are not known. */
    static ModelText of(Tokenizer tokenizer) {
        return of(
                tokenizer,
                () -> {
                    throw bytesUnknown("there is no " + TOKENIZER);
                });
    }

    /**
     * Makes one without a chat template.
     *
     * @param bytes finds its tokens by their bytes
     */
    static ModelText of(Tokenizer tokenizer, GrammarCache.Tokens bytes) {
        return new ModelText(
                tokenizer, "", OptionalInt.empty(), bytes, Optional.empty(), NO_TEMPLATE);
    }

    /**
     * Reads tokenizer and template of a model. A template that cannot be used is an error only for
     * conversations.
     *
     * @param vocabulary number of token ids that the model knows
     * @param addBos as in the engine's options
     * @throws IOException a tokenizer that cannot be read
     */
    static ModelText open(Path folder, int vocabulary, AddBos addBos) throws IOException {
        TokenizerConfig config = TokenizerConfig.read(folder);
        return open(folder, vocabulary, config, json(folder, vocabulary, config, addBos));
    }

    private static TokenizerJson json(
            Path folder, int vocabulary, TokenizerConfig config, AddBos addBos) throws IOException {
        TokenizerJson json = TokenizerJson.read(folder.resolve(TOKENIZER), config, vocabulary);
        json.settle(config, addBos);
        json.notices().forEach(LOG::warn);
        return json;
    }

    private static ModelText open(
            Path folder, int vocabulary, TokenizerConfig config, TokenizerJson json)
            throws IOException {
        Tokenizer tokenizer = HuggingFaceTokenizer.open(json);
        String endToken = config.specialTokens().get("eos_token");
        OptionalInt end = endToken == null ? OptionalInt.empty() : json.id(endToken);
        if (end.isPresent() && end.getAsInt() >= vocabulary) {
            end = OptionalInt.empty();
        }
        Optional<ChatTemplate> template = Optional.empty();
        String without = NO_TEMPLATE;
        try {
            template = ChatTemplate.fromFolder(folder);
        } catch (IOException e) {
            without =
                    "This model's chat template cannot be used ("
                            + e.getMessage()
                            + "): send the conversation as one prompt.";
        }
        return new ModelText(
                tokenizer,
                json.fingerprint(),
                end,
                () -> vocabulary(folder, vocabulary),
                template,
                without);
    }

    /**
     * As {@link #open}, on a thread of its own, since it takes about as long as a GiB of weights.
     * Its exceptions are thrown here.
     */
    static FutureTask<ModelText> openBeside(Path folder, int vocabulary, AddBos addBos)
            throws IOException {
        TokenizerConfig config = TokenizerConfig.read(folder);
        TokenizerJson json = json(folder, vocabulary, config, addBos);
        FutureTask<ModelText> task = new FutureTask<>(() -> open(folder, vocabulary, config, json));
        Thread thread = new Thread(task, "millrace-tokenizer");
        thread.setDaemon(true);
        thread.start();
        return task;
    }

    /** The result of the other thread. */
    static ModelText await(FutureTask<ModelText> task) throws IOException {
        try {
            return task.get();
        } catch (ExecutionException e) {
            if (e.getCause() instanceof IOException io) {
                throw io;
            }
            if (e.getCause() instanceof Error error) {
                throw error;
            }
            throw new IllegalStateException(e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("The tokenizer was not waited for.");
        }
    }

    Tokenizer tokenizer() {
        return tokenizer;
    }

    /** Finds the tokens by their bytes, which takes a while. */
    GrammarCache.Tokens bytes() {
        return bytes;
    }

    /**
     * The tokens by their bytes, special ones as the tokenizer has them. The files are read again:
     * few models have constraints, and their trees are large.
     *
     * @param size number of token ids that the model knows: others are never sampled
     */
    static Vocabulary vocabulary(Path folder, int size) throws RequestRejectedException {
        try {
            TokenizerConfig config = TokenizerConfig.read(folder);
            TokenizerJson json = TokenizerJson.read(folder.resolve(TOKENIZER), config, size);
            byte[][] bytes = TokenBytes.of(json);
            return new Vocabulary(Arrays.copyOf(bytes, Math.min(size, bytes.length)));
        } catch (IOException e) {
            throw bytesUnknown(e.getMessage());
        }
    }

    private static RequestRejectedException bytesUnknown(String reason) {
        return new RequestRejectedException(
                Reason.UNSUPPORTED,
                "Completions of this model cannot be constrained, since the bytes of its tokens are"
                        + " not known (%s): leave constraint out and check the answer."
                                .formatted(reason));
    }

    /** The tokenizer's end-of-text token, if it is in the model's vocabulary. */
    OptionalInt endOfText() {
        return endOfText;
    }

    /** Fingerprint of what tokens depend on in addition to tokenizer.json. */
    String fingerprint() {
        String templates = TEMPLATES + template.map(ChatTemplate::fingerprint).orElse("none");
        return tokens.isEmpty() ? templates : templates + " tokens " + tokens;
    }

    /** How answers call tools, by the options or the template. */
    ToolFormat toolFormat(ToolFormat given) {
        return given == ToolFormat.AUTO
                ? template.map(ChatTemplate::toolFormat).orElse(ToolFormat.NONE)
                : given;
    }

    /** Whether answers begin with reasoning, by the options or the template. */
    Reasoning reasoning(Reasoning given) {
        return given == Reasoning.AUTO
                ? template.map(ChatTemplate::reasoning).orElse(Reasoning.NONE)
                : given;
    }

    /** Fingerprint of how answers are read, where that is not by the template alone. */
    String fingerprint(EngineOptions options) {
        return fingerprint()
                + (options.toolFormat() == ToolFormat.AUTO ? "" : " tools " + options.toolFormat())
                + (reasoning(options.reasoning()) == Reasoning.NONE ? "" : " reasoning think");
    }

    /** As {@link Engine#renderChat}. */
    String renderChat(ChatPrompt prompt) throws RequestRejectedException {
        if (template.isEmpty()) {
            throw new RequestRejectedException(Reason.UNSUPPORTED, without);
        }
        if (!prompt.tools().isEmpty() && !template.get().readsTools()) {
            throw new RequestRejectedException(
                    Reason.UNSUPPORTED,
                    "This model's chat template does not read tools, so the model would not know"
                            + " them: leave tools out, or take another model.");
        }
        try {
            return template.get().render(prompt);
        } catch (TemplateException e) {
            throw new RequestRejectedException(
                    Reason.INVALID_PARAMETER,
                    "The model's chat template refuses these messages: " + e.getMessage());
        }
    }
}

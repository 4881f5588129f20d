package io.millrace.gpu.engine;

import io.millrace.gpu.api.ChatPrompt;
import io.millrace.gpu.api.RequestRejectedException;
import io.millrace.gpu.api.RequestRejectedException.Reason;
import io.millrace.gpu.api.Tokenizer;
import io.millrace.gpu.text.HuggingFaceTokenizer;
import io.millrace.gpu.text.jinja.ChatTemplate;
import io.millrace.gpu.text.jinja.value.TemplateException;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;

/**
 * Turns what a request says into a model's tokens: text by its tokenizer, conversations by its chat
 * template as well. Safe for any thread.
 */
final class ModelText {
    /** Names what templates may mean; a change that changes tokens changes the number. */
    private static final String TEMPLATES = "templates-1 ";

    private final Tokenizer tokenizer;
    private final Optional<ChatTemplate> template;

    /** Why there is no template. */
    private final String without;

    private ModelText(Tokenizer tokenizer, Optional<ChatTemplate> template, String without) {
        this.tokenizer = tokenizer;
        this.template = template;
        this.without = without;
    }

    /** Without a chat template. */
    static ModelText of(Tokenizer tokenizer) {
        return new ModelText(
                tokenizer,
                Optional.empty(),
                "This model has no chat template: send the conversation as one prompt.");
    }

    static ModelText of(Tokenizer tokenizer, ChatTemplate template) {
        return new ModelText(tokenizer, Optional.of(template), "");
    }

    /**
     * Reads a model's own. A template that cannot be used stops conversations only.
     *
     * @throws IOException a tokenizer that cannot be read
     */
    static ModelText open(Path folder, Path tokenizerFile) throws IOException {
        Tokenizer tokenizer = HuggingFaceTokenizer.open(tokenizerFile);
        try {
            return ChatTemplate.fromFolder(folder)
                    .map(template -> of(tokenizer, template))
                    .orElseGet(() -> of(tokenizer));
        } catch (IOException e) {
            return new ModelText(
                    tokenizer,
                    Optional.empty(),
                    "This model's chat template cannot be used ("
                            + e.getMessage()
                            + "): send the conversation as one prompt.");
        }
    }

    /** As {@link #open}, by a thread of its own: it takes about as long as a GiB of weights. */
    static FutureTask<ModelText> openBeside(Path folder, Path tokenizerFile) {
        FutureTask<ModelText> task = new FutureTask<>(() -> open(folder, tokenizerFile));
        Thread thread = new Thread(task, "millrace-tokenizer");
        thread.setDaemon(true);
        thread.start();
        return task;
    }

    /** What the other thread read. */
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

    /** What the tokens of a conversation depend on besides the tokenizer. */
    String fingerprint() {
        return TEMPLATES + template.map(ChatTemplate::fingerprint).orElse("none");
    }

    /** As {@link Engine#encodeChat}. */
    int[] encodeChat(ChatPrompt prompt) throws RequestRejectedException {
        if (template.isEmpty()) {
            throw new RequestRejectedException(Reason.UNSUPPORTED, without);
        }
        try {
            return tokenizer.encodeRendered(template.get().render(prompt));
        } catch (TemplateException e) {
            throw new RequestRejectedException(
                    Reason.INVALID_PARAMETER,
                    "The model's chat template refuses these messages: " + e.getMessage());
        }
    }
}

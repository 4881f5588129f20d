package io.millrace.gpu.engine;

import io.millrace.gpu.api.ChatPrompt;
import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.EngineOptions.ToolFormat;
import io.millrace.gpu.api.RequestRejectedException;
import io.millrace.gpu.api.SamplingParameters;
import io.millrace.gpu.api.Tokenizer;
import io.millrace.gpu.model.ModelFolder;
import java.io.IOException;

/**
 * What a model's folder says of requests before its weights are loaded: their tokens, the context
 * and the default parameters. Safe for any thread.
 */
public final class ModelPreview {
    private final ModelText text;
    private final int maxModelLen;
    private final SamplingParameters defaultSampling;

    private final ToolFormat toolFormat;

    private ModelPreview(
            ModelText text,
            ToolFormat toolFormat,
            int maxModelLen,
            SamplingParameters defaultSampling) {
        this.text = text;
        this.toolFormat = toolFormat;
        this.maxModelLen = maxModelLen;
        this.defaultSampling = defaultSampling;
    }

    /**
     * Reads a model's folder.
     *
     * @throws IOException as of {@link Engine#open(EngineOptions)}
     */
    public static ModelPreview open(EngineOptions options) throws IOException {
        EngineAssembly.check(options);
        ModelFolder folder = ModelFolder.open(options);
        ModelText text = ModelText.open(folder.path(), folder.vocabularySize(), options.addBos());
        return new ModelPreview(
                text,
                text.toolFormat(options.toolFormat()),
                EngineAssembly.maxModelLen(options, folder.maxPositions()),
                folder.defaultSampling());
    }

    /** As {@link Engine#tokenizer}. */
    public Tokenizer tokenizer() {
        return text.tokenizer();
    }

    /** How answers call tools; NONE if that is not known. */
    public ToolFormat toolFormat() {
        return toolFormat;
    }

    /** As {@link Engine#renderChat}. */
    public String renderChat(ChatPrompt prompt) throws RequestRejectedException {
        return text.renderChat(prompt);
    }

    /** Most tokens of prompt and completion together. */
    public int maxModelLen() {
        return maxModelLen;
    }

    /** Parameters of a request that names none. */
    public SamplingParameters defaultSampling() {
        return defaultSampling;
    }
}

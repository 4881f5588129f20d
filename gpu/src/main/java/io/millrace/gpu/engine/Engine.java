package io.millrace.gpu.engine;

import io.millrace.gpu.api.ChatPrompt;
import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.EngineStats;
import io.millrace.gpu.api.GenerationRequest;
import io.millrace.gpu.api.GenerationResult;
import io.millrace.gpu.api.LoadProgress;
import io.millrace.gpu.api.ModelInfo;
import io.millrace.gpu.api.RequestRejectedException;
import io.millrace.gpu.api.SamplingParameters;
import io.millrace.gpu.api.StepListener;
import io.millrace.gpu.api.Tokenizer;
import java.io.IOException;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;

/**
 * Completes prompts with one loaded model. One thread at a time adds, steps, cancels and closes;
 * {@link #model}, {@link #maxSequences}, {@link #tokenizer}, {@link #encodeChat}, {@link
 * #renderChat}, {@link #check}, {@link #requestsInStep} and {@link #stopStep} are safe for any
 * thread.
 *
 * <p>As a library:
 *
 * <pre>{@code
 * try (Engine engine = Engine.open(EngineOptions.of(folder))) {
 *     SamplingParameters sampling = SamplingParameters.builder().maxTokens(40).build();
 *     List<GenerationRequest> requests = new ArrayList<>();
 *     for (String prompt : prompts) {
 *         int[] tokens = engine.tokenizer().encode(prompt);
 *         requests.add(GenerationRequest.of(prompt, tokens, sampling));
 *     }
 *     for (GenerationResult result : engine.complete(requests)) {
 *         System.out.println(result.completions().get(0).text());
 *     }
 * }
 * }</pre>
 *
 * <p>After a step has failed, only {@link #close} is of use.
 *
 * <p>Where requests come and go, {@link #add} them at any time and call {@link #step} while there
 * is work. An answer is the same in either way: it depends on model and request alone.
 */
public interface Engine extends AutoCloseable {

    /**
     * Loads the model and allocates its memory; may take long.
     *
     * @throws IOException a model or an option that cannot be used; the message is one sentence for
     *     the user
     */
    static Engine open(EngineOptions options) throws IOException {
        return open(options, LoadProgress.NONE);
    }

    /** Like {@link #open(EngineOptions)}, and tells how far it is. */
    static Engine open(EngineOptions options, LoadProgress progress) throws IOException {
        return EngineAssembly.open(options, progress);
    }

    /**
     * Answers requests together, for an engine that does nothing else meanwhile.
     *
     * @return results in the order of the requests
     * @throws RequestRejectedException as {@link #check}; then none is answered
     * @throws IllegalStateException the engine failed on one of them, or has other work
     */
    default List<GenerationResult> complete(List<GenerationRequest> requests)
            throws RequestRejectedException {
        return new CompleteAll(this, null).run(requests);
    }

    /**
     * As {@link #complete(List)}, and shows the texts while they are written. An exception that the
     * listener throws ends the call with it; the engine can be used again.
     *
     * @param listener called by the thread that calls this
     */
    default List<GenerationResult> complete(List<GenerationRequest> requests, TextListener listener)
            throws RequestRejectedException {
        return new CompleteAll(this, Objects.requireNonNull(listener)).run(requests);
    }

    /** The loaded model. */
    ModelInfo model();

    /** Most sequences that run at once. */
    int maxSequences();

    /** The model's tokenizer. */
    Tokenizer tokenizer();

    /**
     * Token ids of a conversation, written by the model's chat template.
     *
     * @throws RequestRejectedException the model has no chat template (unsupported), or the
     *     template refuses the conversation
     */
    default int[] encodeChat(ChatPrompt prompt) throws RequestRejectedException {
        return tokenizer().encodeRendered(renderChat(prompt));
    }

    /**
     * A conversation as the model's chat template writes it, for {@link Tokenizer#encodeRendered}.
     *
     * @throws RequestRejectedException as {@link #encodeChat}
     */
    default String renderChat(ChatPrompt prompt) throws RequestRejectedException {
        return ModelText.of(tokenizer()).renderChat(prompt);
    }

    /**
     * Shows the text of a completion as its tokens come. What may become a stop string, the model's
     * own among them, waits until it is known not to be one. For those who {@link #add} and {@link
     * #step} themselves; one for each completion.
     *
     * @param sampling of the request
     * @param out takes the text, piece by piece
     */
    default StreamedText streamText(SamplingParameters sampling, Consumer<String> out) {
        return new StreamedText(tokenizer(), sampling.stop(), out);
    }

    /**
     * Refuses what this engine can never answer: an empty or too long prompt, a parameter out of
     * range, a token id outside the vocabulary.
     */
    void check(GenerationRequest request) throws RequestRejectedException;

    /**
     * Takes a request.
     *
     * @return a handle, unique within this engine
     * @throws RequestRejectedException as {@link #check}
     */
    long add(GenerationRequest request) throws RequestRejectedException;

    /** Forgets a request; nothing more is told of it. An unknown or finished handle is ignored. */
    void cancel(long handle);

    /**
     * Whether a step would do anything. Where steps are launched ahead, those of requests that are
     * gone are still to be completed.
     */
    boolean hasWork();

    /**
     * Runs one step: schedule, forward, sample, update. Where the device takes steps ahead, those
     * that follow are under way when this returns. Returns at once without work.
     */
    void step(StepListener listener);

    /**
     * Handles of the requests in the step that runs and in those launched behind it, or else in the
     * last ones if that failed; none if that cannot be told. Any thread.
     */
    long[] requestsInStep();

    /**
     * Asks the step that runs to end with an exception. Any thread. The engine is of no use after
     * it.
     *
     * @return false if it cannot be asked
     */
    boolean stopStep();

    /** Counters now. */
    EngineStats stats();

    /** Throws {@link IllegalStateException} if an invariant of the bookkeeping is broken. */
    void checkIntegrity();

    @Override
    void close();
}

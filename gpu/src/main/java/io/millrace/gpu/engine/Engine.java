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
import io.millrace.gpu.api.constraint.Constraint;
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
 * <p>After a step has failed, only {@link #close} may be called.
 *
 * <p>For a stream of requests, {@link #add} them at any time and call {@link #step} while there is
 * work. An answer is the same in both cases: it depends on model and request alone.
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

    /** Like {@link #open(EngineOptions)}, and reports its progress. */
    static Engine open(EngineOptions options, LoadProgress progress) throws IOException {
        return EngineAssembly.open(options, progress);
    }

    /**
     * Completes requests together, on an engine that has no other work.
     *
     * @return results in the order of the requests
     * @throws RequestRejectedException as {@link #check}; then no request is completed
     * @throws IllegalStateException the engine failed on one of them, or has other work
     */
    default List<GenerationResult> complete(List<GenerationRequest> requests)
            throws RequestRejectedException {
        return new CompleteAll(this, null).run(requests);
    }

    /**
     * As {@link #complete(List)}, and streams the texts. An exception of the listener is thrown
     * from this call; the engine stays usable.
     *
     * @param listener called on the calling thread
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
     * Token ids of a conversation, rendered by the model's chat template.
     *
     * @throws RequestRejectedException the model has no chat template (unsupported), or the
     *     template refuses the conversation
     */
    default int[] encodeChat(ChatPrompt prompt) throws RequestRejectedException {
        return tokenizer().encodeRendered(renderChat(prompt));
    }

    /**
     * A conversation, rendered by the model's chat template, for {@link Tokenizer#encodeRendered}.
     *
     * @throws RequestRejectedException as {@link #encodeChat}
     */
    default String renderChat(ChatPrompt prompt) throws RequestRejectedException {
        return ModelText.of(tokenizer()).renderChat(prompt);
    }

    /**
     * Streams the text of a completion. Text that may become a stop string, of the request or of
     * the model, is held back until it is known not to be one. For callers of {@link #add} and
     * {@link #step}; one object per completion.
     *
     * @param sampling parameters of the request
     * @param out receives the text, piece by piece
     */
    default StreamedText streamText(SamplingParameters sampling, Consumer<String> out) {
        return new StreamedText(tokenizer(), sampling.stop(), out);
    }

    /**
     * Compiles a constraint, so that neither {@link #check} nor {@link #add} of a request with what
     * this returns has to. Those with the constraint itself compile it, or find it compiled. Takes
     * milliseconds, rarely a second.
     *
     * @throws RequestRejectedException it is wrong, or not supported: with the keyword and its
     *     place
     */
    default Constraint compile(Constraint constraint) throws RequestRejectedException {
        return constraint;
    }

    /**
     * Rejects a request that this engine can never answer: an empty or too long prompt, a parameter
     * out of range, a token id outside the vocabulary.
     */
    void check(GenerationRequest request) throws RequestRejectedException;

    /**
     * Adds a request. A constraint that {@link #compile} did not return is compiled here, if it is
     * not kept from before: for up to a second, rarely, no step runs.
     *
     * @return a handle, unique within this engine
     * @throws RequestRejectedException as {@link #check}
     */
    long add(GenerationRequest request) throws RequestRejectedException;

    /** Cancels a request, which has no further events. An unknown or finished handle is ignored. */
    void cancel(long handle);

    /**
     * Whether a step has work. This includes steps in flight that are still to be completed, also
     * if their requests are gone.
     */
    boolean hasWork();

    /**
     * Runs one step: schedule, forward, sample, update. If the device runs ahead, the steps that
     * follow are in flight when this returns. Returns at once without work.
     */
    void step(StepListener listener);

    /**
     * Handles of the requests in the steps in flight, or in those that failed last; none if that is
     * unknown. Any thread.
     */
    long[] requestsInStep();

    /**
     * Requests that the step that runs end with an exception. Any thread. The engine cannot be used
     * after that.
     *
     * @return false if that is not possible
     */
    boolean stopStep();

    /** Current counters. */
    EngineStats stats();

    /** Throws {@link IllegalStateException} if an invariant of the bookkeeping is broken. */
    void checkIntegrity();

    @Override
    void close();
}

package io.millrace.gpu;

/**
 * Completes prompts with one loaded model. One thread at a time adds, steps, cancels and closes;
 * {@link #model}, {@link #tokenizer} and {@link #check} are safe for any thread.
 */
public interface Engine extends AutoCloseable {

    /** The loaded model. */
    ModelInfo model();

    /** The model's tokenizer. */
    Tokenizer tokenizer();

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

    /** Whether a step would do anything. */
    boolean hasWork();

    /** Runs one step: schedule, forward, sample, update. Returns at once without work. */
    void step(StepListener listener);

    /** Counters now. */
    EngineStats stats();

    /** Throws {@link IllegalStateException} if an invariant of the bookkeeping is broken. */
    void checkIntegrity();

    @Override
    void close();
}

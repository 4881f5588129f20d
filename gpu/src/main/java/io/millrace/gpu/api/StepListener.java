package io.millrace.gpu.api;

/** Told what a step brought, on the engine thread, tokens in order of position. */
public interface StepListener {

    /**
     * A completion grew by one confirmed token.
     *
     * @param handle what {@code Engine.add} returned
     * @param completion 0 to n-1
     * @param tokenId the new token
     */
    void onToken(long handle, int completion, int tokenId);

    /**
     * A step was completed, before anything else is told of it, and the device can tell how long it
     * had nothing to do before.
     *
     * @param tokens of the step
     * @param rows of the step: as many as tokens if it only decodes
     */
    default void onDeviceGap(int tokens, int rows, long nanos) {}

    /** All completions of a request are finished; the handle is dead after this. */
    void onFinished(long handle, GenerationResult result);

    /**
     * The engine failed on this request alone; the handle is dead after this, other requests go on.
     *
     * @param reason one sentence for the user
     */
    default void onFailed(long handle, String reason) {
        throw new IllegalStateException(reason);
    }
}

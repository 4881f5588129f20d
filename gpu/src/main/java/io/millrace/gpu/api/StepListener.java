package io.millrace.gpu.api;

/**
 * Listener for the results of steps. Called on the engine thread, with tokens in order of position.
 */
public interface StepListener {

    /**
     * A completion grew by one confirmed token.
     *
     * @param handle the handle that {@code Engine.add} returned
     * @param completion 0 to n-1
     * @param tokenId the new token
     */
    void onToken(long handle, int completion, int tokenId);

    /**
     * A step was completed on a device that measures its idle time before the step. Called before
     * the other events of the step.
     *
     * @param tokens of the step
     * @param rows of the step: as many as tokens if it only decodes
     */
    default void onDeviceGap(int tokens, int rows, long nanos) {}

    /** All completions of a request are finished; the handle is invalid after this. */
    void onFinished(long handle, GenerationResult result);

    /**
     * The engine failed on this request only; the handle is invalid after this, other requests
     * continue.
     *
     * @param reason one sentence for the user
     */
    default void onFailed(long handle, String reason) {
        throw new IllegalStateException(reason);
    }
}

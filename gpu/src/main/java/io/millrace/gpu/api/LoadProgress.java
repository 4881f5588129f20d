package io.millrace.gpu.api;

/** Listener for the progress of loading a model. Called on the loading thread. */
@FunctionalInterface
public interface LoadProgress {

    /** Does nothing. */
    LoadProgress NONE = (phase, done, total) -> {};

    /**
     * A phase began, progressed or ended.
     *
     * @param phase display name of the phase: {@code "weights"}, {@code "KV cache"}
     * @param doneBytes bytes processed in this phase; equal to {@code totalBytes} at its end
     * @param totalBytes bytes of this phase; 0 if unknown
     */
    void onProgress(String phase, long doneBytes, long totalBytes);
}

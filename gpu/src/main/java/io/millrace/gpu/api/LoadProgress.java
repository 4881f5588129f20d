package io.millrace.gpu.api;

/** Told how far the loading of a model is, on the loading thread. */
@FunctionalInterface
public interface LoadProgress {

    /** Tells nobody. */
    LoadProgress NONE = (phase, done, total) -> {};

    /**
     * A phase began, went on or ended.
     *
     * @param phase what is being done, for people: {@code "weights"}, {@code "KV cache"}
     * @param doneBytes bytes dealt with so far in this phase; equal to {@code totalBytes} at its
     *     end
     * @param totalBytes bytes of this phase; 0 if not known
     */
    void onProgress(String phase, long doneBytes, long totalBytes);
}

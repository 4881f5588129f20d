package io.millrace.gpu.session;

import io.millrace.gpu.api.GenerationResult;

/**
 * Told by {@link EngineSession#drain} what the engine did with a session's requests; called by the
 * thread that drains. Times are milliseconds since 1970.
 */
public interface SessionListener {

    /** The engine took the request. */
    void onAdmitted(long ticket, long timeMs);

    /**
     * A completion grew by one token.
     *
     * @param completion 0 to n-1
     */
    void onToken(long ticket, int completion, int tokenId, long timeMs);

    /** All completions are there; the ticket is dead after this. */
    void onFinished(long ticket, GenerationResult result, long timeMs);

    /**
     * The engine refused this request, or failed on it alone; the ticket is dead after this.
     *
     * @param cause a {@code RequestRejectedException}, or what the engine threw or said
     */
    void onFailed(long ticket, Exception cause);
}

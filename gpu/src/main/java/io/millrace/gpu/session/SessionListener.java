package io.millrace.gpu.session;

import io.millrace.gpu.api.GenerationResult;

/**
 * Receives the events of a session's requests from {@link EngineSession#drain}, on the thread that
 * drains. Times are milliseconds since 1970.
 */
public interface SessionListener {

    /** The engine started the request. */
    void onAdmitted(long ticket, long timeMs);

    /**
     * A completion grew by one token.
     *
     * @param completion 0 to n-1
     */
    void onToken(long ticket, int completion, int tokenId, long timeMs);

    /** All completions are finished; the last event of the ticket. */
    void onFinished(long ticket, GenerationResult result, long timeMs);

    /**
     * The engine rejected this request, or failed on it alone; the last event of the ticket.
     *
     * @param cause a {@code RequestRejectedException}, or the engine's exception
     */
    void onFailed(long ticket, Exception cause);
}

package io.millrace.gpu.engine;

import io.millrace.gpu.api.GenerationRequest;
import io.millrace.gpu.api.GenerationResult;

/**
 * Receives the text of completions while they are generated, on the thread that runs the engine's
 * steps: a slow listener delays all requests.
 */
@FunctionalInterface
public interface TextListener {

    /**
     * A completion's text grew. All pieces, concatenated, are the completion's text in the result.
     *
     * @param request the request of the completion
     * @param completion 0 to n-1
     * @param text whole code points, at least one; never part of a stop string or of the token that
     *     ended the completion
     */
    void onText(GenerationRequest request, int completion, String text);

    /** All completions of a request are finished, and their text has been sent. */
    default void onFinished(GenerationRequest request, GenerationResult result) {}
}

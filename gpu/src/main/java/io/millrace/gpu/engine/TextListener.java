package io.millrace.gpu.engine;

import io.millrace.gpu.api.GenerationRequest;
import io.millrace.gpu.api.GenerationResult;

/**
 * Told of the text of completions as it comes, on the thread that runs the engine's steps: what it
 * does there delays all requests.
 */
@FunctionalInterface
public interface TextListener {

    /**
     * A completion's text grew. All pieces in a row are the completion's text in the result.
     *
     * @param request the one that is answered
     * @param completion 0 to n-1
     * @param text whole code points, at least one; never part of a stop string, and none of what
     *     ended the completion
     */
    void onText(GenerationRequest request, int completion, String text);

    /** All completions of a request are finished, and their text has been told. */
    default void onFinished(GenerationRequest request, GenerationResult result) {}
}

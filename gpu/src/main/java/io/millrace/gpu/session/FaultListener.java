package io.millrace.gpu.session;

import java.util.List;

/**
 * Told of an engine's failure before any session's owner can fail because of it. Called by the
 * engine thread, or by its watchdog where that thread is stuck.
 */
@FunctionalInterface
public interface FaultListener {

    /**
     * The engine failed.
     *
     * @param suspects what this session's requests in the failing step were submitted with
     * @param alone whether the step held nothing but one request that was to run alone
     * @param cause what the engine threw
     */
    void onFault(List<Object> suspects, boolean alone, Throwable cause);
}

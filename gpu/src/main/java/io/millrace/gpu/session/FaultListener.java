package io.millrace.gpu.session;

import java.util.List;

/**
 * Listens to engine failures; called before any session's owner can fail because of one. Called by
 * the engine thread, or by its watchdog if that thread is stuck.
 */
@FunctionalInterface
public interface FaultListener {

    /**
     * The engine failed.
     *
     * @param suspects tags of this session's requests in the failing step
     * @param alone whether the step had one request only, which had to run alone
     * @param cause the engine's exception
     */
    void onFault(List<Object> suspects, boolean alone, Throwable cause);
}

package io.millrace.gpu.session;

/**
 * The engine's thread died of the cause: all its sessions are dead; a new session loads the engine
 * anew.
 */
public final class EngineFailedException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    EngineFailedException(Throwable cause) {
        super("The engine failed while running a step: " + cause, cause);
    }
}

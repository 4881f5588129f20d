package io.millrace.gpu.session;

/** The engine's thread died of its cause: all sessions on it are dead, a new one loads it anew. */
public final class EngineFailedException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    EngineFailedException(Throwable cause) {
        super("The engine failed while running a step: " + cause, cause);
    }
}

package io.millrace.gpu.tensor;

import java.io.IOException;

/** A model that cannot be used. The message is one sentence for the user. */
public final class InvalidModelException extends IOException {
    private static final long serialVersionUID = 1L;

    public InvalidModelException(String message) {
        super(message);
    }

    public InvalidModelException(String message, Throwable cause) {
        super(message, cause);
    }
}

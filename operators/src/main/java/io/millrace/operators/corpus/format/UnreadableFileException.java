package io.millrace.operators.corpus.format;

import java.io.IOException;

/** The bytes of a file violate its format. Permanent: reading the file again fails the same way. */
public final class UnreadableFileException extends IOException {
    private static final long serialVersionUID = 1L;

    /**
     * @param message the fault and the remedy, without a period at the end
     */
    public UnreadableFileException(String message) {
        super(message);
    }
}

package io.millrace.operators.corpus.format;

import java.io.IOException;

/** A file whose bytes are not what its format says: reading it again would be of no use. */
public final class UnreadableFileException extends IOException {
    private static final long serialVersionUID = 1L;

    /**
     * @param message what is wrong and what may be done, a sentence without its end
     */
    public UnreadableFileException(String message) {
        super(message);
    }
}

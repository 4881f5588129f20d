package io.millrace.schemas.codec.record;

import io.millrace.schemas.FailureCode;

/** Bytes that are not the record they should be. Bad data, never a bad surrounding. */
public final class CodecException extends Exception {

    private static final long serialVersionUID = 1;

    private final FailureCode code;
    private final String id;

    /**
     * @param message what is wrong, with the value and the remedy
     * @param id the record's id where one could be read, else null
     */
    public CodecException(FailureCode code, String message, String id) {
        this(code, message, id, null);
    }

    public CodecException(FailureCode code, String message, String id, Throwable cause) {
        super(message, cause);
        this.code = code;
        this.id = id;
    }

    public FailureCode code() {
        return code;
    }

    /** The record's id where one could be read, else null. */
    public String id() {
        return id;
    }
}

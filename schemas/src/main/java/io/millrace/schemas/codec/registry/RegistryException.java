package io.millrace.schemas.codec.registry;

/** A schema registry that does not do its work: the records are not to blame. */
public final class RegistryException extends RuntimeException {

    private static final long serialVersionUID = 1;

    RegistryException(String message, Throwable cause) {
        super(message, cause);
    }
}

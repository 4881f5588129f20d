package io.millrace.operators.tool;

/** What looks like a call is none; the message is what follows "the call ". */
final class CallException extends Exception {
    private static final long serialVersionUID = 1L;

    CallException(String message) {
        super(message, null, false, false);
    }
}

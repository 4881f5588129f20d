package io.millrace.gpu.session;

/** A step took longer than allowed and was stopped. */
final class StepTimeoutException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    StepTimeoutException(long timeoutMs, Throwable how) {
        super(
                "a step did not end within --step-timeout of "
                        + timeoutMs
                        + " ms and was stopped; give a longer one if that is how long this model"
                        + " takes here",
                how);
    }
}

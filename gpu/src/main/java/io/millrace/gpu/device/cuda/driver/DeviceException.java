package io.millrace.gpu.device.cuda.driver;

/**
 * A driver call that failed and left the context usable. The message names the driver's error, and
 * op, kernel and shapes if there are any.
 */
public final class DeviceException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public DeviceException(String message) {
        super(message);
    }
}

package io.millrace.gpu.device.cuda.driver;

/**
 * A driver call that failed while the device lives on. The message names op, kernel and shapes
 * where there are any, and the driver's name for the error.
 */
public final class DeviceException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public DeviceException(String message) {
        super(message);
    }
}

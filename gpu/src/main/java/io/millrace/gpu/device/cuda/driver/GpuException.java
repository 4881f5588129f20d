package io.millrace.gpu.device.cuda.driver;

import java.io.IOException;

/** A GPU that cannot be used as configured. The message is one sentence for the user. */
public final class GpuException extends IOException {
    private static final long serialVersionUID = 1L;

    public GpuException(String message) {
        super(message);
    }

    public GpuException(String message, Throwable cause) {
        super(message, cause);
    }
}

package io.millrace.gpu.device.cuda.driver;

import java.io.IOException;

/**
 * Keeps the first GPU's context alive between engines, and knows how much of its memory is free.
 */
public final class HeldGpu implements AutoCloseable {
    private final CudaContext context;

    private HeldGpu(CudaContext context) {
        this.context = context;
    }

    public static HeldGpu open() throws IOException {
        return new HeldGpu(CudaContext.open(0));
    }

    /** As the driver has it; safe for a thread that has another context or none. */
    public long freeBytes() {
        context.enter();
        return context.freeBytes();
    }

    @Override
    public void close() {
        context.enter();
        context.close();
    }
}

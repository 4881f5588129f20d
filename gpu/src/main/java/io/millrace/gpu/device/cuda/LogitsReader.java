package io.millrace.gpu.device.cuda;

import io.millrace.gpu.device.cuda.driver.CudaContext;
import io.millrace.gpu.device.cuda.driver.DeviceMemory;
import io.millrace.gpu.device.cuda.driver.PinnedMemory;
import io.millrace.gpu.device.cuda.kernel.Numerics;

/** Copies logits to the host, a row at a time. */
final class LogitsReader implements AutoCloseable {
    private final CudaContext context;
    private final int vocabulary;
    private final long rowBytes;
    private final PinnedMemory pinned;

    LogitsReader(CudaContext context, int vocabulary) {
        this.context = context;
        this.vocabulary = vocabulary;
        rowBytes = (long) Numerics.pad(vocabulary) * Float.BYTES;
        pinned = new PinnedMemory(context, Math.toIntExact(rowBytes));
    }

    /** Returns a copy of a row. */
    float[] read(DeviceMemory logits, int index) {
        float[] row = new float[vocabulary];
        logits.copyTo(pinned, index * rowBytes, rowBytes);
        context.synchronize("Reading logits");
        pinned.buffer().asFloatBuffer().get(row);
        return row;
    }

    @Override
    public void close() {
        pinned.close();
    }
}

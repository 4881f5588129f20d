package io.millrace.gpu.device.cuda;

import io.millrace.gpu.common.Scope;
import io.millrace.gpu.device.cuda.driver.CudaContext;
import io.millrace.gpu.device.cuda.driver.DeviceMemory;
import io.millrace.gpu.device.cuda.driver.GpuException;
import io.millrace.gpu.device.cuda.driver.UploadRing;
import io.millrace.gpu.device.cuda.kernel.KernelModules;
import io.millrace.gpu.device.cuda.kernel.Numerics;
import io.millrace.gpu.device.cuda.kernel.SampleLaunches;
import io.millrace.gpu.device.cuda.step.QueuedStep;
import io.millrace.gpu.device.cuda.step.SampleSlots;
import io.millrace.gpu.device.cuda.struct.SampleParamsHeader.MaskParams;
import io.millrace.gpu.sampling.SamplingRow;
import java.nio.ByteBuffer;
import java.nio.IntBuffer;
import java.nio.LongBuffer;

/**
 * Masks the logits of a step's constrained rows. The masks are made while the device computes the
 * logits, and queued behind them. Engine thread only.
 */
final class SampleMasks implements AutoCloseable {
    /** Masks of one upload. */
    private static final int MOST = 64;

    private static final int UPLOADS = 4;

    /** Before the masks of an upload: the row of each. */
    private static final int ROW_LONGS = MOST * Integer.BYTES / Long.BYTES;

    private final CudaContext context;
    private final KernelModules kernels;
    private final SampleLaunches launches;
    private final int longs;
    private final Scope scope = new Scope();
    private final DeviceMemory staged;
    private final UploadRing uploads;
    private final MaskParams params = new MaskParams();

    /**
     * @param logits (rows, {@link Numerics#pad} of the vocabulary)
     */
    SampleMasks(
            CudaContext context,
            KernelModules kernels,
            SampleLaunches launches,
            DeviceMemory logits,
            int vocabulary)
            throws GpuException {
        this.context = context;
        this.kernels = kernels;
        this.launches = launches;
        longs = (vocabulary + Long.SIZE - 1) / Long.SIZE;
        int bytes = Math.multiplyExact(ROW_LONGS + MOST * longs, Long.BYTES);
        try {
            staged =
                    scope.add(
                            context.allocate(
                                    "Masks of %d tokens".formatted(vocabulary),
                                    bytes,
                                    "take a GPU that has more memory or less to do"));
            uploads = scope.add(new UploadRing(context, UPLOADS, bytes));
        } catch (Throwable t) {
            scope.closeAfter(t);
            throw t;
        }
        params.begin()
                .logits(logits)
                .rows(staged)
                .masks(staged.address() + (long) ROW_LONGS * Long.BYTES)
                .stride(Numerics.pad(vocabulary))
                .vocabulary(vocabulary)
                .words(longs * Long.BYTES / Integer.BYTES);
    }

    /** Queues the masks of the step's rows, behind their logits. */
    void queue(QueuedStep step, SampleSlots slots) {
        int left = step.masked();
        for (int next = 0; left > 0; ) {
            UploadRing.Slot upload = uploads.next();
            ByteBuffer bytes = upload.memory().buffer();
            IntBuffer rows = bytes.asIntBuffer();
            LongBuffer masks = bytes.asLongBuffer();
            int count = 0;
            for (; count < Math.min(left, MOST); next++) {
                SamplingRow row = slots.row(step.slot(next));
                if (row.features.masked()) {
                    rows.put(count, next);
                    row.constrained.write(masks, ROW_LONGS + count * longs, longs);
                    count++;
                }
            }
            staged.copyFrom(upload.memory(), 0, 0, (long) (ROW_LONGS + count * longs) * Long.BYTES);
            upload.queued();
            CudaSampler.launch(kernels, launches.mask(count), params, context);
            left -= count;
        }
    }

    @Override
    public void close() {
        scope.close();
    }
}

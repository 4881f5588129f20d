package io.millrace.gpu.device.cuda.driver;

import static io.millrace.gpu.device.cuda.driver.CudaDriver.check;

import io.millrace.gpu.common.Scope;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import jcuda.driver.CUevent;
import jcuda.driver.CUevent_flags;
import jcuda.driver.JCudaDriver;

/**
 * A ring of pinned slots: the host writes one while the GPU still reads others. For any number of
 * threads, each with a slot of its own, after {@link CudaContext#enter}.
 *
 * <pre>
 * Slot slot = ring.next();     waits until the GPU has read the slot's old contents
 * ...                          write it, queue the work that reads it
 * slot.queued();               from here on the slot belongs to the GPU
 * </pre>
 */
public final class UploadRing implements AutoCloseable {
    /** A slot; it belongs to the thread that got it until it is queued. */
    public final class Slot {
        private final PinnedMemory memory;
        private final CUevent read;

        private Slot(PinnedMemory memory, CUevent read) {
            this.memory = memory;
            this.read = read;
        }

        public PinnedMemory memory() {
            return memory;
        }

        /** Returns the slot to the ring; all work that reads it is on the stream. */
        public void queued() {
            try {
                check(JCudaDriver.cuEventRecord(read, context.stream()), "cuEventRecord");
            } finally {
                free.add(this);
            }
        }
    }

    private final CudaContext context;
    private final int bytes;
    private final Scope scope = new Scope();
    private final List<Slot> slots = new ArrayList<>();

    /** Free slots, in the order in which they were queued. */
    private final BlockingQueue<Slot> free;

    public UploadRing(CudaContext context, int slotCount, int bytes) {
        this.context = context;
        this.bytes = bytes;
        free = new ArrayBlockingQueue<>(slotCount);
        try {
            for (int i = 0; i < slotCount; i++) {
                slots.add(slot());
            }
        } catch (Throwable t) {
            scope.closeAfter(t);
            throw t;
        }
        free.addAll(slots);
    }

    private Slot slot() {
        PinnedMemory memory = scope.add(new PinnedMemory(context, bytes));
        CUevent event = new CUevent();
        check(
                JCudaDriver.cuEventCreate(event, CUevent_flags.CU_EVENT_DISABLE_TIMING),
                "cuEventCreate");
        context.taken(0);
        scope.add(
                () -> {
                    JCudaDriver.cuEventDestroy(event);
                    context.returned(0);
                });
        return new Slot(memory, event);
    }

    /** Bytes of a slot. */
    public int slotBytes() {
        return bytes;
    }

    /** Takes the slot that was queued longest ago, once it may be written. */
    public Slot next() {
        if (slots.isEmpty()) {
            throw new IllegalStateException("The ring is closed.");
        }
        Slot slot = take();
        check(JCudaDriver.cuEventSynchronize(slot.read), "cuEventSynchronize");
        return slot;
    }

    /** Waits for a slot of another thread if there are fewer slots than threads. */
    private Slot take() {
        boolean interrupted = false;
        try {
            while (true) {
                try {
                    return free.take();
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    @Override
    public void close() {
        slots.clear();
        free.clear();
        scope.close();
    }
}

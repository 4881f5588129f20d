package io.millrace.gpu.device.cuda.driver;

import static io.millrace.gpu.device.cuda.driver.CudaDriver.check;

import java.util.ArrayList;
import java.util.List;
import jcuda.driver.CUevent;
import jcuda.driver.CUevent_flags;
import jcuda.driver.JCudaDriver;

/**
 * A few pinned slots, used in turn: the host writes one while the GPU still copies from others.
 *
 * <pre>
 * PinnedMemory slot = ring.next();     waits until the GPU is done with what the slot held
 * ...                                  write it, queue copies from it
 * ring.queued();                       from here on the slot belongs to the GPU
 * </pre>
 */
public final class UploadRing implements AutoCloseable {
    private record Slot(PinnedMemory memory, CUevent copied) {}

    private final CudaContext context;
    private final int bytes;
    private final List<Slot> slots = new ArrayList<>();
    private int at;

    public UploadRing(CudaContext context, int slotCount, int bytes) {
        this.context = context;
        this.bytes = bytes;
        for (int i = 0; i < slotCount; i++) {
            CUevent event = new CUevent();
            PinnedMemory memory = new PinnedMemory(context, bytes);
            check(
                    JCudaDriver.cuEventCreate(event, CUevent_flags.CU_EVENT_DISABLE_TIMING),
                    "cuEventCreate");
            context.taken(0);
            slots.add(new Slot(memory, event));
        }
    }

    /** Bytes of a slot. */
    int slotBytes() {
        return bytes;
    }

    /** The next slot, free to be written. */
    public PinnedMemory next() {
        Slot slot = slots.get(at);
        check(JCudaDriver.cuEventSynchronize(slot.copied), "cuEventSynchronize");
        return slot.memory;
    }

    /** All copies from the slot are queued; the ring turns. */
    public void queued() {
        check(JCudaDriver.cuEventRecord(slots.get(at).copied, context.stream()), "cuEventRecord");
        at = (at + 1) % slots.size();
    }

    @Override
    public void close() {
        for (Slot slot : slots) {
            JCudaDriver.cuEventDestroy(slot.copied);
            context.returned(0);
            slot.memory.close();
        }
        slots.clear();
    }
}

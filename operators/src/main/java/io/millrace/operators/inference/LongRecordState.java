package io.millrace.operators.inference;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.flink.runtime.state.OperatorStateCheckpointOutputStream;
import org.apache.flink.runtime.state.StateInitializationContext;
import org.apache.flink.runtime.state.StatePartitionStreamProvider;
import org.apache.flink.runtime.state.StateSnapshotContext;
import org.apache.flink.util.ResourceGuard;

/**
 * Long records in flight as raw operator state, which a thread of its own writes: Flink writes the
 * elements of managed operator state byte by byte. Called by the mailbox thread only, which waits
 * for nothing.
 *
 * <pre>
 *   snapshot begins ──> lease taken ──> records written by the lane ──> lease given back ──> complete
 *   (mailbox thread)                         └── fails: declined, and given back once it is aborted
 * </pre>
 */
final class LongRecordState implements AutoCloseable {

    /** Takes the number of a snapshot that cannot be completed, and why. Any thread. */
    interface Decline {
        void decline(long checkpointId, Throwable cause);
    }

    private final Lane lane;
    private final Decline decline;

    /** Snapshots that are being written, and which of them were aborted meanwhile. */
    private final Set<Long> writing = new HashSet<>();

    private final Set<Long> aborted = new HashSet<>();

    /** Of snapshots that could not be written, until they are aborted. */
    private final Map<Long, ResourceGuard.Lease> kept = new HashMap<>();

    LongRecordState(String task, Decline decline) {
        this.decline = decline;
        lane = new Lane("millrace-long-state of " + task);
    }

    /** What this subtask goes on with, in no order that matters. */
    static List<LongElement> restore(StateInitializationContext context) throws Exception {
        List<LongElement> elements = new ArrayList<>();
        for (StatePartitionStreamProvider partition : context.getRawOperatorStateInputs()) {
            elements.add(LongElement.read(partition.getStream()));
        }
        return elements;
    }

    /** Has records written. */
    void save(StateSnapshotContext context, List<LongElement> records) throws Exception {
        if (records.isEmpty()) {
            return;
        }
        OperatorStateCheckpointOutputStream out = context.getRawOperatorStateOutput();
        // The snapshot is not complete before it is given back.
        ResourceGuard.Lease lease = out.acquireLease();
        synchronized (this) {
            writing.add(context.getCheckpointId());
        }
        lane.execute(() -> write(context.getCheckpointId(), records, out, lease));
    }

    private void write(
            long checkpointId,
            List<LongElement> records,
            OperatorStateCheckpointOutputStream out,
            ResourceGuard.Lease lease) {
        try {
            for (LongElement record : records) {
                out.startNewPartition();
                record.write(out);
            }
        } catch (IOException | RuntimeException | Error e) {
            if (keep(checkpointId, lease)) {
                decline.decline(checkpointId, e);
            }
            return;
        }
        synchronized (this) {
            writing.remove(checkpointId);
            aborted.remove(checkpointId);
        }
        lease.close();
    }

    /**
     * Keeps the lease of what is not written whole: once it was given back it would be taken for
     * it.
     *
     * @return false if nobody waits for it any more
     */
    private synchronized boolean keep(long checkpointId, ResourceGuard.Lease lease) {
        writing.remove(checkpointId);
        if (aborted.remove(checkpointId)) {
            lease.close();
            return false;
        }
        kept.put(checkpointId, lease);
        return true;
    }

    /**
     * Nobody takes a snapshot any more. Flink's one thread for asynchronous parts must not wait for
     * its lease, or no later one is completed.
     */
    synchronized void onAborted(long checkpointId) {
        if (writing.contains(checkpointId)) {
            aborted.add(checkpointId);
        }
        ResourceGuard.Lease lease = kept.remove(checkpointId);
        if (lease != null) {
            lease.close();
        }
    }

    @Override
    public void close() {
        lane.close();
    }
}

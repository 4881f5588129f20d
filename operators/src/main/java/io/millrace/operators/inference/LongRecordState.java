package io.millrace.operators.inference;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
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
 *   (mailbox thread)                         └── fails: declined, the lease is kept
 * </pre>
 */
final class LongRecordState implements AutoCloseable {

    /** Takes the number of a snapshot that cannot be completed, and why. Any thread. */
    interface Decline {
        void decline(long checkpointId, Throwable cause);
    }

    private final Lane lane;
    private final Decline decline;

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
            // What is written is not all: with the lease given back it would be taken for it.
            decline.decline(checkpointId, e);
            return;
        }
        lease.close();
    }

    @Override
    public void close() {
        lane.close();
    }
}

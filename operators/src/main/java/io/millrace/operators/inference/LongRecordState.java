package io.millrace.operators.inference;

import io.millrace.gpu.common.Scope;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.flink.runtime.checkpoint.CheckpointException;
import org.apache.flink.runtime.checkpoint.CheckpointFailureReason;
import org.apache.flink.runtime.state.OperatorStateCheckpointOutputStream;
import org.apache.flink.runtime.state.StateInitializationContext;
import org.apache.flink.runtime.state.StatePartitionStreamProvider;
import org.apache.flink.runtime.state.StateSnapshotContext;
import org.apache.flink.runtime.state.StateSnapshotContextSynchronousImpl;
import org.apache.flink.streaming.runtime.tasks.StreamTask;
import org.apache.flink.util.ResourceGuard;

/**
 * Long records in flight as raw operator state, written by a separate thread, since Flink writes
 * elements of managed operator state byte by byte. Called by the mailbox thread only, which waits
 * for nothing.
 *
 * <pre>
 *   snapshot begins ──> lease taken ──> records written by the lane ──> lease given back ──> complete
 *   (mailbox thread)                         └── fails: stream closed, then lease given back, declined
 * </pre>
 *
 * The end of the task or of the snapshot waits for the lease, sometimes on the mailbox thread, so
 * it is released in every case. An incomplete write is never mistaken for a complete one, since its
 * stream is closed first.
 */
final class LongRecordState implements AutoCloseable {

    /** Declines a snapshot that cannot be completed, with the cause. Any thread. */
    interface Decline {
        void decline(long checkpointId, Throwable cause);
    }

    /** A snapshot that is not written yet. */
    private record Unwritten(
            StateSnapshotContextSynchronousImpl context, ResourceGuard.Lease lease) {

        /** Abandons the snapshot: waiting for it ends, and later requests for it fail. */
        void abandon() throws IOException {
            try {
                context.closeExceptionally();
            } finally {
                lease.close();
            }
        }
    }

    private final Lane lane;
    private final Decline decline;

    /** By checkpoint. The thread that removes one releases its lease. */
    private final Map<Long, Unwritten> unwritten = new HashMap<>();

    /** Aborted checkpoints, which the lane skips. */
    private final Set<Long> aborted = new HashSet<>();

    LongRecordState(String task, Decline decline) {
        this.decline = decline;
        lane = new Lane("millrace-long-state of " + task);
    }

    /** The state of a task, which declines snapshots that cannot be completed. */
    static LongRecordState of(StreamTask<?, ?> task) {
        return new LongRecordState(
                task.getEnvironment().getTaskInfo().getTaskNameWithSubtasks(),
                (checkpointId, cause) -> {
                    // A task that has ended reports its own cause.
                    if (task.isRunning()) {
                        task.getEnvironment()
                                .declineCheckpoint(
                                        checkpointId,
                                        new CheckpointException(
                                                CheckpointFailureReason.CHECKPOINT_ASYNC_EXCEPTION,
                                                cause));
                    }
                });
    }

    /** The restored records of this subtask, in any order. */
    static List<LongElement> restore(StateInitializationContext context) throws Exception {
        List<LongElement> elements = new ArrayList<>();
        for (StatePartitionStreamProvider partition : context.getRawOperatorStateInputs()) {
            elements.add(LongElement.read(partition.getStream()));
        }
        return elements;
    }

    /**
     * Writes records asynchronously.
     *
     * @param context Flink's context of the snapshot
     */
    void save(StateSnapshotContext context, List<LongElement> records) throws Exception {
        if (records.isEmpty()) {
            return;
        }
        OperatorStateCheckpointOutputStream out = context.getRawOperatorStateOutput();
        // The snapshot is not complete before the lease is released.
        ResourceGuard.Lease lease = out.acquireLease();
        synchronized (this) {
            unwritten.put(
                    context.getCheckpointId(),
                    new Unwritten((StateSnapshotContextSynchronousImpl) context, lease));
        }
        lane.execute(() -> write(context.getCheckpointId(), out, records));
    }

    private void write(
            long checkpointId, OperatorStateCheckpointOutputStream out, List<LongElement> records) {
        try {
            for (LongElement record : records) {
                if (!isWanted(checkpointId)) {
                    Unwritten dead = take(checkpointId);
                    if (dead != null) {
                        dead.abandon();
                    }
                    return;
                }
                out.startNewPartition();
                record.write(out);
            }
        } catch (IOException | RuntimeException | Error e) {
            Unwritten snapshot = take(checkpointId);
            if (snapshot != null) {
                try {
                    snapshot.abandon();
                } catch (IOException closing) {
                    e.addSuppressed(closing);
                }
                decline.decline(checkpointId, e);
            }
            return;
        }
        Unwritten snapshot = take(checkpointId);
        if (snapshot != null) {
            snapshot.lease().close();
        }
    }

    private synchronized boolean isWanted(long checkpointId) {
        return unwritten.containsKey(checkpointId) && !aborted.contains(checkpointId);
    }

    /** Removes a snapshot; null if it was removed before. */
    private synchronized Unwritten take(long checkpointId) {
        aborted.remove(checkpointId);
        return unwritten.remove(checkpointId);
    }

    /** Notes that a snapshot was aborted: the rest of it is not written. */
    synchronized void onAborted(long checkpointId) {
        if (unwritten.containsKey(checkpointId)) {
            aborted.add(checkpointId);
        }
    }

    @Override
    public void close() {
        Scope left = new Scope();
        left.add(lane);
        synchronized (this) {
            unwritten.values().forEach(snapshot -> left.add(snapshot::abandon));
            unwritten.clear();
        }
        left.close();
    }
}

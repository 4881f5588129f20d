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
 * Long records in flight as raw operator state, which a thread of its own writes: Flink writes the
 * elements of managed operator state byte by byte. Called by the mailbox thread only, which waits
 * for nothing.
 *
 * <pre>
 *   snapshot begins ──> lease taken ──> records written by the lane ──> lease given back ──> complete
 *   (mailbox thread)                         └── fails: stream closed, then lease given back, declined
 * </pre>
 *
 * Whoever ends the task or the snapshot waits for the lease, at times with the mailbox thread: it
 * is given back in every case. What is not written whole is never taken for it, since its stream is
 * closed first.
 */
final class LongRecordState implements AutoCloseable {

    /** Takes the number of a snapshot that cannot be completed, and why. Any thread. */
    interface Decline {
        void decline(long checkpointId, Throwable cause);
    }

    /** A snapshot that is not written yet. */
    private record Unwritten(
            StateSnapshotContextSynchronousImpl context, ResourceGuard.Lease lease) {

        /** Nobody gets the snapshot: what waits for it ends, and what asks for it later fails. */
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

    /** By checkpoint. Whoever takes one out gives its lease back. */
    private final Map<Long, Unwritten> unwritten = new HashMap<>();

    /** Those of them that nobody takes any more; the lane leaves them. */
    private final Set<Long> aborted = new HashSet<>();

    LongRecordState(String task, Decline decline) {
        this.decline = decline;
        lane = new Lane("millrace-long-state of " + task);
    }

    /** That of a task, which declines what cannot be completed. */
    static LongRecordState of(StreamTask<?, ?> task) {
        return new LongRecordState(
                task.getEnvironment().getTaskInfo().getTaskNameWithSubtasks(),
                (checkpointId, cause) -> {
                    // One that has ended says why itself.
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

    /** What this subtask goes on with, in no order that matters. */
    static List<LongElement> restore(StateInitializationContext context) throws Exception {
        List<LongElement> elements = new ArrayList<>();
        for (StatePartitionStreamProvider partition : context.getRawOperatorStateInputs()) {
            elements.add(LongElement.read(partition.getStream()));
        }
        return elements;
    }

    /**
     * Has records written.
     *
     * @param context as Flink gives it to an operator
     */
    void save(StateSnapshotContext context, List<LongElement> records) throws Exception {
        if (records.isEmpty()) {
            return;
        }
        OperatorStateCheckpointOutputStream out = context.getRawOperatorStateOutput();
        // The snapshot is not complete before it is given back.
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

    /** Null if it was taken before. */
    private synchronized Unwritten take(long checkpointId) {
        aborted.remove(checkpointId);
        return unwritten.remove(checkpointId);
    }

    /** Nobody takes a snapshot any more: what is left of it is not written. */
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

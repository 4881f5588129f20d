package io.millrace.operators.inference;

import io.millrace.operators.record.Inbound;
import io.millrace.operators.record.Outcome;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.function.Consumer;
import org.apache.flink.streaming.api.operators.Output;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.watermarkstatus.WatermarkStatus;

/**
 * Orders the output of the inference operator: outcomes in order of arrival or as they are done, a
 * tombstone behind the records of its key that came before it and ahead of those that came after
 * it, a watermark once all records before it are done. Mailbox thread only.
 */
final class OutcomeQueue {
    /**
     * A watermark and the number of records before it. A null watermark means that input is idle:
     * this must not be forwarded while outcomes are pending.
     */
    private record Pending(long after, Watermark watermark) {}

    private final boolean ordered;

    /** In order of arrival. */
    private final LinkedHashSet<InFlight> left = new LinkedHashSet<>();

    /** Done and not emitted; unordered only. */
    private final ArrayDeque<InFlight> done = new ArrayDeque<>();

    /**
     * Unordered only: the records in flight of each key that has a tombstone among them, in order.
     */
    private final Map<ByteBuffer, ArrayDeque<InFlight>> lines = new HashMap<>();

    private final ArrayDeque<Pending> watermarks = new ArrayDeque<>();
    private long arrived;

    /** Whether idleness was forwarded. */
    private boolean idle;

    OutcomeQueue(boolean ordered) {
        this.ordered = ordered;
    }

    void add(InFlight record) {
        record.sequence = arrived++;
        left.add(record);
        if (ordered || record.inbound.origin().key() == null) {
            return;
        }
        ByteBuffer key = ByteBuffer.wrap(record.inbound.origin().key());
        if (lines.containsKey(key)) {
            lines.get(key).add(record);
        } else if (record.inbound instanceof Inbound.Tombstone) {
            ArrayDeque<InFlight> line = new ArrayDeque<>();
            for (InFlight other : left) {
                if (Arrays.equals(other.inbound.origin().key(), key.array())) {
                    line.add(other);
                }
            }
            // Those whose outcome is known are ahead of it in the queue.
            line.removeIf(other -> other.mayLeave);
            lines.put(key, line);
        }
    }

    /** Sets a record's outcome, which the next {@link #release} emits. */
    void complete(InFlight record, Outcome outcome) {
        record.outcome = outcome;
        record.mayLeave = true;
        if (ordered) {
            return;
        }
        byte[] key = record.inbound.origin().key();
        ArrayDeque<InFlight> line =
                key == null || lines.isEmpty() ? null : lines.get(ByteBuffer.wrap(key));
        if (line == null) {
            done.add(record);
        } else if (!advance(line)) {
            lines.remove(ByteBuffer.wrap(key));
        }
    }

    /** Moves on what may leave a line; false if no tombstone is left in it. */
    private boolean advance(ArrayDeque<InFlight> line) {
        boolean begins = true;
        boolean waits = false;
        for (Iterator<InFlight> records = line.iterator(); records.hasNext(); ) {
            InFlight record = records.next();
            boolean tombstone = record.inbound instanceof Inbound.Tombstone;
            if (waits) {
                break;
            }
            if (record.mayLeave && (begins || !tombstone)) {
                records.remove();
                done.add(record);
            } else {
                begins = false;
                waits = tombstone;
            }
        }
        return line.stream().anyMatch(record -> record.inbound instanceof Inbound.Tombstone);
    }

    void add(Watermark watermark) {
        Pending last = watermarks.peekLast();
        if (last != null && last.after() == arrived && last.watermark() != null) {
            watermarks.removeLast();
        }
        watermarks.add(new Pending(arrived, watermark));
    }

    /** Idleness is delayed like a watermark; it is dropped if input becomes active before. */
    void add(WatermarkStatus status, Output<?> marks) {
        if (status.isIdle()) {
            watermarks.add(new Pending(arrived, null));
        } else {
            watermarks.removeIf(pending -> pending.watermark() == null);
            if (idle) {
                idle = false;
                marks.emitWatermarkStatus(WatermarkStatus.ACTIVE);
            }
        }
    }

    boolean isEmpty() {
        return left.isEmpty();
    }

    /** Records without an emitted outcome, in order of arrival. */
    Collection<InFlight> inFlight() {
        return Collections.unmodifiableCollection(left);
    }

    /** Emits the outcomes and watermarks that are due. */
    void release(Consumer<InFlight> outcomes, Output<?> marks) {
        if (ordered) {
            releaseWatermarks(marks);
            Iterator<InFlight> records = left.iterator();
            while (records.hasNext()) {
                InFlight record = records.next();
                if (!record.mayLeave) {
                    return;
                }
                records.remove();
                outcomes.accept(record);
                releaseWatermarks(marks);
            }
        } else {
            while (!done.isEmpty()) {
                InFlight record = done.poll();
                left.remove(record);
                outcomes.accept(record);
            }
            releaseWatermarks(marks);
        }
    }

    private void releaseWatermarks(Output<?> marks) {
        while (!watermarks.isEmpty()
                && (left.isEmpty()
                        || left.iterator().next().sequence >= watermarks.peek().after())) {
            Watermark watermark = watermarks.poll().watermark();
            if (watermark != null) {
                marks.emitWatermark(watermark);
            } else if (!idle) {
                idle = true;
                marks.emitWatermarkStatus(WatermarkStatus.IDLE);
            }
        }
    }
}

package io.millrace.operators;

import java.util.ArrayDeque;
import java.util.Collection;
import java.util.Collections;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.function.Consumer;
import org.apache.flink.streaming.api.watermark.Watermark;

/**
 * Decides when outcomes and watermarks leave the inference operator: outcomes in order of arrival
 * or as they are done, a watermark once nothing that came before it is left. Mailbox thread only.
 */
final class OutcomeQueue {
    /** A watermark, and the number of records that came before it. */
    private record Pending(long after, Watermark watermark) {}

    private final boolean ordered;

    /** In order of arrival. */
    private final LinkedHashSet<InFlight> left = new LinkedHashSet<>();

    /** Done, but still here; unordered only. */
    private final ArrayDeque<InFlight> done = new ArrayDeque<>();

    private final ArrayDeque<Pending> watermarks = new ArrayDeque<>();
    private long arrived;

    OutcomeQueue(boolean ordered) {
        this.ordered = ordered;
    }

    void add(InFlight record) {
        record.sequence = arrived++;
        left.add(record);
    }

    /** Sets a record's outcome; it leaves with the next {@link #release}. */
    void complete(InFlight record, Outcome outcome) {
        record.outcome = outcome;
        if (!ordered) {
            done.add(record);
        }
    }

    void add(Watermark watermark) {
        if (!watermarks.isEmpty() && watermarks.peekLast().after() == arrived) {
            watermarks.removeLast();
        }
        watermarks.add(new Pending(arrived, watermark));
    }

    boolean isEmpty() {
        return left.isEmpty();
    }

    /** What has not left, in order of arrival. */
    Collection<InFlight> inFlight() {
        return Collections.unmodifiableCollection(left);
    }

    /** Lets go what may. */
    void release(Consumer<InFlight> outcomes, Consumer<Watermark> marks) {
        if (ordered) {
            releaseWatermarks(marks);
            Iterator<InFlight> records = left.iterator();
            while (records.hasNext()) {
                InFlight record = records.next();
                if (!record.isDone()) {
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

    private void releaseWatermarks(Consumer<Watermark> marks) {
        while (!watermarks.isEmpty()
                && (left.isEmpty()
                        || left.iterator().next().sequence >= watermarks.peek().after())) {
            marks.accept(watermarks.poll().watermark());
        }
    }
}

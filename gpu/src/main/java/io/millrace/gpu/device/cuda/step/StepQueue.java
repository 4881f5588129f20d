package io.millrace.gpu.device.cuda.step;

import java.util.Arrays;

/**
 * The steps in flight, oldest first. Each has an in-flight slot, which is reused.
 *
 * <pre>
 * slot       0     1     2          runAhead = 2: three may be in flight
 * step       7     5     6          5 is the oldest; 8 gets its slot once 5 is completed
 * </pre>
 *
 * The resources of a slot (tables, outputs) are free when its next step is launched.
 */
public final class StepQueue {
    private final QueuedStep[] slots;
    private int oldest;
    private int inFlight;
    private int launched;

    /**
     * @param runAhead steps that may be in flight when another is launched
     */
    public StepQueue(int runAhead, int maxRows) {
        int count = runAhead + 1;
        slots = new QueuedStep[count];
        Arrays.setAll(slots, slot -> new QueuedStep(slot, (slot + 1) % count, maxRows));
    }

    /** Most steps in flight. */
    public int inFlightSlots() {
        return slots.length;
    }

    int inFlight() {
        return inFlight;
    }

    /** The step that will be launched next, to be filled. */
    public QueuedStep next() {
        if (inFlight == slots.length) {
            throw new IllegalStateException(
                    "There are %d steps in flight, as many as may be.".formatted(inFlight));
        }
        QueuedStep next = at(inFlight);
        next.number(launched + 1);
        return next;
    }

    /** Notes that the next step is queued completely. */
    public void launched() {
        launched++;
        inFlight++;
    }

    /** The step to be completed next. */
    public QueuedStep oldest() {
        if (inFlight == 0) {
            throw new IllegalStateException("No step is in flight.");
        }
        return at(0);
    }

    /** Notes that the oldest step is completed. */
    public void completed() {
        oldest = (oldest + 1) % slots.length;
        inFlight--;
    }

    private QueuedStep at(int index) {
        return slots[(oldest + index) % slots.length];
    }

    /** Display text: the oldest step, and the number of steps after it. */
    @Override
    public String toString() {
        return inFlight == 0
                ? "no step"
                : inFlight == 1
                        ? at(0).toString()
                        : at(0) + " and " + (inFlight - 1) + " behind it";
    }
}

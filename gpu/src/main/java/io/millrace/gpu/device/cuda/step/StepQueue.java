package io.millrace.gpu.device.cuda.step;

import java.util.Arrays;

/**
 * The steps that the device was given and that are not completed, oldest first.
 *
 * <pre>
 * place      0     1     2          k = 2: three may be in flight
 * step       7     5     6          5 is the oldest; 8 gets its place once it is completed
 * </pre>
 *
 * What belongs to a place (tables on their way, outputs) is free when its next step is launched.
 */
public final class StepQueue {
    private final QueuedStep[] places;
    private int oldest;
    private int inFlight;
    private int launched;

    /**
     * @param runAhead steps that may be in flight when another is launched
     */
    public StepQueue(int runAhead, int maxRows) {
        places = new QueuedStep[runAhead + 1];
        Arrays.setAll(places, place -> new QueuedStep(place, maxRows));
    }

    /** How many can be in flight. */
    public int places() {
        return places.length;
    }

    int inFlight() {
        return inFlight;
    }

    /** The one that will be launched next, to be filled. */
    public QueuedStep next() {
        if (inFlight == places.length) {
            throw new IllegalStateException(
                    "There are %d steps in flight, as many as may be.".formatted(inFlight));
        }
        QueuedStep next = at(inFlight);
        next.number(launched + 1);
        return next;
    }

    /** The next one is all queued. */
    public void launched() {
        launched++;
        inFlight++;
    }

    /** The one to be completed next. */
    public QueuedStep oldest() {
        if (inFlight == 0) {
            throw new IllegalStateException("No step is in flight.");
        }
        return at(0);
    }

    /** The oldest is done with. */
    public void completed() {
        oldest = (oldest + 1) % places.length;
        inFlight--;
    }

    private QueuedStep at(int index) {
        return places[(oldest + index) % places.length];
    }

    /** For people: the oldest, and how many are behind it. */
    @Override
    public String toString() {
        return inFlight == 0
                ? "no step"
                : inFlight == 1
                        ? at(0).toString()
                        : at(0) + " and " + (inFlight - 1) + " behind it";
    }
}

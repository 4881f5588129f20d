package io.millrace.operators.kafka.source;

import java.io.Serializable;

/**
 * The starting point of a job without state.
 *
 * @param timestampMs for {@link Kind#TIMESTAMP}: first record with this or a later timestamp,
 *     milliseconds since 1970
 */
public record StartingPoint(Kind kind, long timestampMs) implements Serializable {

    public static final StartingPoint EARLIEST = new StartingPoint(Kind.EARLIEST, 0);
    public static final StartingPoint LATEST = new StartingPoint(Kind.LATEST, 0);

    /** The group's committed offsets; the earliest for partitions without. */
    public static final StartingPoint COMMITTED = new StartingPoint(Kind.COMMITTED, 0);

    /** Kinds of starting points. */
    public enum Kind {
        EARLIEST,
        LATEST,
        TIMESTAMP,
        COMMITTED
    }

    public static StartingPoint timestamp(long timestampMs) {
        if (timestampMs < 0) {
            throw new IllegalArgumentException(
                    "Start timestamp " + timestampMs + " is before 1970.");
        }
        return new StartingPoint(Kind.TIMESTAMP, timestampMs);
    }
}

package io.millrace.operators.kafka.source;

/** The reaction of a job to input records that were deleted before it read them. */
public enum OnLostInput {
    /** Stops for good, and names them. */
    FAIL,
    /** Continues after them, reports and counts them. */
    SKIP
}

package io.millrace.operators.kafka.source;

/** What a job does where records of its input are gone before it has read them. */
public enum OnLostInput {
    /** Stops for good, and says which. */
    FAIL,
    /** Goes on behind them, says so, and counts them. */
    SKIP
}

package io.millrace.operators.options;

/** How requests are grouped before the engine. */
public enum Batching {
    /** Requests join the engine between any two steps and leave as each is finished. */
    DYNAMIC,
    /** A batch of fixed size runs to its end before the next one starts. */
    STATIC
}

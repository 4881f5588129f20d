package io.millrace.operators.options;

/** How requests find their way from the subtasks that read to the subtasks that answer. */
public enum Partitioning {
    /** Each subtask answers what it reads: all operators are one chain with the source. */
    NONE,
    /**
     * Over the network, so that requests which begin alike meet the prefix tree of one engine. For
     * dynamic batching, unordered.
     */
    PREFIX
}

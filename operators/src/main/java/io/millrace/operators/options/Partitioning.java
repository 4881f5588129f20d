package io.millrace.operators.options;

/** The distribution of requests from subtasks that read to subtasks that answer. */
public enum Partitioning {
    /** Each subtask answers what it reads: all operators are one chain with the source. */
    NONE,
    /**
     * A hop over the network, so that requests with equal prefixes meet the prefix tree of one
     * engine. For dynamic batching, unordered.
     */
    PREFIX
}

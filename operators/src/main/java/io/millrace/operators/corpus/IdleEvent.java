package io.millrace.operators.corpus;

import org.apache.flink.api.connector.source.SourceEvent;

/** Tells the enumerator that a reader has no file and no rows in flight. */
final class IdleEvent implements SourceEvent {
    private static final long serialVersionUID = 1L;
}

package io.millrace.operators.corpus;

import org.apache.flink.api.connector.source.SourceEvent;

/** A reader has no file, and none of its rows is in flight. */
final class IdleEvent implements SourceEvent {
    private static final long serialVersionUID = 1L;
}

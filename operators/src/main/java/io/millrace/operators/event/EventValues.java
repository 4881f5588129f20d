package io.millrace.operators.event;

import io.millrace.schemas.codec.record.CodecException;
import java.util.List;
import java.util.Map;
import org.apache.avro.Schema;

/** The values of events in one encoding. Any thread. */
sealed interface EventValues permits JsonValues, AvroValues {

    /**
     * The fields of an event.
     *
     * @throws CodecException it is none
     */
    Map<String, Object> read(EventRecord record) throws CodecException;

    /**
     * An event with its answers: one as it is, more as an array. Without what stands before Avro.
     *
     * @param record as it was read
     * @param json whether the answers are JSON
     * @throws CodecException an answer that should be JSON is none, or it has no place
     */
    byte[] answered(EventRecord record, List<String> answers, boolean json) throws CodecException;

    /** Whether a record has no event to be asked about, and passes as it is. */
    boolean passes(EventRecord record);

    /** The schema that events were written by; null for JSON. */
    Schema writer();

    /** CRC-64-AVRO of {@link #writer}; null for JSON. */
    Long fingerprint();

    /** The schema that answered events are written by; null for JSON. */
    Schema output() throws CodecException;

    /** Bytes before the event. */
    int start();
}

package io.millrace.operators.record;

import io.millrace.operators.event.EventReading;
import io.millrace.schemas.FailureCode;
import io.millrace.schemas.InferenceRequest;
import io.millrace.schemas.codec.Reading;
import io.millrace.schemas.codec.record.CodecException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.apache.flink.api.common.typeinfo.TypeInfo;

/** A record on its way to the engine. One that cannot be answered flows on as {@link Rejected}. */
@TypeInfo(WireType.InboundFactory.class)
public sealed interface Inbound {

    /** Where the record came from. */
    Origin origin();

    /**
     * A request that a job made from other records. The outcome has this timestamp, and the
     * request's id as its key.
     *
     * @param source name of the stream in logs and dead letters
     * @param timestamp milliseconds since 1970; also the current time for chat templates
     */
    static Inbound of(String source, InferenceRequest request, long timestamp) {
        String id = String.valueOf(request.getId());
        return new Request(
                new Origin(
                        source,
                        new Position.Made(id),
                        timestamp,
                        id.getBytes(StandardCharsets.UTF_8),
                        List.of(),
                        new byte[0]),
                request);
    }

    /**
     * A decoded request.
     *
     * @param reading how to decode the record's value again; null if the value does not hold the
     *     whole request, or is an event
     * @param event how to make the request of the value again, and how to put the answer into it;
     *     null unless the value is an event
     */
    record Request(
            Origin origin,
            InferenceRequest request,
            Reading<InferenceRequest> reading,
            EventReading event)
            implements Inbound {

        /** A request whose record is no event. */
        public Request(Origin origin, InferenceRequest request, Reading<InferenceRequest> reading) {
            this(origin, request, reading, null);
        }

        /** A request that cannot be decoded from the record's value alone. */
        public Request(Origin origin, InferenceRequest request) {
            this(origin, request, null, null);
        }
    }

    /**
     * A record that is not decoded yet, because that would hold up the mailbox thread: a long one,
     * or an event whose template takes long.
     *
     * @param reading how to decode it; null for an event
     * @param event how to make a request of it; null unless it is an event
     */
    record Unread(Origin origin, Reading<InferenceRequest> reading, EventReading event)
            implements Inbound {

        /** A record that is no event. */
        public Unread(Origin origin, Reading<InferenceRequest> reading) {
            this(origin, reading, null);
        }

        /** Decodes the record to a request or a rejection. Any thread. */
        public Inbound read() {
            try {
                InferenceRequest request =
                        event == null ? reading.read(origin.value()) : event.read(origin.asEvent());
                return new Request(origin, request, reading, event);
            } catch (CodecException e) {
                return new Rejected(origin, e.id(), e.code(), e.getMessage());
            }
        }
    }

    /**
     * An event without a value, or whose value tells that a row is gone: it passes as it is, behind
     * the records of its key that came before it and ahead of those that come after it.
     */
    record Tombstone(Origin origin) implements Inbound {}

    /**
     * A record that becomes a failure.
     *
     * @param id the request's id, or null if it could not be read
     */
    record Rejected(Origin origin, String id, FailureCode code, String message)
            implements Inbound {}
}

package io.millrace.operators.record;

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
     *     whole request
     */
    record Request(Origin origin, InferenceRequest request, Reading<InferenceRequest> reading)
            implements Inbound {

        /** A request that cannot be decoded from the record's value alone. */
        public Request(Origin origin, InferenceRequest request) {
            this(origin, request, null);
        }
    }

    /**
     * A long record that is not decoded yet, because that would hold up the mailbox thread.
     *
     * @param reading how to decode it
     */
    record Unread(Origin origin, Reading<InferenceRequest> reading) implements Inbound {

        /** Decodes the record to a request or a rejection. Any thread. */
        public Inbound read() {
            try {
                return new Request(origin, reading.read(origin.value()), reading);
            } catch (CodecException e) {
                return new Rejected(origin, e.id(), e.code(), e.getMessage());
            }
        }
    }

    /**
     * A record that becomes a failure.
     *
     * @param id the request's id, or null if it could not be read
     */
    record Rejected(Origin origin, String id, FailureCode code, String message)
            implements Inbound {}
}

package io.millrace.operators.record;

import io.millrace.schemas.FailureCode;
import io.millrace.schemas.InferenceRequest;
import io.millrace.schemas.codec.Reading;
import io.millrace.schemas.codec.record.CodecException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.apache.flink.api.common.typeinfo.TypeInfo;

/** A record on its way to the engine. What cannot be answered flows on as {@link Rejected}. */
@TypeInfo(WireType.InboundFactory.class)
public sealed interface Inbound {

    /** Where the record came from. */
    Origin origin();

    /**
     * A request that operators made of other records. Its outcome has its timestamp, and its id as
     * the key.
     *
     * @param source names the stream in logs and dead letters
     * @param timestamp milliseconds since 1970; a chat template's clock, too
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
     * A request that was read.
     *
     * @param reading how it is read out of the record's value once more; null if the value does not
     *     tell all of it
     */
    record Request(Origin origin, InferenceRequest request, Reading<InferenceRequest> reading)
            implements Inbound {

        /** A request that was not read out of the record's value, or not as a topic's is. */
        public Request(Origin origin, InferenceRequest request) {
            this(origin, request, null);
        }
    }

    /**
     * A long record, which nobody has looked into: the mailbox thread has others read it.
     *
     * @param reading how it is read
     */
    record Unread(Origin origin, Reading<InferenceRequest> reading) implements Inbound {

        /** What the record is: a request, or rejected. Any thread. */
        public Inbound read() {
            try {
                return new Request(origin, reading.read(origin.value()), reading);
            } catch (CodecException e) {
                return new Rejected(origin, e.id(), e.code(), e.getMessage());
            }
        }
    }

    /**
     * A record that will be a failure.
     *
     * @param id the request's id where one could be read, else null
     */
    record Rejected(Origin origin, String id, FailureCode code, String message)
            implements Inbound {}
}

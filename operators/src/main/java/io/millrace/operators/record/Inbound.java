package io.millrace.operators.record;

import io.millrace.schemas.FailureCode;
import io.millrace.schemas.InferenceRequest;
import org.apache.flink.api.common.typeinfo.TypeInfo;

/** A record on its way to the engine. What cannot be answered flows on as {@link Rejected}. */
@TypeInfo(WireType.InboundFactory.class)
public sealed interface Inbound {

    /** Where the record came from. */
    Origin origin();

    /** A request that was read. */
    record Request(Origin origin, InferenceRequest request) implements Inbound {}

    /**
     * A record that will be a failure.
     *
     * @param id the request's id where one could be read, else null
     */
    record Rejected(Origin origin, String id, FailureCode code, String message)
            implements Inbound {}
}

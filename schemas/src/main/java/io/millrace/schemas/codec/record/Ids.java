package io.millrace.schemas.codec.record;

import io.millrace.schemas.FailureCode;
import io.millrace.schemas.InferenceRequest;
import org.apache.avro.specific.SpecificRecordBase;

/** The rule about ids that all formats share. */
public final class Ids {

    public static final String REMEDY =
            "give each request an id, a text that is not empty, such as \"id\":\"1\"";

    private Ids() {}

    /**
     * Refuses a request without an id.
     *
     * @throws CodecException if its id is empty
     */
    public static void require(RecordType<?> type, SpecificRecordBase record)
            throws CodecException {
        if (record instanceof InferenceRequest request && request.getId().isEmpty()) {
            throw new CodecException(
                    FailureCode.MISSING_ID, "the " + type + "'s id is empty: " + REMEDY, null);
        }
    }
}

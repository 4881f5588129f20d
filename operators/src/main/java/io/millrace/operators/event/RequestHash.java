package io.millrace.operators.event;

import io.millrace.schemas.InferenceRequest;
import java.nio.charset.StandardCharsets;
import org.apache.avro.Schema;
import org.apache.avro.SchemaNormalization;
import org.apache.avro.generic.GenericData;

/**
 * Tells requests apart by what is set in them, so that a field that later releases add changes
 * nothing where it is not set.
 */
public final class RequestHash {
    private RequestHash() {}

    /** CRC-64-AVRO of names and values. */
    public static long of(InferenceRequest request) {
        StringBuilder set = new StringBuilder();
        for (Schema.Field field : request.getSchema().getFields()) {
            Object value = request.get(field.pos());
            if (value != null) {
                set.append(field.name()).append('=');
                set.append(GenericData.get().toString(value)).append('\n');
            }
        }
        return SchemaNormalization.fingerprint64(set.toString().getBytes(StandardCharsets.UTF_8));
    }
}

package io.millrace.schemas.codec;

import io.millrace.schemas.codec.record.WireFormat;
import io.millrace.schemas.codec.registry.RegistrySettings;
import java.io.Serializable;

/**
 * The wire format of all topics of a job.
 *
 * @param format the format
 * @param registry where schemas are kept; set if and only if the format is Confluent's
 */
public record FormatSettings(WireFormat format, RegistrySettings registry) implements Serializable {

    public static final FormatSettings JSON = new FormatSettings(WireFormat.JSON, null);
    public static final FormatSettings AVRO = new FormatSettings(WireFormat.AVRO, null);

    public FormatSettings {
        if (format == WireFormat.CONFLUENT && registry == null) {
            throw new IllegalArgumentException(
                    "format confluent needs the address of a schema registry");
        }
        if (format != WireFormat.CONFLUENT && registry != null) {
            throw new IllegalArgumentException(
                    "format " + format + " uses no schema registry: leave its address out");
        }
    }

    public static FormatSettings confluent(RegistrySettings registry) {
        return new FormatSettings(WireFormat.CONFLUENT, registry);
    }
}

package io.millrace.schemas.codec.record;

import java.util.Locale;

/** How records are written on topics. */
public enum WireFormat {
    /** One JSON object a record, field names as in the Avro schemas. */
    JSON,
    /** Avro single-object encoding: C3 01, fingerprint of the writer's schema, Avro binary. */
    AVRO,
    /** Confluent's wire format: a zero byte, schema id in a registry, Avro binary. */
    CONFLUENT;

    /**
     * Reads the name that users write.
     *
     * @throws IllegalArgumentException naming the value and the choices
     */
    public static WireFormat parse(String name) {
        for (WireFormat format : values()) {
            if (format.toString().equals(name)) {
                return format;
            }
        }
        throw new IllegalArgumentException(
                "format '" + name + "' is unknown: use json, avro or confluent");
    }

    /** The name that users write, such as {@code json}. */
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}

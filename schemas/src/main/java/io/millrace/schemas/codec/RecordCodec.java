package io.millrace.schemas.codec;

import io.millrace.schemas.codec.avro.ReleasedSchemas;
import io.millrace.schemas.codec.record.CodecException;
import io.millrace.schemas.codec.record.RecordType;
import io.millrace.schemas.codec.record.SchemaRef;
import io.millrace.schemas.codec.registry.RegistryClient;
import io.millrace.schemas.codec.registry.RegistryException;
import org.apache.avro.specific.SpecificRecordBase;

/**
 * Encodes and decodes one kind of record in one wire format. Equal records give equal bytes, on
 * every JVM. For one thread.
 */
public interface RecordCodec<T extends SpecificRecordBase> {

    /** The record's bytes. */
    byte[] encode(T record);

    /**
     * Reads a record. Memory is proportional to the bytes, regardless of the lengths in them.
     *
     * @throws CodecException if the bytes are not such a record
     * @throws RegistryException if a schema registry is needed and does not answer
     */
    default T decode(byte[] bytes) throws CodecException {
        return decode(bytes, null);
    }

    /**
     * Reads a Kafka record's value.
     *
     * @param schemaId value of its {@link SchemaRef#HEADER}, or null; formats without a registry
     *     use it for messages only
     */
    default T decode(byte[] bytes, byte[] schemaId) throws CodecException {
        return reading(bytes, schemaId).read(bytes);
    }

    /**
     * Returns the decoder for a Kafka record's value, without reading it.
     *
     * @param schemaId value of its {@link SchemaRef#HEADER}, or null
     * @throws CodecException if its first bytes are not those of the format, or its schema is not
     *     known
     * @throws RegistryException if a schema registry is needed and does not answer
     */
    Reading<T> reading(byte[] bytes, byte[] schemaId) throws CodecException;

    /**
     * Prepares encoding: registers the schema if there is a registry, so that its errors show at
     * the start.
     */
    default void prepare() {}

    /**
     * Opens a codec.
     *
     * @param topic the topic that records are written to (a registry's subject is {@code
     *     TOPIC-value}); null if the codec only reads
     */
    static <T extends SpecificRecordBase> RecordCodec<T> open(
            RecordType<T> type, FormatSettings settings, String topic) {
        return switch (settings.format()) {
            case JSON -> new JsonCodec<>(type);
            case AVRO -> new AvroCodec<>(type, ReleasedSchemas.load(type));
            case CONFLUENT ->
                    new ConfluentCodec<>(
                            type,
                            ReleasedSchemas.load(type),
                            new RegistryClient(settings.registry()),
                            topic);
        };
    }
}

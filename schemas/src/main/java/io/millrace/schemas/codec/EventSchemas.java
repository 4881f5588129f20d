package io.millrace.schemas.codec;

import io.millrace.schemas.FailureCode;
import io.millrace.schemas.codec.avro.ReleasedSchemas;
import io.millrace.schemas.codec.record.CodecException;
import io.millrace.schemas.codec.record.OtherFormat;
import io.millrace.schemas.codec.record.SchemaRef;
import io.millrace.schemas.codec.record.WireFormat;
import io.millrace.schemas.codec.registry.RegistryClient;
import io.millrace.schemas.codec.registry.RegistryException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.SchemaCompatibility;

/**
 * Which schema the bytes of an event in Avro were written by, and what stands before bytes that are
 * written by a schema. For one thread.
 */
public final class EventSchemas {
    private static final int HEADER = 10;
    private static final long REFUSED_FOR_NANOS = 10_000_000_000L;
    private static final short MARK = (short) 0xC301;

    private final Map<Long, Schema> known = new HashMap<>();
    private final Map<Schema, byte[]> prefixes = new HashMap<>();

    /** Schemas that the registry did not take, asked again after a while. */
    private final Map<Schema, Refusal> refused = new HashMap<>();

    private record Refusal(String message, long untilNanos) {}

    /** Null for single-object encoding. */
    private final RegistryClient registry;

    /**
     * The writer's schema of a value.
     *
     * @param start bytes of the value before the event
     */
    public record Writer(Schema schema, int start) {}

    /**
     * @param schemas that events may have been written by, as JSON; without a registry
     */
    public EventSchemas(FormatSettings format, List<String> schemas) {
        this.registry =
                format.format() == WireFormat.CONFLUENT
                        ? new RegistryClient(format.registry())
                        : null;
        for (Schema schema : parse(schemas)) {
            known.put(ReleasedSchemas.fingerprint(schema), schema);
        }
    }

    /**
     * Checks the schemas of a job.
     *
     * @param schemas as JSON, the newest last
     * @throws IllegalArgumentException there are none where they are needed, or the other way
     *     round; one is no schema of records, or does not resolve to the newest
     */
    public static void check(FormatSettings format, List<String> schemas) {
        if (format.format() != WireFormat.AVRO) {
            if (!schemas.isEmpty()) {
                throw new IllegalArgumentException(
                        "--input-schema is of events with --format avro: "
                                + (format.format() == WireFormat.JSON
                                        ? "JSON has no schema."
                                        : "the schema registry has those of --format confluent."));
            }
            return;
        }
        if (schemas.isEmpty()) {
            throw new IllegalArgumentException(
                    "Events with --format avro need --input-schema FILE,..., the schemas that they"
                            + " were written by, the newest last.");
        }
        List<Schema> all = parse(schemas);
        Schema newest = all.get(all.size() - 1);
        for (Schema schema : all) {
            if (schema.getType() != Schema.Type.RECORD) {
                throw new IllegalArgumentException(
                        "A schema of --input-schema is of type %s: events are records."
                                .formatted(schema.getType().getName()));
            }
            var result =
                    SchemaCompatibility.checkReaderWriterCompatibility(newest, schema).getResult();
            if (result.getCompatibility()
                    != SchemaCompatibility.SchemaCompatibilityType.COMPATIBLE) {
                throw new IllegalArgumentException(
                        "A schema of --input-schema does not resolve to the last one, %s: %s."
                                .formatted(
                                        newest.getFullName(),
                                        result.getIncompatibilities().get(0).getMessage()));
            }
        }
    }

    /** Schemas of their JSON, each by itself: they may have the same name. */
    public static List<Schema> parse(List<String> schemas) {
        List<Schema> all = new ArrayList<>();
        schemas.forEach(schema -> all.add(new Schema.Parser().parse(schema)));
        return all;
    }

    /**
     * Finds the writer's schema.
     *
     * @param schemaId value of the header that names it, or null
     * @throws CodecException the bytes are not of the format, or the schema is not known
     * @throws RegistryException a schema registry is needed and does not answer
     */
    public Writer of(byte[] value, byte[] schemaId) throws CodecException {
        Writer writer =
                registry == null
                        ? ofFingerprint(value, schemaId)
                        : schemaId == null
                                ? new Writer(
                                        registry.schema(SchemaRef.ofPrefix(value)),
                                        SchemaRef.ID_BYTES)
                                : new Writer(registry.schema(SchemaRef.ofHeader(schemaId)), 0);
        if (writer.schema().getType() != Schema.Type.RECORD) {
            throw new CodecException(
                    FailureCode.UNREADABLE,
                    "the event is not a record, but Avro's " + writer.schema().getType().getName(),
                    null);
        }
        return writer;
    }

    private Writer ofFingerprint(byte[] value, byte[] schemaId) throws CodecException {
        if (value.length < HEADER || ByteBuffer.wrap(value).getShort() != MARK) {
            String other = OtherFormat.of(value, schemaId, WireFormat.AVRO);
            throw new CodecException(
                    FailureCode.UNREADABLE,
                    "not Avro single-object encoding, "
                            + (other == null
                                    ? "which starts with C3 01 and an 8-byte fingerprint"
                                    : "but " + other),
                    null);
        }
        long fingerprint = ByteBuffer.wrap(value).order(ByteOrder.LITTLE_ENDIAN).getLong(2);
        Schema schema = known.get(fingerprint);
        if (schema == null) {
            throw new CodecException(
                    FailureCode.UNKNOWN_SCHEMA,
                    "schema fingerprint %016x is none of the %d of --input-schema: add its file"
                            .formatted(fingerprint, known.size()),
                    null);
        }
        return new Writer(schema, HEADER);
    }

    /**
     * What stands before an event that is written by a schema; registers it if it is new.
     *
     * @param topic that it is written to
     * @throws CodecException the registry does not take the schema
     * @throws RegistryException it does not answer
     */
    public byte[] prefix(Schema schema, String topic) throws CodecException {
        byte[] prefix = prefixes.get(schema);
        if (prefix == null) {
            prefix = registry == null ? fingerprinted(schema) : registered(schema, topic);
            prefixes.put(schema, prefix);
        }
        return prefix;
    }

    private static byte[] fingerprinted(Schema schema) {
        return ByteBuffer.allocate(HEADER)
                .putShort(MARK)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(ReleasedSchemas.fingerprint(schema))
                .array();
    }

    private byte[] registered(Schema schema, String topic) throws CodecException {
        Refusal refusal = refused.get(schema);
        if (refusal == null || System.nanoTime() - refusal.untilNanos() >= 0) {
            try {
                int id = registry.register(topic + "-value", schema);
                return ByteBuffer.allocate(SchemaRef.ID_BYTES).put((byte) 0).putInt(id).array();
            } catch (RegistryException e) {
                if (!e.isRefusal()) {
                    throw e;
                }
                refusal = new Refusal(e.getMessage(), System.nanoTime() + REFUSED_FOR_NANOS);
                refused.put(schema, refusal);
            }
        }
        throw new CodecException(FailureCode.UNSUPPORTED, refusal.message(), null);
    }
}

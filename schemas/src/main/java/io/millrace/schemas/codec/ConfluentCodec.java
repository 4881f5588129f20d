package io.millrace.schemas.codec;

import io.millrace.schemas.codec.avro.AvroDatum;
import io.millrace.schemas.codec.avro.ReleasedSchemas;
import io.millrace.schemas.codec.record.CodecException;
import io.millrace.schemas.codec.record.RecordType;
import io.millrace.schemas.codec.record.SchemaRef;
import io.millrace.schemas.codec.registry.RegistryClient;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.Map;
import org.apache.avro.specific.SpecificRecordBase;

/**
 * Confluent's wire format: Avro binary after a prefix that names the schema, or, where a header of
 * the record names it, alone. We write the prefix.
 *
 * <pre>
 * 00 | schema id, 4 bytes, big endian | Avro binary
 * </pre>
 */
final class ConfluentCodec<T extends SpecificRecordBase> implements RecordCodec<T> {

    private final RecordType<T> type;
    private final AvroDatum<T> datum;
    private final ReleasedSchemas released;
    private final RegistryClient registry;
    private final String topic;
    private final Map<SchemaRef, Reading<T>> readings = new HashMap<>();
    private byte[] header;

    ConfluentCodec(
            RecordType<T> type, ReleasedSchemas released, RegistryClient registry, String topic) {
        this.type = type;
        this.datum = new AvroDatum<>(type);
        this.released = released;
        this.registry = registry;
        this.topic = topic;
    }

    @Override
    public void prepare() {
        if (topic == null) {
            throw new IllegalStateException("a codec opened without a topic only reads");
        }
        int id = registry.register(topic + "-value", released.current());
        header = ByteBuffer.allocate(SchemaRef.ID_BYTES).put((byte) 0).putInt(id).array();
    }

    @Override
    public byte[] encode(T record) {
        if (header == null) {
            prepare();
        }
        ByteArrayOutputStream out = new ByteArrayOutputStream(512);
        out.writeBytes(header);
        datum.write(record, out);
        return out.toByteArray();
    }

    @Override
    public Reading<T> reading(byte[] bytes, byte[] schemaId) throws CodecException {
        return schemaId == null
                ? reading(SchemaRef.ofPrefix(bytes), SchemaRef.ID_BYTES)
                : reading(SchemaRef.ofHeader(schemaId), 0);
    }

    private Reading<T> reading(SchemaRef ref, int start) throws CodecException {
        Reading<T> reading = readings.get(ref);
        if (reading == null) {
            reading = Reading.avro(type, registry.schema(ref), start);
            readings.put(ref, reading);
        }
        return reading.after(start);
    }

    @Override
    public String toString() {
        return "confluent " + type;
    }
}

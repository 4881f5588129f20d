package io.millrace.schemas.codec;

import io.millrace.schemas.FailureCode;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.Map;
import org.apache.avro.specific.SpecificDatumReader;
import org.apache.avro.specific.SpecificRecordBase;

/**
 * Confluent's wire format.
 *
 * <pre>
 * 00 | schema id, 4 bytes, big endian | Avro binary
 * </pre>
 */
final class ConfluentCodec<T extends SpecificRecordBase> implements RecordCodec<T> {

    private static final int HEADER = 5;

    private final RecordType<T> type;
    private final AvroDatum<T> datum;
    private final ReleasedSchemas released;
    private final RegistryClient registry;
    private final String topic;
    private final Map<Integer, SpecificDatumReader<T>> readers = new HashMap<>();
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
        header = ByteBuffer.allocate(HEADER).put((byte) 0).putInt(id).array();
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
    public T decode(byte[] bytes) throws CodecException {
        if (bytes.length < HEADER || bytes[0] != 0) {
            throw new CodecException(
                    FailureCode.UNREADABLE,
                    "not Confluent's wire format: it does not start with a zero byte and a 4-byte"
                            + " schema id (for JSON use --format json)",
                    null);
        }
        int id = ByteBuffer.wrap(bytes).getInt(1);
        SpecificDatumReader<T> reader = readers.get(id);
        if (reader == null) {
            reader = datum.reader(registry.schema(id));
            readers.put(id, reader);
        }
        return datum.read(reader, bytes, HEADER);
    }

    @Override
    public String toString() {
        return "confluent " + type;
    }
}

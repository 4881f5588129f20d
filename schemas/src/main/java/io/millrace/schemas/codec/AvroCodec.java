package io.millrace.schemas.codec;

import io.millrace.schemas.FailureCode;
import io.millrace.schemas.codec.avro.AvroDatum;
import io.millrace.schemas.codec.avro.ReleasedSchemas;
import io.millrace.schemas.codec.record.CodecException;
import io.millrace.schemas.codec.record.OtherFormat;
import io.millrace.schemas.codec.record.RecordType;
import io.millrace.schemas.codec.record.WireFormat;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HashMap;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.specific.SpecificRecordBase;

/**
 * Avro's single-object encoding.
 *
 * <pre>
 * C3 01 | fingerprint, 8 bytes, little endian | Avro binary
 * </pre>
 */
final class AvroCodec<T extends SpecificRecordBase> implements RecordCodec<T> {

    private static final int HEADER = 10;

    private final RecordType<T> type;
    private final AvroDatum<T> datum;
    private final Map<Long, Reading<T>> readings = new HashMap<>();
    private final byte[] header;

    AvroCodec(RecordType<T> type, ReleasedSchemas released) {
        this.type = type;
        this.datum = new AvroDatum<>(type);
        for (Schema schema : released.versions()) {
            Reading<T> reading = Reading.avro(type, schema, HEADER);
            readings.put(reading.fingerprint(), reading);
        }
        this.header =
                ByteBuffer.allocate(HEADER)
                        .order(ByteOrder.LITTLE_ENDIAN)
                        .put((byte) 0xC3)
                        .put((byte) 0x01)
                        .putLong(ReleasedSchemas.fingerprint(released.current()))
                        .array();
    }

    @Override
    public byte[] encode(T record) {
        ByteArrayOutputStream out = new ByteArrayOutputStream(512);
        out.writeBytes(header);
        datum.write(record, out);
        return out.toByteArray();
    }

    @Override
    public Reading<T> reading(byte[] bytes, byte[] schemaId) throws CodecException {
        if (bytes.length < HEADER || bytes[0] != header[0] || bytes[1] != header[1]) {
            String other = OtherFormat.of(bytes, schemaId, WireFormat.AVRO);
            throw new CodecException(
                    FailureCode.UNREADABLE,
                    "not Avro single-object encoding, "
                            + (other == null
                                    ? "which starts with C3 01 and an 8-byte fingerprint"
                                    : "but " + other),
                    null);
        }
        long fingerprint = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getLong(2);
        Reading<T> reading = readings.get(fingerprint);
        if (reading == null) {
            throw new CodecException(
                    FailureCode.UNKNOWN_SCHEMA,
                    String.format(
                            "schema fingerprint %016x is none of the %d released versions of a %s",
                            fingerprint, readings.size(), type),
                    null);
        }
        return reading;
    }
}

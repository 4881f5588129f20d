package io.millrace.schemas.codec.record;

import io.millrace.schemas.FailureCode;
import java.nio.ByteBuffer;
import java.util.UUID;

/**
 * How a record names its writer's schema in a registry: by a number of that registry, or by a GUID,
 * which is the same in all of them.
 *
 * <pre>
 * 00 | id, 4 bytes, big endian
 * 01 | GUID, 16 bytes, big endian
 * </pre>
 */
public sealed interface SchemaRef {

    /** Header in which Confluent's clients may name a value's schema; they look there first. */
    String HEADER = "__value_schema_id";

    /** Bytes of a number and what is before it. */
    int ID_BYTES = 5;

    /** Bytes of a GUID and what is before it. */
    int GUID_BYTES = 17;

    /** Where the registry tells of it. */
    String path();

    /** By number. */
    record Id(int id) implements SchemaRef {
        @Override
        public String path() {
            return "/schemas/ids/" + id;
        }

        @Override
        public String toString() {
            return "schema id " + id;
        }
    }

    /** By GUID. */
    record Guid(UUID guid) implements SchemaRef {
        @Override
        public String path() {
            return "/schemas/guids/" + guid;
        }

        @Override
        public String toString() {
            return "schema GUID " + guid;
        }
    }

    /**
     * Reads what stands before a record's value.
     *
     * @throws CodecException if there is no number there
     */
    static SchemaRef ofPrefix(byte[] value) throws CodecException {
        if (value.length < ID_BYTES || value[0] != 0) {
            String other = OtherFormat.of(value, null, WireFormat.CONFLUENT);
            throw new CodecException(
                    FailureCode.UNREADABLE,
                    "not Confluent's wire format"
                            + (other == null ? "" : ", but " + other)
                            + " (there is no __value_schema_id header, and the value does not start"
                            + " with a zero byte and a 4-byte schema id)",
                    null);
        }
        return new Id(ByteBuffer.wrap(value).getInt(1));
    }

    /**
     * Reads the header.
     *
     * @throws CodecException if it is neither form
     */
    static SchemaRef ofHeader(byte[] header) throws CodecException {
        ByteBuffer bytes = ByteBuffer.wrap(header);
        if (header.length == GUID_BYTES && header[0] == 1) {
            return new Guid(new UUID(bytes.getLong(1), bytes.getLong(1 + Long.BYTES)));
        }
        if (header.length == ID_BYTES && header[0] == 0) {
            return new Id(bytes.getInt(1));
        }
        throw new CodecException(
                FailureCode.UNREADABLE,
                "the __value_schema_id header has "
                        + header.length
                        + " bytes and is neither byte 1 and a 16-byte GUID nor byte 0 and a 4-byte"
                        + " schema id",
                null);
    }
}

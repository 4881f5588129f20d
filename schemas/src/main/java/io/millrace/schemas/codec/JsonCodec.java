package io.millrace.schemas.codec;

import org.apache.avro.specific.SpecificRecordBase;

/** The JSON form of a record: fields in the schema's order, nulls left out, nothing else. */
final class JsonCodec<T extends SpecificRecordBase> implements RecordCodec<T> {

    private final RecordType<T> type;

    JsonCodec(RecordType<T> type) {
        this.type = type;
    }

    @Override
    public byte[] encode(T record) {
        return JsonWriter.write(record);
    }

    @Override
    public T decode(byte[] bytes) throws CodecException {
        return decode(bytes, null);
    }

    @Override
    public T decode(byte[] bytes, byte[] schemaId) throws CodecException {
        // A typing mistake in a request must not pass silently; a newer release's result may.
        boolean strict = type == RecordType.REQUEST;
        T record = type.cast(new JsonReader(bytes, schemaId, strict).read(type));
        Ids.require(type, record);
        return record;
    }
}

package io.millrace.schemas.codec;

import io.millrace.schemas.codec.json.JsonWriter;
import io.millrace.schemas.codec.record.RecordType;
import org.apache.avro.specific.SpecificRecordBase;

/** The JSON form of a record: fields in the schema's order, nulls left out, nothing else. */
final class JsonCodec<T extends SpecificRecordBase> implements RecordCodec<T> {

    private final Reading<T> reading;

    JsonCodec(RecordType<T> type) {
        this.reading = Reading.json(type);
    }

    @Override
    public byte[] encode(T record) {
        return JsonWriter.write(record);
    }

    @Override
    public Reading<T> reading(byte[] bytes, byte[] schemaId) {
        return schemaId == null ? reading : reading.explainedBy(schemaId);
    }
}

package io.millrace.schemas.codec;

import io.millrace.schemas.FailureCode;
import io.millrace.schemas.text.Text;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Map;
import java.util.TreeMap;
import org.apache.avro.Schema;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.Encoder;
import org.apache.avro.io.EncoderFactory;
import org.apache.avro.specific.SpecificDatumReader;
import org.apache.avro.specific.SpecificDatumWriter;
import org.apache.avro.specific.SpecificRecordBase;

/** Avro binary of one kind of record: the part that both Avro formats share. For one thread. */
final class AvroDatum<T extends SpecificRecordBase> {

    private final RecordType<T> type;
    private final SpecificDatumWriter<T> writer;
    private BinaryEncoder encoder;
    private BinaryDecoder decoder;

    AvroDatum(RecordType<T> type) {
        this.type = type;
        this.writer = new SortingWriter<>(type.schema());
    }

    /** A reader of what that schema wrote; keep it, making one is dear. */
    SpecificDatumReader<T> reader(Schema written) {
        return new SpecificDatumReader<>(written, type.schema(), RecordType.DATA);
    }

    void write(T record, ByteArrayOutputStream out) {
        try {
            encoder = EncoderFactory.get().binaryEncoder(out, encoder);
            writer.write(record, encoder);
            encoder.flush();
        } catch (IOException e) {
            throw new UncheckedIOException("cannot write a " + type, e);
        }
    }

    T read(SpecificDatumReader<T> reader, byte[] bytes, int from) throws CodecException {
        AvroBytes.check(reader.getSchema(), bytes, from);
        T record;
        try {
            decoder = DecoderFactory.get().binaryDecoder(bytes, from, bytes.length - from, decoder);
            record = reader.read(null, decoder);
        } catch (IOException | RuntimeException e) {
            // The bytes are sound, so what is left is a writer's schema that has no way to ours.
            throw new CodecException(
                    FailureCode.UNREADABLE,
                    "the writer's schema "
                            + reader.getSchema().getFullName()
                            + " does not resolve to a "
                            + type
                            + ": "
                            + Text.brief(String.valueOf(e.getMessage()), 300),
                    null,
                    e);
        }
        Ids.require(type, record);
        return record;
    }

    /** Writes maps in the order of their keys: a map's own order depends on how it was made. */
    private static final class SortingWriter<T> extends SpecificDatumWriter<T> {

        SortingWriter(Schema schema) {
            super(schema, RecordType.DATA);
        }

        @Override
        protected void writeMap(Schema schema, Object map, Encoder out) throws IOException {
            super.writeMap(schema, new TreeMap<>((Map<?, ?>) map), out);
        }
    }
}

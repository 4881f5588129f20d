package io.millrace.schemas.codec.avro;

import io.millrace.schemas.FailureCode;
import io.millrace.schemas.codec.record.CodecException;
import io.millrace.schemas.codec.record.RecordType;
import io.millrace.schemas.text.Text;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Map;
import java.util.TreeMap;
import org.apache.avro.Schema;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.Encoder;
import org.apache.avro.io.EncoderFactory;
import org.apache.avro.io.ResolvingDecoder;
import org.apache.avro.specific.SpecificDatumReader;
import org.apache.avro.specific.SpecificDatumWriter;
import org.apache.avro.specific.SpecificRecordBase;

/**
 * Avro binary of one kind of record: the part that both Avro formats share. For one thread, but for
 * {@link #read}.
 */
public final class AvroDatum<T extends SpecificRecordBase> {

    private final RecordType<T> type;
    private final SpecificDatumWriter<T> writer;
    private BinaryEncoder encoder;

    public AvroDatum(RecordType<T> type) {
        this.type = type;
        this.writer = new SortingWriter<>(type.schema());
    }

    public void write(T record, ByteArrayOutputStream out) {
        try {
            encoder = EncoderFactory.get().binaryEncoder(out, encoder);
            writer.write(record, encoder);
            encoder.flush();
        } catch (IOException e) {
            throw new UncheckedIOException("cannot write a " + type, e);
        }
    }

    /** A record of {@code writer}'s; the bytes end with it. Any thread. */
    public static <T extends SpecificRecordBase> T read(
            RecordType<T> type, Schema writer, byte[] bytes, int from) throws CodecException {
        String id = AvroBytes.check(writer, bytes, from);
        PathReader<T> reader = new PathReader<>(writer, type.schema());
        try {
            return reader.read(
                    null,
                    DecoderFactory.get().binaryDecoder(bytes, from, bytes.length - from, null));
        } catch (IOException | RuntimeException e) {
            // The bytes are sound, so what is left is a writer's schema that has no way to ours.
            throw new CodecException(
                    FailureCode.UNREADABLE,
                    "the writer's schema "
                            + writer.getFullName()
                            + " does not resolve to a "
                            + type
                            + (reader.field.isEmpty() ? "" : " in field " + reader.field)
                            + ": "
                            + Text.brief(String.valueOf(e.getMessage()), 300),
                    id == null || id.isEmpty() ? null : id,
                    e);
        }
    }

    /** Knows in which field it is, so that one that does not resolve can be named. */
    private static final class PathReader<T> extends SpecificDatumReader<T> {
        private String field = "";

        PathReader(Schema written, Schema wanted) {
            super(written, wanted, RecordType.DATA);
        }

        @Override
        protected void readField(
                Object record, Schema.Field part, Object old, ResolvingDecoder in, Object state)
                throws IOException {
            String outer = field;
            field = outer.isEmpty() ? part.name() : outer + "." + part.name();
            super.readField(record, part, old, in, state);
            // Not reached where it throws: the field stays for the message.
            field = outer;
        }
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

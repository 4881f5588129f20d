package io.millrace.operators.record;

import io.millrace.operators.event.EventReading;
import io.millrace.operators.record.Origin.Header;
import io.millrace.schemas.EventForm;
import io.millrace.schemas.InferenceRequest;
import io.millrace.schemas.codec.Reading;
import io.millrace.schemas.codec.record.RecordType;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;
import org.apache.avro.specific.SpecificDatumReader;
import org.apache.avro.specific.SpecificDatumWriter;
import org.apache.avro.specific.SpecificRecordBase;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/** Writes and reads the fields that the wire types share. */
final class Wire {
    private static final int NO_READING = 0;
    private static final int JSON_READING = 1;
    private static final int AVRO_READING = 2;

    private static final Reading<InferenceRequest> JSON = Reading.json(RecordType.REQUEST);
    private static final Map<Long, Reading<InferenceRequest>> RELEASED =
            Reading.released(RecordType.REQUEST);

    private Wire() {}

    static void writeOrigin(Origin origin, DataOutputView out) throws IOException {
        writeString(origin.source(), out);
        writeString(origin.position().text(), out);
        out.writeLong(origin.timestamp());
        writeBytes(origin.key(), out);
        out.writeInt(origin.headers().size());
        for (Header header : origin.headers()) {
            writeString(header.name(), out);
            writeBytes(header.value(), out);
        }
        writeBytes(origin.value(), out);
    }

    static Origin readOrigin(DataInputView in) throws IOException {
        String source = readString(in);
        return readOrigin(source, Position.parse(readString(in)), in);
    }

    /** Reads an origin of an older release, which has topic, partition and offset. */
    static Origin readFirstOrigin(DataInputView in) throws IOException {
        String topic = readString(in);
        return readOrigin(topic, new Position.InPartition(in.readInt(), in.readLong()), in);
    }

    private static Origin readOrigin(String source, Position position, DataInputView in)
            throws IOException {
        long timestamp = in.readLong();
        byte[] key = readBytes(in);
        int count = in.readInt();
        List<Header> headers = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            headers.add(new Header(readString(in), readBytes(in)));
        }
        return new Origin(source, position, timestamp, key, headers, readBytes(in));
    }

    static <T extends SpecificRecordBase> void writeAvro(T record, DataOutputView out)
            throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(512);
        var encoder = EncoderFactory.get().directBinaryEncoder(bytes, null);
        new SpecificDatumWriter<T>(record.getSchema()).write(record, encoder);
        encoder.flush();
        writeBytes(bytes.toByteArray(), out);
    }

    static <T extends SpecificRecordBase> T readAvro(Class<T> type, DataInputView in)
            throws IOException {
        byte[] bytes = readBytes(in);
        return new SpecificDatumReader<>(type)
                .read(null, DecoderFactory.get().binaryDecoder(bytes, null));
    }

    /**
     * Writes the fingerprint of the reading's schema, not the schema. A reading by a schema that no
     * release contains is written as none.
     */
    static void writeReading(Reading<InferenceRequest> reading, DataOutputView out)
            throws IOException {
        if (reading == null) {
            out.writeByte(NO_READING);
        } else if (reading.writer() == null) {
            out.writeByte(JSON_READING);
        } else if (RELEASED.containsKey(reading.fingerprint())) {
            out.writeByte(AVRO_READING);
            out.writeLong(reading.fingerprint());
            out.writeInt(reading.start());
        } else {
            out.writeByte(NO_READING);
        }
    }

    static Reading<InferenceRequest> readReading(DataInputView in) throws IOException {
        int kind = in.readByte();
        switch (kind) {
            case NO_READING:
                return null;
            case JSON_READING:
                return JSON;
            case AVRO_READING:
                long fingerprint = in.readLong();
                int start = in.readInt();
                Reading<InferenceRequest> reading = RELEASED.get(fingerprint);
                return reading == null ? null : reading.after(start);
            default:
                throw new IOException("Unknown kind of reading: " + kind + ".");
        }
    }

    static void writeEvent(EventReading event, DataOutputView out) throws IOException {
        writeAvro(event.form(), out);
        writeString(event.writer() == null ? null : event.writer().toString(), out);
        out.writeInt(event.start());
    }

    static EventReading readEvent(DataInputView in) throws IOException {
        EventForm form = readAvro(EventForm.class, in);
        String writer = readString(in);
        return new EventReading(
                form, writer == null ? null : new Schema.Parser().parse(writer), in.readInt());
    }

    /** Writes UTF-8 of any length, or null. */
    static void writeString(String text, DataOutputView out) throws IOException {
        writeBytes(text == null ? null : text.getBytes(StandardCharsets.UTF_8), out);
    }

    static String readString(DataInputView in) throws IOException {
        byte[] bytes = readBytes(in);
        return bytes == null ? null : new String(bytes, StandardCharsets.UTF_8);
    }

    private static void writeBytes(byte[] bytes, DataOutputView out) throws IOException {
        out.writeInt(bytes == null ? -1 : bytes.length);
        if (bytes != null) {
            out.write(bytes);
        }
    }

    private static byte[] readBytes(DataInputView in) throws IOException {
        int length = in.readInt();
        if (length < 0) {
            return null;
        }
        byte[] bytes = new byte[length];
        in.readFully(bytes);
        return bytes;
    }
}

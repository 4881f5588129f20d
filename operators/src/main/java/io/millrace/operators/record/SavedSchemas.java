package io.millrace.operators.record;

import io.millrace.operators.event.EventReading;
import io.millrace.schemas.EventForm;
import io.millrace.schemas.InFlightModel;
import io.millrace.schemas.InFlightRequest;
import io.millrace.schemas.InferenceRequest;
import io.millrace.schemas.InferenceResult;
import io.millrace.schemas.RecordReading;
import io.millrace.schemas.codec.Reading;
import io.millrace.schemas.codec.record.RecordType;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.avro.Schema;
import org.apache.avro.SchemaNormalization;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.specific.SpecificData;
import org.apache.avro.specific.SpecificDatumReader;
import org.apache.avro.specific.SpecificRecordBase;

/**
 * What the elements of a snapshot refer to, saved once for all of them: the schemas that they and
 * their records' values were written by, as JSON, and the forms of events, as Avro messages.
 */
final class SavedSchemas {
    static final short MARK = (short) 0xC301;
    static final int HEADER_BYTES = 10;

    private static final Reading<InferenceRequest> JSON = Reading.json(RecordType.REQUEST);

    /** Costly to compute, and constant. */
    private static final Map<Schema, Long> FINGERPRINTS =
            Map.of(
                    InFlightRequest.getClassSchema(),
                    SchemaNormalization.parsingFingerprint64(InFlightRequest.getClassSchema()),
                    InferenceResult.getClassSchema(),
                    SchemaNormalization.parsingFingerprint64(InferenceResult.getClassSchema()),
                    InFlightModel.getClassSchema(),
                    SchemaNormalization.parsingFingerprint64(InFlightModel.getClassSchema()));

    private final Map<Long, Schema> writers = new HashMap<>();
    private final Map<Long, Reading<InferenceRequest>> readings = new HashMap<>();
    private final Map<Long, byte[]> forms = new HashMap<>();
    private final Map<RecordReading, EventReading> events = new HashMap<>();

    /**
     * @param saved what {@link #of} gave
     */
    SavedSchemas(Iterable<byte[]> saved) {
        FINGERPRINTS.keySet().forEach(this::know);
        for (byte[] element : saved) {
            if (element.length > HEADER_BYTES && ByteBuffer.wrap(element).getShort() == MARK) {
                forms.put(SchemaNormalization.fingerprint64(element), element);
            } else {
                know(new Schema.Parser().parse(new String(element, StandardCharsets.UTF_8)));
            }
        }
    }

    private void know(Schema schema) {
        writers.putIfAbsent(SchemaNormalization.parsingFingerprint64(schema), schema);
    }

    /**
     * What to save with elements of these records.
     *
     * @param subtask index of this subtask: the first one writes what all have in common
     */
    static List<byte[]> of(Stream<Inbound> records, int subtask) {
        Map<Long, Schema> schemas = new HashMap<>();
        Map<Long, byte[]> forms = new HashMap<>();
        if (subtask == 0) {
            FINGERPRINTS.forEach((schema, fingerprint) -> schemas.put(fingerprint, schema));
        }
        records.forEach(
                record -> {
                    Reading<InferenceRequest> reading = InFlightCodec.reading(record);
                    EventReading event = InFlightCodec.event(record);
                    if (event != null) {
                        forms.putIfAbsent(event.fingerprint(), event.encoded());
                        if (event.writer() != null) {
                            schemas.putIfAbsent(event.writerFingerprint(), event.writer());
                        }
                    } else if (reading != null && reading.writer() != null) {
                        schemas.putIfAbsent(reading.fingerprint(), reading.writer());
                    }
                });
        List<byte[]> all = new ArrayList<>();
        schemas.values().forEach(schema -> all.add(utf8(schema)));
        if (!forms.isEmpty()) {
            all.add(utf8(EventForm.getClassSchema()));
            all.addAll(forms.values());
        }
        return all;
    }

    private static byte[] utf8(Schema schema) {
        return schema.toString().getBytes(StandardCharsets.UTF_8);
    }

    /** The fingerprint of a schema of this release's state. */
    static long fingerprint(Schema schema) {
        return FINGERPRINTS.get(schema);
    }

    /** How an event is read that was read so before. */
    EventReading event(RecordReading saved) throws IOException {
        EventReading event = events.get(saved);
        if (event == null) {
            long fingerprint = saved.getEvent();
            byte[] form = forms.get(fingerprint);
            if (form == null) {
                throw new IOException(
                        "The savepoint does not hold the form of events "
                                + Long.toHexString(fingerprint)
                                + " that a request in flight was made by: it is damaged.");
            }
            event =
                    new EventReading(
                            read(EventForm.class, ByteBuffer.wrap(form)),
                            saved.getWriter() == null
                                    ? null
                                    : writer(InferenceRequest.class, saved.getWriter()),
                            saved.getStart());
            events.put(saved, event);
        }
        return event;
    }

    Reading<InferenceRequest> reading(RecordReading saved) throws IOException {
        Long fingerprint = saved.getWriter();
        if (fingerprint == null) {
            return JSON;
        }
        Reading<InferenceRequest> reading = readings.get(fingerprint);
        if (reading == null) {
            Schema writer = writer(InferenceRequest.class, fingerprint);
            reading = Reading.avro(RecordType.REQUEST, writer, saved.getStart());
            readings.put(fingerprint, reading);
        }
        return reading.after(saved.getStart());
    }

    <T extends SpecificRecordBase> T read(Class<T> type, ByteBuffer message) throws IOException {
        Schema writer = writer(type, message);
        SpecificData data = new SpecificData(type.getClassLoader());
        return new SpecificDatumReader<T>(writer, data.getSchema(type), data)
                .read(null, decoder(message));
    }

    /** Of a message that stands behind its schema's fingerprint then. */
    Schema writer(Class<?> type, ByteBuffer message) throws IOException {
        if (message.remaining() < HEADER_BYTES || message.getShort() != MARK) {
            throw new IOException("The saved bytes are not an Avro message.");
        }
        return writer(type, message.order(ByteOrder.LITTLE_ENDIAN).getLong());
    }

    private Schema writer(Class<?> type, long fingerprint) throws IOException {
        Schema writer = writers.get(fingerprint);
        if (writer == null) {
            throw new IOException(
                    "The savepoint does not hold the schema "
                            + Long.toHexString(fingerprint)
                            + " that its "
                            + type.getSimpleName()
                            + " was written with: it is damaged.");
        }
        return writer;
    }

    static BinaryDecoder decoder(ByteBuffer body) {
        return DecoderFactory.get()
                .binaryDecoder(
                        body.array(), body.arrayOffset() + body.position(), body.remaining(), null);
    }
}

package io.millrace.operators.record;

import io.millrace.operators.record.Origin.Header;
import io.millrace.schemas.FailureCode;
import io.millrace.schemas.InFlightModel;
import io.millrace.schemas.InFlightRequest;
import io.millrace.schemas.InferenceRequest;
import io.millrace.schemas.InferenceResult;
import io.millrace.schemas.RecordHeader;
import io.millrace.schemas.RecordReading;
import io.millrace.schemas.codec.Reading;
import io.millrace.schemas.codec.record.CodecException;
import io.millrace.schemas.codec.record.RecordType;
import java.io.ByteArrayOutputStream;
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
import org.apache.avro.SchemaBuilder;
import org.apache.avro.SchemaNormalization;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;
import org.apache.avro.specific.SpecificData;
import org.apache.avro.specific.SpecificDatumReader;
import org.apache.avro.specific.SpecificDatumWriter;
import org.apache.avro.specific.SpecificRecordBase;

/**
 * Writes records in flight as operator state and reads them back, in any schema that wrote them.
 *
 * <pre>
 *   element   [form][C3 01][CRC-64 of the writer's schema, 8 bytes][Avro binary]
 *   schemas   the writers' schemas as JSON, so that no release needs to know others and no restore
 *             asks a registry: of the elements once a snapshot, of records' values once a subtask
 *
 *   form 1    everything but requests; requests of older releases, with topic, partition, offset,
 *             and the request decoded beside the record's value
 *   form 2    requests with source and position, to be read out of the record's value again
 *   form 3    what stands for a request of form 2 that lies elsewhere in the snapshot
 * </pre>
 *
 * A request whose value does not tell all of it has no reading, and is decoded beside its value in
 * form 2, too.
 */
public final class InFlightCodec {
    private static final byte FIRST_FORM = 1;

    /** Form of a request, in which nothing but tokens and a few numbers are beside its record. */
    static final byte REQUEST_FORM = 2;

    /** What the first form has instead of a position. */
    private static final Schema FIRST_PLACE =
            SchemaBuilder.record(InFlightRequest.getClassSchema().getFullName())
                    .fields()
                    .requiredInt("partition")
                    .requiredLong("offset")
                    .endRecord();

    /** Form of a reference, which is no Avro. */
    private static final byte REFERENCE_FORM = 3;

    private static final Reading<InferenceRequest> JSON = Reading.json(RecordType.REQUEST);

    private static final short MARK = (short) 0xC301;
    private static final int HEADER_BYTES = 10;

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

    /**
     * @param schemas what {@link #schemas} gave when the elements were written
     */
    public InFlightCodec(Iterable<byte[]> schemas) {
        FINGERPRINTS.keySet().forEach(this::know);
        for (byte[] schema : schemas) {
            know(new Schema.Parser().parse(new String(schema, StandardCharsets.UTF_8)));
        }
    }

    private void know(Schema schema) {
        writers.putIfAbsent(SchemaNormalization.parsingFingerprint64(schema), schema);
    }

    /**
     * The schemas to save with elements of these records.
     *
     * @param subtask index of this subtask: the first one writes what all have in common
     */
    public static List<byte[]> schemas(Stream<Inbound> records, int subtask) {
        Map<Long, Schema> schemas = new HashMap<>();
        if (subtask == 0) {
            FINGERPRINTS.forEach((schema, fingerprint) -> schemas.put(fingerprint, schema));
        }
        records.forEach(
                record -> {
                    Reading<InferenceRequest> reading = reading(record);
                    if (reading != null && reading.writer() != null) {
                        schemas.putIfAbsent(reading.fingerprint(), reading.writer());
                    }
                });
        return schemas.values().stream()
                .map(schema -> schema.toString().getBytes(StandardCharsets.UTF_8))
                .toList();
    }

    public static byte[] encode(InFlightRequest request) throws IOException {
        String prompt = request.getRequest() == null ? null : request.getRequest().getPrompt();
        int tokens = 0;
        for (List<Integer> completion : request.getGenerated()) {
            tokens += completion.size();
        }
        // Room for the long parts, so that writing them does not copy what is written already.
        ByteArrayOutputStream out =
                new ByteArrayOutputStream(
                        1024
                                + request.getValue().remaining()
                                + (prompt == null ? 0 : prompt.length())
                                + 4 * tokens);
        out.write(REQUEST_FORM);
        write(request, out);
        return out.toByteArray();
    }

    /** What stands for a request that lies elsewhere: its source and position. */
    public static byte[] encodeReference(InFlightRequest request) {
        byte[] key = key(request).getBytes(StandardCharsets.UTF_8);
        return ByteBuffer.allocate(1 + key.length).put(REFERENCE_FORM).put(key).array();
    }

    /** Which request an element stands for; null where it is the request itself. */
    public static String reference(byte[] element) {
        return form(element) == REFERENCE_FORM
                ? new String(element, 1, element.length - 1, StandardCharsets.UTF_8)
                : null;
    }

    /** Tells a request in flight from others, as {@link #reference} does. */
    public static String key(InFlightRequest request) {
        return request.getPosition() + " " + request.getSource();
    }

    public static byte[] encode(InFlightModel model) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream(512);
        out.write(FIRST_FORM);
        write(model, out);
        return out.toByteArray();
    }

    /**
     * Reads a request in flight of any form. Its {@code request} is set whichever form it has, or
     * its failure: a record that this release does not take for a request any more is rejected.
     */
    public InFlightRequest decode(byte[] element) throws IOException {
        return decode(element, null);
    }

    /**
     * As {@link #decode(byte[])}.
     *
     * @param value the record's value, where it was left out of the element; else null
     */
    public InFlightRequest decode(byte[] element, byte[] value) throws IOException {
        int form = form(element);
        if (form != FIRST_FORM && form != REQUEST_FORM) {
            throw unknown(form, "forms 1 and 2");
        }
        InFlightRequest state = read(InFlightRequest.class, after(element));
        if (form == FIRST_FORM) {
            state.setPosition(firstPosition(after(element)).text());
        }
        if (value != null) {
            state.setValue(wrap(value));
        }
        if (state.getReading() != null) {
            try {
                state.setRequest(reading(state.getReading()).read(unwrap(state.getValue())));
            } catch (CodecException e) {
                state.setId(e.id());
                state.setFailureCode(e.code().name());
                state.setFailureMessage(e.getMessage());
                state.setGenerated(List.of());
            }
        }
        return state;
    }

    public InFlightModel decodeModel(byte[] element) throws IOException {
        int form = form(element);
        if (form != FIRST_FORM) {
            throw unknown(form, "form 1 only");
        }
        return read(InFlightModel.class, after(element));
    }

    /** Of an element that may be empty. */
    private static int form(byte[] element) {
        return element.length == 0 ? -1 : element[0];
    }

    private static ByteBuffer after(byte[] element) {
        return ByteBuffer.wrap(element, 1, element.length - 1);
    }

    private static IOException unknown(int form, String known) {
        return new IOException(
                "What was in flight was saved in form "
                        + (form < 0 ? "(empty)" : form)
                        + ", and this release reads "
                        + known
                        + ": restore with the release that wrote the savepoint, stop it"
                        + " with --drain, then start this one.");
    }

    private Position firstPosition(ByteBuffer message) throws IOException {
        Schema writer = writer(InFlightRequest.class, message);
        GenericRecord place =
                new GenericDatumReader<GenericRecord>(writer, FIRST_PLACE)
                        .read(null, decoder(message));
        return new Position.InPartition((int) place.get("partition"), (long) place.get("offset"));
    }

    private Reading<InferenceRequest> reading(RecordReading saved) throws IOException {
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

    public static ByteBuffer encodeResult(InferenceResult result) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream(1024);
        write(result, out);
        return ByteBuffer.wrap(out.toByteArray());
    }

    public InferenceResult decodeResult(ByteBuffer bytes) throws IOException {
        return read(InferenceResult.class, bytes.duplicate());
    }

    private static <T extends SpecificRecordBase> void write(T record, ByteArrayOutputStream out)
            throws IOException {
        ByteBuffer header = ByteBuffer.allocate(HEADER_BYTES);
        header.putShort(MARK).order(ByteOrder.LITTLE_ENDIAN);
        header.putLong(FINGERPRINTS.get(record.getSchema()));
        out.writeBytes(header.array());
        var encoder = EncoderFactory.get().directBinaryEncoder(out, null);
        new SpecificDatumWriter<T>(record.getSchema()).write(record, encoder);
        encoder.flush();
    }

    private <T extends SpecificRecordBase> T read(Class<T> type, ByteBuffer message)
            throws IOException {
        Schema writer = writer(type, message);
        SpecificData data = new SpecificData(type.getClassLoader());
        return new SpecificDatumReader<T>(writer, data.getSchema(type), data)
                .read(null, decoder(message));
    }

    /** Of a message that stands behind its schema's fingerprint then. */
    private Schema writer(Class<?> type, ByteBuffer message) throws IOException {
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

    private static BinaryDecoder decoder(ByteBuffer body) {
        return DecoderFactory.get()
                .binaryDecoder(
                        body.array(), body.arrayOffset() + body.position(), body.remaining(), null);
    }

    /** A state record with origin and content of {@code inbound} filled in. */
    public static InFlightRequest toState(Inbound inbound) {
        Origin origin = inbound.origin();
        List<RecordHeader> headers = new ArrayList<>(origin.headers().size());
        for (Header header : origin.headers()) {
            headers.add(new RecordHeader(header.name(), wrap(header.value())));
        }
        InFlightRequest.Builder state =
                InFlightRequest.newBuilder()
                        .setSource(origin.source())
                        .setPosition(origin.position().text())
                        .setTimestamp(origin.timestamp())
                        .setKey(wrap(origin.key()))
                        .setHeaders(headers)
                        .setValue(wrap(origin.value()))
                        .setArrivedMs(0);
        Reading<InferenceRequest> reading = reading(inbound);
        if (reading != null) {
            Long schema = reading.writer() == null ? null : reading.fingerprint();
            state.setReading(new RecordReading(schema, reading.start()));
        } else if (inbound instanceof Inbound.Request request) {
            state.setRequest(request.request());
        } else if (inbound instanceof Inbound.Rejected rejected) {
            state.setId(rejected.id())
                    .setFailureCode(rejected.code().name())
                    .setFailureMessage(rejected.message());
        }
        return state.build();
    }

    /** How a record is read once more; null if its value does not tell all of it. */
    private static Reading<InferenceRequest> reading(Inbound inbound) {
        if (inbound instanceof Inbound.Unread unread) {
            return unread.reading();
        }
        return inbound instanceof Inbound.Request request ? request.reading() : null;
    }

    /** The record of a state that {@link #decode} gave. */
    public Inbound toInbound(InFlightRequest state) throws IOException {
        List<Header> headers = new ArrayList<>(state.getHeaders().size());
        for (RecordHeader header : state.getHeaders()) {
            headers.add(new Header(header.getName(), unwrap(header.getValue())));
        }
        Origin origin =
                new Origin(
                        state.getSource(),
                        Position.parse(state.getPosition()),
                        state.getTimestamp(),
                        unwrap(state.getKey()),
                        headers,
                        unwrap(state.getValue()));
        if (state.getFailureCode() != null) {
            return new Inbound.Rejected(
                    origin,
                    state.getId(),
                    FailureCode.valueOf(state.getFailureCode()),
                    state.getFailureMessage());
        }
        if (state.getReading() == null) {
            return new Inbound.Request(origin, state.getRequest(), null);
        }
        Reading<InferenceRequest> reading = reading(state.getReading());
        boolean begun = !state.getGenerated().isEmpty() || state.getResult() != null;
        // A long one that has not begun may not have been read, and so not checked, before.
        return origin.isLong() && !begun
                ? new Inbound.Unread(origin, reading)
                : new Inbound.Request(origin, state.getRequest(), reading);
    }

    private static ByteBuffer wrap(byte[] bytes) {
        return bytes == null ? null : ByteBuffer.wrap(bytes);
    }

    private static byte[] unwrap(ByteBuffer buffer) {
        if (buffer == null) {
            return null;
        }
        if (buffer.remaining() == buffer.array().length) {
            return buffer.array();
        }
        byte[] bytes = new byte[buffer.remaining()];
        buffer.duplicate().get(bytes);
        return bytes;
    }
}

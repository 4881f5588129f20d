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
 * Encodes records in flight as elements of operator state and decodes them again, whichever schema
 * they were written with.
 *
 * <pre>
 *   element   [form][C3 01][CRC-64 of the writer's schema, 8 bytes][Avro binary]
 *   schemas   the writers' schemas as JSON, so that a restore needs no registry and no knowledge of
 *             other releases: schemas of elements once per snapshot, schemas of record values once
 *             per subtask
 *
 *   form 1    models in flight; also requests written by older releases, with topic, partition,
 *             offset, and the decoded request beside the record's value
 *   form 2    requests with source and position; a restore decodes the record's value again
 *   form 3    a reference to a request of form 2 that is stored elsewhere in the snapshot
 * </pre>
 *
 * A request that cannot be decoded from its record's value alone has no {@link Reading}: form 2
 * then stores the decoded request beside the value.
 */
public final class InFlightCodec {
    private static final byte FIRST_FORM = 1;

    /** Form of a request: its record, the tokens so far and a few numbers. */
    static final byte REQUEST_FORM = 2;

    /** The fields that form 1 has instead of a position. */
    private static final Schema FIRST_FORM_POSITION =
            SchemaBuilder.record(InFlightRequest.getClassSchema().getFullName())
                    .fields()
                    .requiredInt("partition")
                    .requiredLong("offset")
                    .endRecord();

    /** Form of a reference; it is not Avro. */
    private static final byte REFERENCE_FORM = 3;

    private static final Reading<InferenceRequest> JSON = Reading.json(RecordType.REQUEST);

    /** First bytes of Avro's single-object encoding. */
    private static final short MARK = (short) 0xC301;

    private static final int HEADER_BYTES = 10;

    /** Computed once, because computing them is slow. */
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
     * @param schemas the result of {@link #schemas} when the elements were written
     */
    public InFlightCodec(Iterable<byte[]> schemas) {
        FINGERPRINTS.keySet().forEach(this::addWriter);
        for (byte[] schema : schemas) {
            addWriter(new Schema.Parser().parse(new String(schema, StandardCharsets.UTF_8)));
        }
    }

    private void addWriter(Schema schema) {
        writers.putIfAbsent(SchemaNormalization.parsingFingerprint64(schema), schema);
    }

    /**
     * The schemas to save with the elements of these records.
     *
     * @param subtask index of this subtask; the first one also writes the schemas of elements
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
        // Large enough for the long fields, so that the buffer does not grow and copy.
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

    /** Encodes a reference, by source and position, to a request that is stored elsewhere. */
    public static byte[] encodeReference(InFlightRequest request) {
        byte[] key = key(request).getBytes(StandardCharsets.UTF_8);
        return ByteBuffer.allocate(1 + key.length).put(REFERENCE_FORM).put(key).array();
    }

    /** The key of the request that an element refers to; null if the element is no reference. */
    public static String reference(byte[] element) {
        return form(element) == REFERENCE_FORM
                ? new String(element, 1, element.length - 1, StandardCharsets.UTF_8)
                : null;
    }

    /** The key of a request in flight, unique within a job, which {@link #reference} returns. */
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
     * Decodes a request in flight of form 1 or 2. Sets either its {@code request} or its failure: a
     * record that an older release accepted and this one refuses becomes a failure.
     */
    public InFlightRequest decode(byte[] element) throws IOException {
        return decode(element, null);
    }

    /**
     * As {@link #decode(byte[])}.
     *
     * @param value the record's value if the element does not contain it, else null
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

    /** The form of an element; -1 if it is empty. */
    private static int form(byte[] element) {
        return element.length == 0 ? -1 : element[0];
    }

    private static ByteBuffer after(byte[] element) {
        return ByteBuffer.wrap(element, 1, element.length - 1);
    }

    private static IOException unknown(int form, String known) {
        return new IOException(
                "A record in flight was saved in form "
                        + (form < 0 ? "(empty)" : form)
                        + ", and this release reads "
                        + known
                        + ": restore with the release that wrote the savepoint, stop it"
                        + " with --drain, then start this one.");
    }

    private Position firstPosition(ByteBuffer message) throws IOException {
        Schema writer = writer(InFlightRequest.class, message);
        GenericRecord fields =
                new GenericDatumReader<GenericRecord>(writer, FIRST_FORM_POSITION)
                        .read(null, decoder(message));
        return new Position.InPartition((int) fields.get("partition"), (long) fields.get("offset"));
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

    /** Reads the header of a message and leaves the buffer at its Avro binary. */
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

    /** How to decode a record's value again; null if the value does not hold the whole request. */
    private static Reading<InferenceRequest> reading(Inbound inbound) {
        if (inbound instanceof Inbound.Unread unread) {
            return unread.reading();
        }
        return inbound instanceof Inbound.Request request ? request.reading() : null;
    }

    /** The record of a state that {@link #decode} returned. */
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
        // A long record without tokens may have been saved before it was decoded and validated.
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

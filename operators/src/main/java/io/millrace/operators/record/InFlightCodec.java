package io.millrace.operators.record;

import io.millrace.operators.event.EventReading;
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
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.apache.avro.Schema;
import org.apache.avro.SchemaBuilder;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.EncoderFactory;
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

    private final SavedSchemas schemas;

    /**
     * @param schemas the result of {@link #schemas} when the elements were written
     */
    public InFlightCodec(Iterable<byte[]> schemas) {
        this.schemas = new SavedSchemas(schemas);
    }

    /**
     * The schemas, and the forms of events, to save with elements of these records.
     *
     * @param subtask index of this subtask; the first one also writes the schemas of elements
     */
    public static List<byte[]> schemas(Stream<Inbound> records, int subtask) {
        return SavedSchemas.of(records, subtask);
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
        InFlightRequest state = schemas.read(InFlightRequest.class, after(element));
        if (form == FIRST_FORM) {
            state.setPosition(firstPosition(after(element)).text());
        }
        if (value != null) {
            state.setValue(wrap(value));
        }
        if (state.getReading() != null && isReadNow(state)) {
            try {
                state.setRequest(read(state));
            } catch (CodecException e) {
                state.setId(e.id());
                state.setFailureCode(e.code().name());
                state.setFailureMessage(e.getMessage());
                state.setGenerated(List.of());
            }
        }
        return state;
    }

    /**
     * An event is read where tokens continue its prompt: one that has not begun is read in its
     * turn, and one with an answer needs no prompt.
     */
    private static boolean isReadNow(InFlightRequest state) {
        return state.getReading().getEvent() == null || !state.getGenerated().isEmpty();
    }

    private InferenceRequest read(InFlightRequest state) throws IOException, CodecException {
        RecordReading reading = state.getReading();
        return reading.getEvent() == null
                ? schemas.reading(reading).read(unwrap(state.getValue()))
                : schemas.event(reading).read(origin(state).asEvent());
    }

    public InFlightModel decodeModel(byte[] element) throws IOException {
        int form = form(element);
        if (form != FIRST_FORM) {
            throw unknown(form, "form 1 only");
        }
        return schemas.read(InFlightModel.class, after(element));
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
        Schema writer = schemas.writer(InFlightRequest.class, message);
        GenericRecord fields =
                new GenericDatumReader<GenericRecord>(writer, FIRST_FORM_POSITION)
                        .read(null, SavedSchemas.decoder(message));
        return new Position.InPartition((int) fields.get("partition"), (long) fields.get("offset"));
    }

    public static ByteBuffer encodeResult(InferenceResult result) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream(1024);
        write(result, out);
        return ByteBuffer.wrap(out.toByteArray());
    }

    public InferenceResult decodeResult(ByteBuffer bytes) throws IOException {
        return schemas.read(InferenceResult.class, bytes.duplicate());
    }

    private static <T extends SpecificRecordBase> void write(T record, ByteArrayOutputStream out)
            throws IOException {
        ByteBuffer header = ByteBuffer.allocate(SavedSchemas.HEADER_BYTES);
        header.putShort(SavedSchemas.MARK).order(ByteOrder.LITTLE_ENDIAN);
        header.putLong(SavedSchemas.fingerprint(record.getSchema()));
        out.writeBytes(header.array());
        var encoder = EncoderFactory.get().directBinaryEncoder(out, null);
        new SpecificDatumWriter<T>(record.getSchema()).write(record, encoder);
        encoder.flush();
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
        EventReading event = event(inbound);
        if (event != null) {
            state.setReading(
                    new RecordReading(
                            event.writerFingerprint(), event.start(), event.fingerprint()));
        } else if (reading != null) {
            Long schema = reading.writer() == null ? null : reading.fingerprint();
            state.setReading(new RecordReading(schema, reading.start(), null));
        } else if (inbound instanceof Inbound.Tombstone) {
            state.setTombstone(true);
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
    static Reading<InferenceRequest> reading(Inbound inbound) {
        if (inbound instanceof Inbound.Unread unread) {
            return unread.reading();
        }
        return inbound instanceof Inbound.Request request ? request.reading() : null;
    }

    /** How a request is made of a record once more; null if that is no event. */
    public static EventReading event(Inbound inbound) {
        if (inbound instanceof Inbound.Unread unread) {
            return unread.event();
        }
        return inbound instanceof Inbound.Request request ? request.event() : null;
    }

    /** The record of a state that {@link #decode} gave. */
    public Inbound toInbound(InFlightRequest state) throws IOException {
        Origin origin = origin(state);
        if (state.getFailureCode() != null) {
            return new Inbound.Rejected(
                    origin,
                    state.getId(),
                    FailureCode.valueOf(state.getFailureCode()),
                    state.getFailureMessage());
        }
        if (state.getTombstone()) {
            return new Inbound.Tombstone(origin);
        }
        RecordReading saved = state.getReading();
        if (saved == null) {
            return new Inbound.Request(origin, state.getRequest());
        }
        EventReading event = saved.getEvent() == null ? null : schemas.event(saved);
        Reading<InferenceRequest> reading = event == null ? schemas.reading(saved) : null;
        boolean begun = !state.getGenerated().isEmpty() || state.getResult() != null;
        // One that takes long to read and has not begun may not have been read, and so not
        // checked, before; how long an event takes its length does not tell.
        return origin.isLong() && !begun || event != null && !isReadNow(state)
                ? new Inbound.Unread(origin, reading, event)
                : new Inbound.Request(origin, state.getRequest(), reading, event);
    }

    private static Origin origin(InFlightRequest state) {
        List<Header> headers = new ArrayList<>(state.getHeaders().size());
        for (RecordHeader header : state.getHeaders()) {
            headers.add(new Header(header.getName(), unwrap(header.getValue())));
        }
        return new Origin(
                state.getSource(),
                Position.parse(state.getPosition()),
                state.getTimestamp(),
                unwrap(state.getKey()),
                headers,
                unwrap(state.getValue()));
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

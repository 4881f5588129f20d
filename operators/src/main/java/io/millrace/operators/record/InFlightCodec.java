package io.millrace.operators.record;

import io.millrace.operators.record.Origin.Header;
import io.millrace.schemas.FailureCode;
import io.millrace.schemas.InFlightModel;
import io.millrace.schemas.InFlightRequest;
import io.millrace.schemas.InferenceResult;
import io.millrace.schemas.RecordHeader;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.SchemaNormalization;
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
 *   element   [version = 1][C3 01][CRC-64 of the writer's schema, 8 bytes][Avro binary]
 *   schemas   the writer's schemas as JSON, once a snapshot, so that no release needs to know others
 * </pre>
 */
public final class InFlightCodec {
    /** Form of an element around the Avro message. */
    static final byte VERSION = 1;

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

    /** This release's schemas, for the snapshot. */
    public static List<byte[]> schemas() {
        return FINGERPRINTS.keySet().stream()
                .map(schema -> schema.toString().getBytes(StandardCharsets.UTF_8))
                .toList();
    }

    public static byte[] encode(SpecificRecordBase record) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream(1024 + textBytes(record));
        out.write(VERSION);
        write(record, out);
        return out.toByteArray();
    }

    /** Bytes of the long parts, so that writing them does not copy what is written already. */
    private static int textBytes(SpecificRecordBase record) {
        if (!(record instanceof InFlightRequest request)) {
            return 0;
        }
        String prompt = request.getRequest() == null ? null : request.getRequest().getPrompt();
        return request.getValue().remaining() + (prompt == null ? 0 : prompt.length());
    }

    public InFlightRequest decode(byte[] element) throws IOException {
        return decode(InFlightRequest.class, element);
    }

    public <T extends SpecificRecordBase> T decode(Class<T> type, byte[] element)
            throws IOException {
        if (element.length == 0 || element[0] != VERSION) {
            throw new IOException(
                    "A request in flight was saved in form "
                            + (element.length == 0 ? "(empty)" : element[0])
                            + ", and this release reads form "
                            + VERSION
                            + " only: restore with the release that wrote the savepoint, stop it"
                            + " with --drain, then start this one.");
        }
        return read(type, ByteBuffer.wrap(element, 1, element.length - 1));
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

    private <T extends SpecificRecordBase> T read(Class<T> type, ByteBuffer bytes)
            throws IOException {
        if (bytes.remaining() < HEADER_BYTES || bytes.getShort() != MARK) {
            throw new IOException("The saved bytes are not an Avro message.");
        }
        long fingerprint = bytes.order(ByteOrder.LITTLE_ENDIAN).getLong();
        Schema writer = writers.get(fingerprint);
        if (writer == null) {
            throw new IOException(
                    "The savepoint does not hold the schema "
                            + Long.toHexString(fingerprint)
                            + " that its "
                            + type.getSimpleName()
                            + " was written with: it is damaged.");
        }
        byte[] body = new byte[bytes.remaining()];
        bytes.get(body);
        SpecificData data = new SpecificData(type.getClassLoader());
        Schema reader = data.getSchema(type);
        return new SpecificDatumReader<T>(writer, reader, data)
                .read(null, DecoderFactory.get().binaryDecoder(body, null));
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
                        .setTopic(origin.source())
                        .setPartition(origin.position().partition())
                        .setOffset(origin.position().offset())
                        .setTimestamp(origin.timestamp())
                        .setKey(wrap(origin.key()))
                        .setHeaders(headers)
                        .setValue(wrap(origin.value()))
                        .setArrivedMs(0);
        if (inbound instanceof Inbound.Request request) {
            state.setRequest(request.request());
        } else if (inbound instanceof Inbound.Rejected rejected) {
            state.setId(rejected.id())
                    .setFailureCode(rejected.code().name())
                    .setFailureMessage(rejected.message());
        }
        return state.build();
    }

    public static Inbound toInbound(InFlightRequest state) {
        List<Header> headers = new ArrayList<>(state.getHeaders().size());
        for (RecordHeader header : state.getHeaders()) {
            headers.add(new Header(header.getName(), unwrap(header.getValue())));
        }
        Origin origin =
                new Origin(
                        state.getTopic(),
                        new Position.InPartition(state.getPartition(), state.getOffset()),
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
        return new Inbound.Request(origin, state.getRequest());
    }

    private static ByteBuffer wrap(byte[] bytes) {
        return bytes == null ? null : ByteBuffer.wrap(bytes);
    }

    private static byte[] unwrap(ByteBuffer buffer) {
        if (buffer == null) {
            return null;
        }
        byte[] bytes = new byte[buffer.remaining()];
        buffer.duplicate().get(bytes);
        return bytes;
    }
}

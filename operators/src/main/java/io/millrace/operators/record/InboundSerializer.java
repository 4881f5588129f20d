package io.millrace.operators.record;

import io.millrace.schemas.FailureCode;
import io.millrace.schemas.InferenceRequest;
import java.io.IOException;
import org.apache.flink.api.common.typeutils.SimpleTypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/** Serializer of {@link Inbound}. */
public final class InboundSerializer extends WireSerializer<Inbound> {
    private static final long serialVersionUID = 1L;
    public static final InboundSerializer INSTANCE = new InboundSerializer();

    // Kinds 0 and 1 are those of older releases; unaligned checkpoints can hold such records.
    private static final int FIRST_REQUEST = 0;
    private static final int FIRST_REJECTED = 1;
    private static final int REQUEST = 2;
    private static final int REJECTED = 3;
    private static final int EVENT = 4;
    private static final int TOMBSTONE = 5;

    @Override
    public void serialize(Inbound inbound, DataOutputView out) throws IOException {
        if (inbound instanceof Inbound.Request request) {
            out.writeByte(request.event() == null ? REQUEST : EVENT);
            Wire.writeOrigin(request.origin(), out);
            Wire.writeAvro(request.request(), out);
            if (request.event() == null) {
                Wire.writeReading(request.reading(), out);
            } else {
                Wire.writeEvent(request.event(), out);
            }
        } else if (inbound instanceof Inbound.Tombstone tombstone) {
            out.writeByte(TOMBSTONE);
            Wire.writeOrigin(tombstone.origin(), out);
        } else if (inbound instanceof Inbound.Rejected rejected) {
            out.writeByte(REJECTED);
            Wire.writeOrigin(rejected.origin(), out);
            Wire.writeString(rejected.id(), out);
            Wire.writeString(rejected.code().name(), out);
            Wire.writeString(rejected.message(), out);
        } else if (inbound instanceof Inbound.Unread unread) {
            serialize(unread.read(), out);
        }
    }

    @Override
    public Inbound deserialize(DataInputView in) throws IOException {
        int kind = in.readByte();
        Origin origin =
                switch (kind) {
                    case FIRST_REQUEST, FIRST_REJECTED -> Wire.readFirstOrigin(in);
                    case REQUEST, REJECTED, EVENT, TOMBSTONE -> Wire.readOrigin(in);
                    default ->
                            throw new IOException("Unknown kind of inbound record: " + kind + ".");
                };
        return switch (kind) {
            case FIRST_REQUEST ->
                    new Inbound.Request(origin, Wire.readAvro(InferenceRequest.class, in));
            case REQUEST ->
                    new Inbound.Request(
                            origin,
                            Wire.readAvro(InferenceRequest.class, in),
                            Wire.readReading(in));
            case EVENT ->
                    new Inbound.Request(
                            origin,
                            Wire.readAvro(InferenceRequest.class, in),
                            null,
                            Wire.readEvent(in));
            case TOMBSTONE -> new Inbound.Tombstone(origin);
            default ->
                    new Inbound.Rejected(
                            origin,
                            Wire.readString(in),
                            FailureCode.valueOf(Wire.readString(in)),
                            Wire.readString(in));
        };
    }

    @Override
    public TypeSerializerSnapshot<Inbound> snapshotConfiguration() {
        return new Snapshot();
    }

    /** Names this serializer in savepoints. */
    public static final class Snapshot extends SimpleTypeSerializerSnapshot<Inbound> {
        public Snapshot() {
            super(() -> INSTANCE);
        }
    }
}

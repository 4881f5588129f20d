package io.millrace.operators.record;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.api.common.typeutils.SimpleTypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/** Serializer of {@link MicroBatch}. */
public final class MicroBatchSerializer extends WireSerializer<MicroBatch> {
    private static final long serialVersionUID = 1L;
    public static final MicroBatchSerializer INSTANCE = new MicroBatchSerializer();

    @Override
    public void serialize(MicroBatch batch, DataOutputView out) throws IOException {
        out.writeInt(batch.records().size());
        for (Inbound record : batch.records()) {
            InboundSerializer.INSTANCE.serialize(record, out);
        }
    }

    @Override
    public MicroBatch deserialize(DataInputView in) throws IOException {
        int size = in.readInt();
        List<Inbound> records = new ArrayList<>(size);
        for (int i = 0; i < size; i++) {
            records.add(InboundSerializer.INSTANCE.deserialize(in));
        }
        return new MicroBatch(records);
    }

    @Override
    public TypeSerializerSnapshot<MicroBatch> snapshotConfiguration() {
        return new Snapshot();
    }

    /** Names this serializer in savepoints. */
    public static final class Snapshot extends SimpleTypeSerializerSnapshot<MicroBatch> {
        public Snapshot() {
            super(() -> INSTANCE);
        }
    }
}

package io.millrace.operators.corpus;

import io.millrace.operators.corpus.output.FileEvent;
import io.millrace.operators.corpus.output.FileEventSerializer;
import io.millrace.operators.record.InboundSerializer;
import io.millrace.operators.record.WireSerializer;
import io.millrace.operators.record.WireType;
import java.io.IOException;
import org.apache.flink.api.common.typeutils.SimpleTypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/** Serializer of {@link FileRecord}. */
public final class FileRecordSerializer extends WireSerializer<FileRecord> {
    private static final long serialVersionUID = 1L;
    private static final FileRecordSerializer INSTANCE = new FileRecordSerializer();
    public static final WireType<FileRecord> TYPE = WireType.of(FileRecord.class, INSTANCE);

    @Override
    public void serialize(FileRecord record, DataOutputView out) throws IOException {
        out.writeBoolean(record instanceof FileRecord.Row);
        if (record instanceof FileRecord.Row row) {
            InboundSerializer.INSTANCE.serialize(row.inbound(), out);
        } else if (record instanceof FileRecord.Ended ended) {
            FileEventSerializer.INSTANCE.serialize(ended.end(), out);
        }
    }

    @Override
    public FileRecord deserialize(DataInputView in) throws IOException {
        return in.readBoolean()
                ? new FileRecord.Row(InboundSerializer.INSTANCE.deserialize(in))
                : new FileRecord.Ended(
                        (FileEvent.End) FileEventSerializer.INSTANCE.deserialize(in));
    }

    @Override
    public TypeSerializerSnapshot<FileRecord> snapshotConfiguration() {
        return new Snapshot();
    }

    /** Names this serializer in savepoints. */
    public static final class Snapshot extends SimpleTypeSerializerSnapshot<FileRecord> {
        public Snapshot() {
            super(() -> INSTANCE);
        }
    }
}

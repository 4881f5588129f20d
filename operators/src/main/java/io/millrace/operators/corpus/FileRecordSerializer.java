package io.millrace.operators.corpus;

import io.millrace.operators.corpus.output.FileNews;
import io.millrace.operators.corpus.output.FileNewsSerializer;
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
    public void serialize(FileRecord given, DataOutputView out) throws IOException {
        out.writeBoolean(given instanceof FileRecord.Asked);
        if (given instanceof FileRecord.Asked asked) {
            InboundSerializer.INSTANCE.serialize(asked.inbound(), out);
        } else if (given instanceof FileRecord.Ended ended) {
            FileNewsSerializer.INSTANCE.serialize(ended.end(), out);
        }
    }

    @Override
    public FileRecord deserialize(DataInputView in) throws IOException {
        return in.readBoolean()
                ? new FileRecord.Asked(InboundSerializer.INSTANCE.deserialize(in))
                : new FileRecord.Ended((FileNews.End) FileNewsSerializer.INSTANCE.deserialize(in));
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

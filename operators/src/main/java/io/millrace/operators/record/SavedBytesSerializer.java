package io.millrace.operators.record;

import java.io.IOException;
import org.apache.flink.api.common.typeutils.SimpleTypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.TypeSerializerSchemaCompatibility;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.base.array.BytePrimitiveArraySerializer;
import org.apache.flink.api.common.typeutils.base.array.BytePrimitiveArraySerializer.BytePrimitiveArraySerializerSnapshot;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/**
 * Serializer of operator state elements that never change. Unlike with Flink's serializer of byte
 * arrays, a snapshot does not copy them on the mailbox thread. Both serializers write the same
 * bytes, and this one accepts state of the other.
 */
public final class SavedBytesSerializer extends WireSerializer<byte[]> {
    private static final long serialVersionUID = 1L;
    public static final SavedBytesSerializer INSTANCE = new SavedBytesSerializer();

    @Override
    public void serialize(byte[] element, DataOutputView out) throws IOException {
        BytePrimitiveArraySerializer.INSTANCE.serialize(element, out);
    }

    @Override
    public byte[] deserialize(DataInputView in) throws IOException {
        return BytePrimitiveArraySerializer.INSTANCE.deserialize(in);
    }

    @Override
    public TypeSerializerSnapshot<byte[]> snapshotConfiguration() {
        return new Snapshot();
    }

    /** Names this serializer in savepoints. */
    public static final class Snapshot extends SimpleTypeSerializerSnapshot<byte[]> {
        public Snapshot() {
            super(() -> INSTANCE);
        }

        @Override
        public TypeSerializerSchemaCompatibility<byte[]> resolveSchemaCompatibility(
                TypeSerializerSnapshot<byte[]> earlier) {
            return earlier instanceof BytePrimitiveArraySerializerSnapshot
                    ? TypeSerializerSchemaCompatibility.compatibleAsIs()
                    : super.resolveSchemaCompatibility(earlier);
        }
    }
}

package io.millrace.operators.record;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.apache.flink.api.common.typeutils.base.array.BytePrimitiveArraySerializer;
import org.apache.flink.core.memory.DataInputDeserializer;
import org.apache.flink.core.memory.DataOutputSerializer;
import org.apache.flink.runtime.state.ArrayListSerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SavedBytesSerializerTest {
    @ParameterizedTest
    @ValueSource(ints = {0, 1, 97, 70_001})
    void theBytesAreThoseOfFlinksOwnSerializer(int size) throws Exception {
        byte[] element = new byte[size];
        for (int i = 0; i < size; i++) {
            element[i] = (byte) (i * 31);
        }
        DataOutputSerializer ours = new DataOutputSerializer(16);
        SavedBytesSerializer.INSTANCE.serialize(element, ours);
        DataOutputSerializer theirs = new DataOutputSerializer(16);
        BytePrimitiveArraySerializer.INSTANCE.serialize(element, theirs);
        assertThat(ours.getCopyOfBuffer()).isEqualTo(theirs.getCopyOfBuffer());
        assertThat(
                        SavedBytesSerializer.INSTANCE.deserialize(
                                new DataInputDeserializer(theirs.getCopyOfBuffer())))
                .isEqualTo(element);
    }

    @Test
    void aSnapshotTakesElementsAsTheyAre() {
        byte[] element = new byte[17];
        ArrayList<byte[]> state = new ArrayList<>(List.of(element));
        ArrayList<byte[]> copy =
                new ArrayListSerializer<>(SavedBytesSerializer.INSTANCE).copy(state);
        assertThat(copy).isNotSameAs(state);
        assertThat(copy.get(0)).isSameAs(element);
    }

    @Test
    void stateOfFlinksOwnSerializerIsTakenOver() {
        var snapshot = SavedBytesSerializer.INSTANCE.snapshotConfiguration();
        assertThat(
                        snapshot.resolveSchemaCompatibility(
                                        BytePrimitiveArraySerializer.INSTANCE
                                                .snapshotConfiguration())
                                .isCompatibleAsIs())
                .isTrue();
        assertThat(
                        snapshot.resolveSchemaCompatibility(
                                        SavedBytesSerializer.INSTANCE.snapshotConfiguration())
                                .isCompatibleAsIs())
                .isTrue();
    }
}

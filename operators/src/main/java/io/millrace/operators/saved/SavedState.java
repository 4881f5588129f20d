package io.millrace.operators.saved;

import java.io.DataInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.api.common.typeutils.base.array.BytePrimitiveArraySerializer;
import org.apache.flink.core.fs.FSDataInputStream;
import org.apache.flink.core.memory.DataInputViewStreamWrapper;
import org.apache.flink.runtime.checkpoint.Checkpoints;
import org.apache.flink.runtime.checkpoint.OperatorState;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.runtime.checkpoint.metadata.CheckpointMetadata;
import org.apache.flink.runtime.state.DefaultOperatorStateBackend;
import org.apache.flink.runtime.state.OperatorStateHandle;
import org.apache.flink.runtime.state.OperatorStateHandle.StateMetaInfo;
import org.apache.flink.runtime.state.filesystem.AbstractFsCheckpointStorageAccess;

/** The operator state of one completed checkpoint or savepoint. */
public final class SavedState {
    /** Version of Flink's managed operator state from which on it has a compression flag. */
    private static final int COMPRESSIBLE = 6;

    private static final String COMPRESSION = "execution.checkpointing.snapshot-compression";

    private final CheckpointMetadata checkpoint;

    private SavedState(CheckpointMetadata checkpoint) {
        this.checkpoint = checkpoint;
    }

    /**
     * Reads the metadata of the checkpoint.
     *
     * @param folder path or address of the checkpoint
     * @throws IOException it does not exist, is incomplete, or was not written by Flink
     */
    public static SavedState open(String folder) throws IOException {
        try (DataInputStream in =
                new DataInputStream(
                        AbstractFsCheckpointStorageAccess.resolveCheckpointPointer(folder)
                                .getMetadataHandle()
                                .openInputStream())) {
            return new SavedState(
                    Checkpoints.loadCheckpointMetadata(
                            in, SavedState.class.getClassLoader(), folder));
        }
    }

    /** Reads one part of a state from a stream with further content. */
    public interface PartReader<T> {
        T read(InputStream in) throws IOException;
    }

    /**
     * Elements of a list state of byte arrays, of every operator and subtask that has one of that
     * name.
     *
     * @throws IOException its files are missing or compressed
     */
    public List<byte[]> elements(String name) throws IOException {
        List<byte[]> elements = new ArrayList<>();
        for (OperatorSubtaskState subtask : subtasks()) {
            for (OperatorStateHandle handle : subtask.getManagedOperatorState()) {
                if (handle.getStateNameToPartitionOffsets().containsKey(name)) {
                    requirePlain(handle);
                }
                read(handle, name, SavedState::element, elements);
            }
        }
        return elements;
    }

    /** Refuses compressed state, whose bytes would be read as lengths. */
    private static void requirePlain(OperatorStateHandle handle) throws IOException {
        try (DataInputStream in = new DataInputStream(handle.openInputStream())) {
            if (in.readInt() >= COMPRESSIBLE && in.readBoolean()) {
                throw new IOException("its state is compressed (" + COMPRESSION + ")");
            }
        }
    }

    private static byte[] element(InputStream in) throws IOException {
        return BytePrimitiveArraySerializer.INSTANCE.deserialize(
                new DataInputViewStreamWrapper(in));
    }

    /**
     * Partitions of raw operator state, of every operator and subtask that also has a list state.
     *
     * @param name name of the list state
     */
    public <T> List<T> rawBeside(String name, PartReader<T> reader) throws IOException {
        List<T> partitions = new ArrayList<>();
        for (OperatorSubtaskState subtask : subtasks()) {
            if (subtask.getManagedOperatorState().stream()
                    .anyMatch(
                            handle -> handle.getStateNameToPartitionOffsets().containsKey(name))) {
                for (OperatorStateHandle handle : subtask.getRawOperatorState()) {
                    read(
                            handle,
                            DefaultOperatorStateBackend.DEFAULT_OPERATOR_STATE_NAME,
                            reader,
                            partitions);
                }
            }
        }
        return partitions;
    }

    private List<OperatorSubtaskState> subtasks() {
        List<OperatorSubtaskState> subtasks = new ArrayList<>();
        for (OperatorState operator : checkpoint.getOperatorStates()) {
            subtasks.addAll(operator.getStates());
        }
        return subtasks;
    }

    private static <T> void read(
            OperatorStateHandle handle, String state, PartReader<T> reader, List<T> to)
            throws IOException {
        StateMetaInfo places = handle.getStateNameToPartitionOffsets().get(state);
        if (places == null) {
            return;
        }
        try (FSDataInputStream in = handle.openInputStream()) {
            for (long place : places.getOffsets()) {
                in.seek(place);
                to.add(reader.read(in));
            }
        }
    }
}

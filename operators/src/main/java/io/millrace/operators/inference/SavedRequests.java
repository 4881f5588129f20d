package io.millrace.operators.inference;

import io.millrace.operators.record.InFlightCodec;
import io.millrace.schemas.InFlightRequest;
import java.io.DataInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.api.common.typeutils.base.array.BytePrimitiveArraySerializer;
import org.apache.flink.core.fs.FSDataInputStream;
import org.apache.flink.core.memory.DataInputViewStreamWrapper;
import org.apache.flink.runtime.checkpoint.Checkpoints;
import org.apache.flink.runtime.checkpoint.OperatorState;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.runtime.checkpoint.metadata.CheckpointMetadata;
import org.apache.flink.runtime.state.OperatorStateHandle;
import org.apache.flink.runtime.state.OperatorStateHandle.StateMetaInfo;

/** Reads the requests in flight out of a completed checkpoint or savepoint, without a job. */
public final class SavedRequests {
    private static final String METADATA = "_metadata";

    private SavedRequests() {}

    /**
     * All of them, of every subtask.
     *
     * @param folder of the checkpoint, which is complete: it has its {@code _metadata}
     * @throws IOException it is not there (any more), or was not written by this or an older
     *     release
     */
    public static List<InFlightRequest> read(Path folder) throws IOException {
        CheckpointMetadata checkpoint;
        try (DataInputStream in =
                new DataInputStream(Files.newInputStream(folder.resolve(METADATA)))) {
            checkpoint =
                    Checkpoints.loadCheckpointMetadata(
                            in, SavedRequests.class.getClassLoader(), folder.toString());
        }
        List<byte[]> requests = new ArrayList<>();
        List<byte[]> schemas = new ArrayList<>();
        for (OperatorState operator : checkpoint.getOperatorStates()) {
            for (OperatorSubtaskState subtask : operator.getStates()) {
                for (OperatorStateHandle handle : subtask.getManagedOperatorState()) {
                    read(handle, InFlightState.REQUESTS, requests);
                    read(handle, InFlightState.SCHEMAS, schemas);
                }
            }
        }
        InFlightCodec codec = new InFlightCodec(schemas);
        List<InFlightRequest> all = new ArrayList<>(requests.size());
        for (byte[] request : requests) {
            all.add(codec.decode(request));
        }
        return all;
    }

    private static void read(OperatorStateHandle handle, String state, List<byte[]> to)
            throws IOException {
        StateMetaInfo places = handle.getStateNameToPartitionOffsets().get(state);
        if (places == null) {
            return;
        }
        try (FSDataInputStream in = handle.openInputStream()) {
            for (long place : places.getOffsets()) {
                in.seek(place);
                to.add(
                        BytePrimitiveArraySerializer.INSTANCE.deserialize(
                                new DataInputViewStreamWrapper(in)));
            }
        }
    }
}

package io.millrace.operators.saved;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.RunnableFuture;
import org.apache.flink.api.common.ExecutionConfig;
import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.state.ListStateDescriptor;
import org.apache.flink.api.common.typeutils.base.array.BytePrimitiveArraySerializer;
import org.apache.flink.core.fs.CloseableRegistry;
import org.apache.flink.runtime.checkpoint.CheckpointOptions;
import org.apache.flink.runtime.checkpoint.Checkpoints;
import org.apache.flink.runtime.checkpoint.OperatorState;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.runtime.checkpoint.metadata.CheckpointMetadata;
import org.apache.flink.runtime.jobgraph.OperatorID;
import org.apache.flink.runtime.state.DefaultOperatorStateBackend;
import org.apache.flink.runtime.state.DefaultOperatorStateBackendBuilder;
import org.apache.flink.runtime.state.OperatorStateHandle;
import org.apache.flink.runtime.state.SnapshotResult;
import org.apache.flink.runtime.state.memory.MemCheckpointStreamFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SavedStateTest {
    private static final List<byte[]> ELEMENTS =
            List.of(new byte[] {17}, new byte[0], new byte[1023]);

    @TempDir Path folder;

    @Test
    void elementsOfAListStateAreReadByName() throws Exception {
        SavedState state = saved(false);
        assertThat(state.elements("positions")).usingRecursiveComparison().isEqualTo(ELEMENTS);
        assertThat(state.elements("others")).isEmpty();
    }

    @Test
    void compressedStateIsRefusedAndNotTakenForLengths() throws Exception {
        SavedState state = saved(true);
        assertThatThrownBy(() -> state.elements("positions"))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("execution.checkpointing.snapshot-compression");
        assertThat(state.elements("others")).isEmpty();
    }

    /** A checkpoint whose one operator has a list state "positions". */
    private SavedState saved(boolean compressed) throws Exception {
        ExecutionConfig config = new ExecutionConfig();
        config.setUseSnapshotCompression(compressed);
        DefaultOperatorStateBackend backend =
                new DefaultOperatorStateBackendBuilder(
                                SavedStateTest.class.getClassLoader(),
                                config,
                                false,
                                List.of(),
                                new CloseableRegistry())
                        .build();
        ListState<byte[]> list =
                backend.getListState(
                        new ListStateDescriptor<>(
                                "positions", BytePrimitiveArraySerializer.INSTANCE));
        list.addAll(ELEMENTS);
        RunnableFuture<SnapshotResult<OperatorStateHandle>> snapshot =
                backend.snapshot(
                        1,
                        1,
                        new MemCheckpointStreamFactory(1 << 20),
                        CheckpointOptions.forCheckpointWithDefaultLocation());
        snapshot.run();
        OperatorState operator = new OperatorState("name", "uid", new OperatorID(), 1, 128);
        operator.putState(
                0,
                OperatorSubtaskState.builder()
                        .setManagedOperatorState(snapshot.get().getJobManagerOwnedSnapshot())
                        .build());
        try (OutputStream out = Files.newOutputStream(folder.resolve("_metadata"))) {
            Checkpoints.storeCheckpointMetadata(
                    new CheckpointMetadata(17, List.of(operator), List.of()), out);
        }
        return SavedState.open(folder.toString());
    }
}

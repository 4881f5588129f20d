package io.millrace.operators.inference;

import static io.millrace.operators.TestingRequests.longRequest;
import static io.millrace.operators.TestingRequests.request;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.operators.options.PipelineOptions;
import io.millrace.operators.record.InFlightCodec;
import io.millrace.operators.record.Inbound;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.flink.core.fs.CloseableRegistry;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.runtime.state.CheckpointStateOutputStream;
import org.apache.flink.runtime.state.CheckpointStreamFactory;
import org.apache.flink.runtime.state.CheckpointedStateScope;
import org.apache.flink.runtime.state.KeyGroupRange;
import org.apache.flink.runtime.state.StateSnapshotContextSynchronousImpl;
import org.apache.flink.runtime.state.StreamStateHandle;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Long records in snapshots, which lie apart from the others. */
@Timeout(60)
class LongRecordStateTest extends InferenceOperatorFixture {
    private static final int BYTES = 20_000;

    /** Every third one is long. */
    private static Inbound.Request each(int number) {
        String id = "r" + number;
        return number % 3 == 1 ? longRequest(id, 30) : request(id, 30);
    }

    @Test
    void aLongRecordIsNotWrittenByteByByte() throws Exception {
        control.hold();
        long small;
        try (InferenceHarness harness = InferenceHarness.open(options().build())) {
            harness.send(request("a", 30), request("b", 30));
            small = harness.snapshot().getManagedOperatorState().getStateSize();
        }
        try (InferenceHarness harness = InferenceHarness.open(options().build())) {
            harness.send(request("a", 30), longRequest("b", 30));
            OperatorSubtaskState state = harness.snapshot();
            assertThat(state.getManagedOperatorState().getStateSize()).isLessThan(small + 1000);
            assertThat(state.getRawOperatorState().getStateSize()).isGreaterThan(BYTES);
            control.release();
            harness.runUntilOutcomes(2);
            state = harness.snapshot();
            assertThat(state.getRawOperatorState()).isEmpty();
        }
    }

    @Test
    void whatIsRestoredIsInOrderOfArrival() throws Exception {
        PipelineOptions options = options().ordered(true).build();
        OperatorSubtaskState state;
        control.hold();
        List<String> ids = new ArrayList<>();
        try (InferenceHarness harness = InferenceHarness.open(options)) {
            for (int i = 0; i < 17; i++) {
                harness.send(each(i));
                ids.add("r" + i);
            }
            // As of a topic that was made anew: another record at the same place.
            harness.send(longRequest("r1", 30));
            ids.add("r1");
            state = harness.snapshot();
        }
        control.release();
        try (InferenceHarness harness = InferenceHarness.open(options, 1, 0, state)) {
            harness.runUntilOutcomes(ids.size());
            assertThat(harness.ids()).isEqualTo(ids);
        }
    }

    @Test
    void longAndShortOnesFollowTheJobFromOneToThreeSubtasks() throws Exception {
        PipelineOptions options = options().build();
        OperatorSubtaskState one;
        control.hold();
        try (InferenceHarness harness = InferenceHarness.open(options)) {
            for (int i = 0; i < 54; i++) {
                harness.send(each(i));
            }
            control.awaitAdded(54);
            control.step(7);
            one = harness.snapshot();
        }
        control.release();
        List<String> ids = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            OperatorSubtaskState state = InferenceHarness.rescaled(one, 1, 3, i);
            try (InferenceHarness harness = InferenceHarness.open(options, 3, i, state)) {
                harness.runUntil(() -> harness.valve().isEmpty());
                ids.addAll(harness.ids());
            }
        }
        assertThat(ids).hasSize(54).doesNotHaveDuplicates();
        assertThat(ids).allMatch(id -> control.decoded(id) == 30);
    }

    /** Fails once the first record is written, as a file system does that is full. */
    private static final class Full extends CheckpointStateOutputStream {
        private long bytes;

        @Override
        public void write(int one) throws IOException {
            write(new byte[1], 0, 1);
        }

        @Override
        public void write(byte[] from, int start, int length) throws IOException {
            bytes += length;
            if (bytes > 3 * BYTES / 2) {
                throw new IOException("no space is left");
            }
        }

        @Override
        public StreamStateHandle closeAndGetHandle() {
            throw new AssertionError("taken for the whole");
        }

        @Override
        public long getPos() {
            return bytes;
        }

        @Override
        public void flush() {}

        @Override
        public void sync() {}

        @Override
        public void close() {}
    }

    private static final class FullFactory implements CheckpointStreamFactory {
        @Override
        public CheckpointStateOutputStream createCheckpointStateOutputStream(
                CheckpointedStateScope scope) {
            return new Full();
        }

        @Override
        public boolean canFastDuplicate(StreamStateHandle handle, CheckpointedStateScope scope) {
            return false;
        }

        @Override
        public List<StreamStateHandle> duplicate(
                List<StreamStateHandle> handles, CheckpointedStateScope scope) {
            throw new UnsupportedOperationException();
        }
    }

    private static StateSnapshotContextSynchronousImpl context() {
        return new StateSnapshotContextSynchronousImpl(
                17,
                1,
                new FullFactory(),
                KeyGroupRange.EMPTY_KEY_GROUP_RANGE,
                new CloseableRegistry());
    }

    private static List<LongElement> records() throws IOException {
        List<LongElement> records = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            Inbound.Request request = longRequest("r" + i, 1);
            records.add(LongElement.of(InFlightCodec.toState(request), request.origin().value()));
        }
        return records;
    }

    @Test
    void aSnapshotThatCannotBeWrittenIsDeclinedAndNeverComplete() throws Exception {
        CompletableFuture<Long> declined = new CompletableFuture<>();
        CompletableFuture<Throwable> why = new CompletableFuture<>();
        var context = context();
        try (LongRecordState state =
                new LongRecordState(
                        name,
                        (checkpoint, cause) -> {
                            why.complete(cause);
                            declined.complete(checkpoint);
                        })) {
            state.save(context, records());
            assertThat(declined.get(30, TimeUnit.SECONDS)).isEqualTo(17);
            assertThat(why.get()).hasMessage("no space is left");
            // Flink's one thread for asynchronous parts, which must not wait.
            var complete = context.getOperatorStateStreamFuture();
            complete.run();
            assertThatThrownBy(complete::get).hasMessageContaining("closed");
            state.onAborted(17);
        }
    }

    @Test
    void whoWaitsForASnapshotThatCannotBeWrittenIsTold() throws Exception {
        CompletableFuture<Long> declined = new CompletableFuture<>();
        var context = context();
        var complete = context.getOperatorStateStreamFuture();
        try (LongRecordState state =
                new LongRecordState(name, (checkpoint, cause) -> declined.complete(checkpoint))) {
            state.save(context, records());
            declined.get(30, TimeUnit.SECONDS);
            complete.run();
            assertThat(complete.isCancelled()).isTrue();
            // As a task does that ends: it waits for no lease.
            context.closeExceptionally();
        }
    }

    @Test
    void aTaskThatEndsWaitsForNoSnapshot() throws Exception {
        var context = context();
        var complete = context.getOperatorStateStreamFuture();
        LongRecordState state = new LongRecordState(name, (checkpoint, cause) -> {});
        state.save(context, records());
        state.close();
        complete.run();
        assertThat(complete.isDone()).isTrue();
        assertThatThrownBy(complete::get).isInstanceOf(Exception.class);
    }
}

package io.millrace.operators.inference;

import io.millrace.operators.TestingRequests;
import io.millrace.operators.options.PipelineOptions;
import io.millrace.operators.record.Inbound;
import io.millrace.operators.record.MicroBatch;
import io.millrace.operators.record.MicroBatchSerializer;
import io.millrace.operators.record.Outcome;
import io.millrace.operators.record.OutcomeSerializer;
import io.millrace.operators.valve.Valve;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.runtime.tasks.mailbox.TaskMailbox;
import org.apache.flink.streaming.util.OneInputStreamOperatorTestHarness;

/** One inference operator in Flink's harness; the test's thread is its mailbox thread. */
public final class InferenceHarness implements AutoCloseable {
    private static final int MAX_PARALLELISM = 16;

    public final OneInputStreamOperatorTestHarness<MicroBatch, Outcome> flink;

    /** Opened without state. */
    public static InferenceHarness open(PipelineOptions options) throws Exception {
        return open(options, 1, 0, null);
    }

    /** Opened with state, null for none, as one subtask of several. */
    public static InferenceHarness open(
            PipelineOptions options, int parallelism, int subtask, OperatorSubtaskState state)
            throws Exception {
        InferenceHarness harness = openUnprepared(options, parallelism, subtask, state);
        try {
            harness.awaitPrepared();
            return harness;
        } catch (Throwable t) {
            harness.close();
            throw t;
        }
    }

    /** As {@link #open}, but leaves what is restored in the pool. */
    static InferenceHarness openUnprepared(
            PipelineOptions options, int parallelism, int subtask, OperatorSubtaskState state)
            throws Exception {
        InferenceHarness harness = new InferenceHarness(options, parallelism, subtask);
        try {
            harness.flink.setup(OutcomeSerializer.INSTANCE);
            if (state != null) {
                harness.flink.initializeState(state);
            }
            harness.flink.open();
            return harness;
        } catch (Throwable t) {
            // As a task does, whichever operator of it fails.
            harness.close();
            throw t;
        }
    }

    private InferenceHarness(PipelineOptions options, int parallelism, int subtask)
            throws Exception {
        flink =
                new OneInputStreamOperatorTestHarness<>(
                        new InferenceOperatorFactory(options),
                        MAX_PARALLELISM,
                        parallelism,
                        subtask);
        flink.getStreamConfig().setupNetworkInputs(MicroBatchSerializer.INSTANCE);
        flink.getStreamConfig().serializeAllConfigs();
    }

    /** Cuts a state for the subtask of a job with another parallelism. */
    static OperatorSubtaskState rescaled(
            OperatorSubtaskState state, int from, int to, int subtask) {
        return OneInputStreamOperatorTestHarness.repartitionOperatorState(
                state, MAX_PARALLELISM, from, to, subtask);
    }

    /** Sends each request as a group of its own. */
    public void send(Inbound... requests) throws Exception {
        for (Inbound request : requests) {
            sendBatch(request);
        }
    }

    public void sendBatch(Inbound... requests) throws Exception {
        sendUnprepared(requests);
        awaitPrepared();
    }

    /** As {@link #sendBatch}, but leaves them in the pool. */
    void sendUnprepared(Inbound... requests) throws Exception {
        flink.processElement(new StreamRecord<>(new MicroBatch(List.of(requests))));
    }

    private void awaitPrepared() throws Exception {
        InferenceOperator operator = (InferenceOperator) flink.getOperator();
        runUntil(() -> operator.preparing() == 0);
    }

    /** Runs mails until the condition holds; the test's timeout bounds it. */
    void runUntil(BooleanSupplier condition) throws Exception {
        while (!condition.getAsBoolean()) {
            flink.getTaskMailbox().take(TaskMailbox.MIN_PRIORITY).run();
        }
    }

    public void runUntilOutcomes(int count) throws Exception {
        runUntil(() -> outcomes().size() >= count);
    }

    /** Runs the mails that are there. */
    void runMails() throws Exception {
        while (flink.getTaskMailbox().hasMail()) {
            flink.getTaskMailbox().take(TaskMailbox.MIN_PRIORITY).run();
        }
    }

    public List<Outcome> outcomes() {
        return flink.extractOutputValues();
    }

    public List<String> ids() {
        return outcomes().stream().map(TestingRequests::id).toList();
    }

    List<Long> watermarks() {
        List<Long> marks = new ArrayList<>();
        for (Object element : flink.getOutput()) {
            if (element instanceof Watermark mark) {
                marks.add(mark.getTimestamp());
            }
        }
        return marks;
    }

    public OperatorSubtaskState snapshot() throws Exception {
        return flink.snapshot(1, 1);
    }

    Valve valve() {
        return Valve.find(flink.getOperator().getRuntimeContext(), "millrace");
    }

    @Override
    public void close() throws Exception {
        flink.close();
    }
}

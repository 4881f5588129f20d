package io.millrace.operators.inference;

import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.GenerationResult;
import io.millrace.gpu.common.Scope;
import io.millrace.gpu.session.EngineSession;
import io.millrace.gpu.session.SessionListener;
import io.millrace.gpu.session.SharedEngine;
import io.millrace.operators.fault.Quarantine;
import io.millrace.operators.inference.Restoration.Progress;
import io.millrace.operators.options.GrantedGpu;
import io.millrace.operators.options.PipelineOptions;
import io.millrace.operators.record.Inbound;
import io.millrace.operators.record.MicroBatch;
import io.millrace.operators.record.Outcome;
import io.millrace.operators.request.RequestValidator;
import io.millrace.operators.valve.Valve;
import io.millrace.schemas.FailureCode;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.RejectedExecutionException;
import org.apache.flink.api.common.operators.MailboxExecutor;
import org.apache.flink.runtime.state.StateInitializationContext;
import org.apache.flink.runtime.state.StateSnapshotContext;
import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.apache.flink.streaming.api.operators.BoundedOneInput;
import org.apache.flink.streaming.api.operators.OneInputStreamOperator;
import org.apache.flink.streaming.api.operators.StreamOperatorParameters;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.runtime.watermarkstatus.WatermarkStatus;
import org.apache.flink.util.function.ThrowingRunnable;

/**
 * Answers requests by the shared engine, one outcome per record. Mailbox thread only; exchanges
 * data with the engine thread in its session, with tokenizing threads in its {@link PromptPool},
 * and with the thread for long records in its {@link LongRecords}.
 *
 * <p>Nothing here waits for the device or for a tokenizer: a record is stored and submitted; a
 * closed valve stops the source instead of this operator; a snapshot writes the requests in flight
 * in their current state.
 *
 * <pre>
 *   taken ──> (long: read) ──> prepared ──> (static: waits for its batch) ──> submitted ──> done ──> left
 *     └── cannot be answered ───────┴──> (long: encoded) ─────────────────────────────────────^
 * </pre>
 */
final class InferenceOperator extends AbstractStreamOperator<Outcome>
        implements OneInputStreamOperator<MicroBatch, Outcome>, BoundedOneInput, SessionListener {
    private static final long serialVersionUID = 1L;

    private final transient PipelineOptions options;
    private final transient MailboxExecutor mailbox;
    private final transient OutcomeQueue queue;
    private final transient Scope scope = new Scope();
    private final transient List<InFlight> restored = new ArrayList<>();

    private transient InFlightState state;
    private transient Restoration.Counts restoredCounts = Restoration.Counts.NONE;
    private transient EngineSession session;
    private transient Quarantine quarantine;
    private transient Dispatcher dispatcher;
    private transient PromptPool prompts;
    private transient LongRecords longRecords;
    private transient LongRecordState longState;
    private transient Valve valve;
    private transient InferenceMetrics metrics;
    private transient Outcomes outcomes;
    private transient boolean warm;

    InferenceOperator(StreamOperatorParameters<Outcome> parameters, PipelineOptions options) {
        super(parameters);
        this.options = options;
        this.mailbox = parameters.getMailboxExecutor();
        this.queue = new OutcomeQueue(options.ordered());
    }

    @Override
    public void initializeState(StateInitializationContext context) throws Exception {
        super.initializeState(context);
        state = InFlightState.open(context, options);
        EngineOptions engine =
                GrantedGpu.fillIn(
                        options.engine(),
                        getRuntimeContext().getExternalResourceInfos(GrantedGpu.RESOURCE));
        session =
                scope.add(
                        SharedEngine.acquire(
                                engine, options.loader(), options.faults().stepTimeout()));
        valve = Valve.register(getRuntimeContext(), options, session.maxSequences());
        scope.add(valve::unregister);
        quarantine = new Quarantine(options.faults());
        quarantine.load(getRuntimeContext().getTaskInfo().getIndexOfThisSubtask() == 0);
        session.onFault(quarantine::onFault);
        valve.setLongest(session.model().maxModelLen());
        dispatcher = new Dispatcher(session, options.batching());
        String task = getRuntimeContext().getTaskInfo().getTaskNameWithSubtasks();
        prompts =
                scope.add(
                        new PromptPool(
                                Preparation.open(session, options),
                                task,
                                () -> wake(this::takePrepared, "prepared prompts")));
        longRecords =
                scope.add(
                        new LongRecords(
                                new RequestValidator(options.engine().modelName()),
                                options.failures(),
                                task,
                                ready -> wake(ready::run, "a long record")));
        longState = scope.add(LongRecordState.of(getContainingTask()));
        if (context.isRestored()) {
            Restoration restoration = Restoration.of(options, session.model());
            restored.addAll(state.restore(restoration));
            restoration.log();
            restoredCounts = restoration.counts();
        }
    }

    @Override
    public void open() throws Exception {
        super.open();
        metrics = InferenceMetrics.register(getMetricGroup(), session, valve, state::savedBytes);
        metrics.onRestored(restoredCounts);
        outcomes =
                new Outcomes(session, queue, longRecords, prompts, metrics, options, this::release);
        for (int from = 0; from < restored.size(); from += options.batchSize()) {
            // All are taken, even if they exceed the valve, as they may after scaling in.
            int to = Math.min(from + options.batchSize(), restored.size());
            take(restored.subList(from, to));
        }
        restored.clear();
        session.onEvents(() -> wake(this::drain, "events from the engine"));
        // Nothing may be emitted before the whole task is open.
        mailbox.execute(this::release, "restored outcomes");
    }

    /** Engine thread, or a thread of the pool. */
    private void wake(ThrowingRunnable<RuntimeException> mail, String what) {
        try {
            mailbox.execute(mail, what);
        } catch (RejectedExecutionException e) {
            // The task has ended; close() closes the session.
        }
    }

    private void drain() {
        session.drain(this);
        release();
    }

    @Override
    public void processElement(StreamRecord<MicroBatch> element) throws Exception {
        long now = System.currentTimeMillis();
        List<InFlight> batch = new ArrayList<>(element.getValue().records().size());
        for (Inbound inbound : element.getValue().records()) {
            batch.add(new InFlight(inbound, now, 0, Progress.NONE));
        }
        take(batch);
        release();
    }

    private void take(List<InFlight> records) {
        List<InFlight> batch = new ArrayList<>(records.size());
        for (InFlight record : records) {
            queue.add(record);
            admit(record);
            valve.add(1, record.weight);
            if (!record.isDone()) {
                batch.add(record);
            }
        }
        dispatcher.add(batch);
        batch.forEach(this::start);
    }

    /** Admits a record; fails it at once if that needs no tokenizer. */
    private void admit(InFlight record) {
        if (outcomes.isKnown(record)) {
            return;
        }
        record.weight = valve.estimate(record.inbound);
        if (record.request != null) {
            admitRead(record);
        }
    }

    private void admitRead(InFlight record) {
        Long deadline = record.request.getDeadlineMs();
        if (deadline != null && deadline <= getProcessingTimeService().getCurrentProcessingTime()) {
            outcomes.expire(record, deadline);
            return;
        }
        String condemned = quarantine.condemns(record.inbound.origin());
        if (condemned != null) {
            outcomes.fail(record, FailureCode.GENERATION_FAILED, condemned);
            return;
        }
        record.alone = quarantine.mustRunAlone(record.inbound.origin());
        if (deadline != null) {
            record.deadlineTimer =
                    getProcessingTimeService()
                            .registerTimer(deadline, time -> onDeadline(record, deadline));
        }
    }

    private void start(InFlight record) {
        if (record.inbound instanceof Inbound.Unread unread) {
            longRecords.read(unread, read -> takeRead(record, read));
        } else {
            prompts.submit(record);
        }
    }

    private void takeRead(InFlight record, Inbound read) {
        if (read instanceof Inbound.Rejected rejected) {
            outcomes.reject(record, rejected);
        } else {
            record.request = ((Inbound.Request) read).request();
            admitRead(record);
            if (!record.isDone()) {
                weigh(record, valve.estimate(read));
                prompts.submit(record);
                return;
            }
        }
        dispatcher.startNext();
        release();
    }

    private void weigh(InFlight record, long tokens) {
        valve.add(0, tokens - record.weight);
        record.weight = tokens;
    }

    /** Takes the prepared requests from the pool. */
    private void takePrepared() {
        for (PromptPool.Ready ready : prompts.drain()) {
            if (ready.failure() instanceof Error error) {
                throw error;
            }
            // Otherwise its deadline has passed in the meantime, and its outcome may be emitted.
            if (ready.record().isDone()) {
                prompts.release(ready.generation());
            } else {
                takePrepared(ready);
            }
        }
        dispatcher.startNext();
        release();
    }

    private void takePrepared(PromptPool.Ready ready) {
        InFlight record = ready.record();
        if (ready.failure() != null) {
            outcomes.refuse(record, (Exception) ready.failure());
            return;
        }
        weigh(record, record.onPrepared(ready, session.model().maxModelLen()));
        if (!outcomes.isCopy(record)) {
            dispatcher.onPrepared(record);
        }
    }

    /** Requests that are being read or prepared, and failures that are being encoded. */
    int preparing() {
        return prompts.pending() + longRecords.pending();
    }

    @Override
    public void onAdmitted(long ticket, long timeMs) {
        InFlight record = dispatcher.get(ticket);
        if (record != null) {
            record.admittedMs = timeMs;
        }
    }

    @Override
    public void onToken(long ticket, int completion, int tokenId, long timeMs) {
        InFlight record = dispatcher.get(ticket);
        if (record != null) {
            record.addToken(completion, tokenId, timeMs);
            metrics.onToken();
        }
    }

    @Override
    public void onFinished(long ticket, GenerationResult result, long timeMs) {
        InFlight record = dispatcher.remove(ticket);
        if (record != null) {
            outcomes.answer(record, result, timeMs);
            dispatcher.startNext();
        }
    }

    @Override
    public void onFailed(long ticket, Exception cause) {
        InFlight record = dispatcher.remove(ticket);
        if (record != null) {
            outcomes.refuse(record, cause);
            dispatcher.startNext();
        }
    }

    private void onDeadline(InFlight record, long deadline) {
        if (!record.isDone()) {
            outcomes.expire(record, deadline);
            dispatcher.cancel(record);
            dispatcher.startNext();
            release();
        }
    }

    private void release() {
        queue.release(this::emit, output);
    }

    private void emit(InFlight record) {
        if (!warm) {
            // Not earlier, so that the first answer has all cores.
            warm = true;
            longRecords.warmUp();
        }
        Outcome outcome = outcomes.emitted(record);
        output.collect(new StreamRecord<>(outcome, outcome.origin().timestamp()));
        valve.add(-1, -record.weight);
        quarantine.onLeft(outcome.origin());
    }

    @Override
    public void processWatermark(Watermark mark) {
        queue.add(mark);
        release();
    }

    @Override
    public void processWatermarkStatus(WatermarkStatus status) {
        queue.add(status, output);
        release();
    }

    /** Takes the engine's events, waits for nothing, and emits nothing. */
    @Override
    public void snapshotState(StateSnapshotContext context) throws Exception {
        super.snapshotState(context);
        session.drain(this);
        longState.save(
                context,
                state.save(
                        queue.inFlight(),
                        session.model(),
                        getRuntimeContext().getTaskInfo().getIndexOfThisSubtask()));
        quarantine.onSnapshot(context.getCheckpointId());
        if (!queue.isEmpty()) {
            // The barrier has passed: outcomes found before are emitted after it.
            mailbox.execute(this::release, "outcomes after a snapshot");
        }
    }

    @Override
    public void notifyCheckpointComplete(long checkpointId) throws Exception {
        super.notifyCheckpointComplete(checkpointId);
        quarantine.onCheckpointComplete(checkpointId);
    }

    @Override
    public void notifyCheckpointAborted(long checkpointId) throws Exception {
        super.notifyCheckpointAborted(checkpointId);
        longState.onAborted(checkpointId);
    }

    /**
     * Reached with work left only by {@code --drain} and behind a hop; otherwise the source delays
     * its end of input.
     */
    @Override
    public void endInput() throws Exception {
        while (!queue.isEmpty()) {
            mailbox.yield();
        }
    }

    @Override
    public void finish() throws Exception {
        super.finish();
        release();
    }

    @Override
    public void close() throws Exception {
        try {
            scope.close();
        } finally {
            super.close();
        }
    }
}

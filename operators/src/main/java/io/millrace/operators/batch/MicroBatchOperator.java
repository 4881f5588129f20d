package io.millrace.operators.batch;

import io.millrace.operators.options.Batching;
import io.millrace.operators.options.PipelineOptions;
import io.millrace.operators.record.InFlightCodec;
import io.millrace.operators.record.Inbound;
import io.millrace.operators.record.MicroBatch;
import io.millrace.operators.record.SavedBytesSerializer;
import io.millrace.operators.valve.Valve;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.apache.flink.api.common.operators.MailboxExecutor;
import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.state.ListStateDescriptor;
import org.apache.flink.api.common.typeutils.base.array.BytePrimitiveArraySerializer;
import org.apache.flink.runtime.state.StateInitializationContext;
import org.apache.flink.runtime.state.StateSnapshotContext;
import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.apache.flink.streaming.api.operators.BoundedOneInput;
import org.apache.flink.streaming.api.operators.OneInputStreamOperator;
import org.apache.flink.streaming.api.operators.StreamOperatorParameters;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.runtime.watermarkstatus.WatermarkStatus;

/**
 * Groups records before the inference operator. Mailbox thread only.
 *
 * <p>A group is emitted when it is full, when its first record has waited long enough, when input
 * ends, or when the valve closes, since no more records would then arrive. A barrier never emits a
 * group: grouped records are operator state.
 */
final class MicroBatchOperator extends AbstractStreamOperator<MicroBatch>
        implements OneInputStreamOperator<Inbound, MicroBatch>, BoundedOneInput {
    private static final long serialVersionUID = 1L;

    static final String BUFFER_STATE = "micro-batch";
    static final String SCHEMA_STATE = "micro-batch-schemas";

    /** Sorts equal prefixes together; rejected records first. */
    private static final Comparator<Inbound> BY_PREFIX =
            Comparator.comparing(MicroBatchOperator::prefix);

    private final transient PipelineOptions options;
    private final transient MailboxExecutor mailbox;
    private final transient List<Inbound> buffer = new ArrayList<>();
    private transient Watermark held;

    /** Input is idle, and the status is not forwarded yet. */
    private transient boolean heldIdle;

    /** Input is idle, and the status was forwarded. */
    private transient boolean idle;

    /** Number of the group, so that a timer can tell whether its group was emitted. */
    private transient long group;

    private transient boolean timed;

    private transient Valve valve;
    private transient ListState<byte[]> bufferState;
    private transient ListState<byte[]> schemaState;

    MicroBatchOperator(StreamOperatorParameters<MicroBatch> parameters, PipelineOptions options) {
        super(parameters);
        this.options = options;
        this.mailbox = parameters.getMailboxExecutor();
    }

    @Override
    public void initializeState(StateInitializationContext context) throws Exception {
        super.initializeState(context);
        bufferState =
                context.getOperatorStateStore()
                        .getListState(
                                new ListStateDescriptor<>(
                                        BUFFER_STATE, SavedBytesSerializer.INSTANCE));
        schemaState =
                context.getOperatorStateStore()
                        .getUnionListState(
                                new ListStateDescriptor<>(
                                        SCHEMA_STATE, BytePrimitiveArraySerializer.INSTANCE));
        if (context.isRestored()) {
            InFlightCodec codec = new InFlightCodec(schemaState.get());
            for (byte[] element : bufferState.get()) {
                buffer.add(codec.toInbound(codec.decode(element)));
            }
        }
    }

    @Override
    public void open() throws Exception {
        super.open();
        valve = Valve.find(getRuntimeContext(), options.name());
        if (valve != null) {
            valve.onEndOfInput(this::flush);
        }
        if (!buffer.isEmpty()) {
            for (Inbound inbound : buffer) {
                count(inbound);
            }
            // Nothing may be emitted before the whole task is open.
            mailbox.execute(this::settle, "restored micro-batch");
        }
    }

    @Override
    public void processElement(StreamRecord<Inbound> element) {
        buffer.add(element.getValue());
        count(element.getValue());
        settle();
    }

    private void count(Inbound inbound) {
        if (valve != null) {
            valve.add(1, valve.estimate(inbound));
        }
    }

    /** Emits the group if it is due, otherwise sets a timer. */
    private void settle() {
        if (buffer.isEmpty()) {
            return;
        }
        long patience =
                options.batching() == Batching.STATIC
                        ? options.batchTimeoutMs()
                        : options.lingerMs();
        if (patience == 0
                || buffer.size() >= options.batchSize()
                || (valve != null && !valve.isOpen())) {
            flush();
        } else if (!timed) {
            timed = true;
            long waiting = group;
            getProcessingTimeService()
                    .registerTimer(
                            getProcessingTimeService().getCurrentProcessingTime() + patience,
                            time -> {
                                if (group == waiting) {
                                    flush();
                                }
                            });
        }
    }

    private void flush() {
        group++;
        timed = false;
        while (!buffer.isEmpty()) {
            int size =
                    options.batching() == Batching.STATIC
                            ? Math.min(options.batchSize(), buffer.size())
                            : buffer.size();
            List<Inbound> head = buffer.subList(0, size);
            List<Inbound> records = new ArrayList<>(head);
            head.clear();
            // A tombstone keeps its place among the events of its key.
            if (options.batching() == Batching.DYNAMIC
                    && records.stream().noneMatch(Inbound.Tombstone.class::isInstance)) {
                records.sort(BY_PREFIX);
            }
            if (valve != null) {
                // The inference operator counts them again, by tokens.
                long tokens = 0;
                for (Inbound inbound : records) {
                    tokens += valve.estimate(inbound);
                }
                valve.add(-records.size(), -tokens);
            }
            output.collect(new StreamRecord<>(new MicroBatch(records)));
        }
        if (held != null) {
            output.emitWatermark(held);
            held = null;
        }
        if (heldIdle) {
            heldIdle = false;
            idle = true;
            output.emitWatermarkStatus(WatermarkStatus.IDLE);
        }
    }

    @Override
    public void processWatermark(Watermark mark) {
        if (buffer.isEmpty()) {
            output.emitWatermark(mark);
        } else {
            held = mark;
        }
    }

    /** Idleness is delayed like a watermark; it is dropped if input becomes active before. */
    @Override
    public void processWatermarkStatus(WatermarkStatus status) {
        heldIdle = status.isIdle() && !buffer.isEmpty();
        if (!heldIdle && status.isIdle() != idle) {
            idle = status.isIdle();
            output.emitWatermarkStatus(status);
        }
    }

    @Override
    public void endInput() {
        flush();
    }

    @Override
    public void snapshotState(StateSnapshotContext context) throws Exception {
        super.snapshotState(context);
        List<Inbound> records = new ArrayList<>(buffer);
        if (valve != null && valve.held() != null) {
            // Saves the record that the gate holds: the gate has no state, since only one of the
            // two topologies has a gate.
            records.add(valve.held());
        }
        List<byte[]> elements = new ArrayList<>(records.size());
        for (Inbound inbound : records) {
            elements.add(InFlightCodec.encode(InFlightCodec.toState(inbound)));
        }
        bufferState.update(elements);
        schemaState.update(
                InFlightCodec.schemas(
                        records.stream(),
                        getRuntimeContext().getTaskInfo().getIndexOfThisSubtask()));
    }

    private static String prefix(Inbound inbound) {
        return inbound instanceof Inbound.Request request && request.request().getPrompt() != null
                ? request.request().getPrompt()
                : "";
    }
}

package io.millrace.operators.hop;

import io.millrace.operators.record.Inbound;
import io.millrace.operators.valve.Valve;
import org.apache.flink.api.common.operators.MailboxExecutor;
import org.apache.flink.configuration.TaskManagerOptions;
import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.apache.flink.streaming.api.operators.OneInputStreamOperator;
import org.apache.flink.streaming.api.operators.StreamOperatorParameters;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.runtime.tasks.mailbox.TaskMailbox;

/**
 * Admits records from the network while the {@link Valve} of their task is open. Mailbox thread
 * only.
 *
 * <p>While the valve is closed it waits inside {@link #processElement} and runs all mails of the
 * mailbox, also those of the lowest priority, which a waiting operator usually does not run: one of
 * them is the barrier of an unaligned checkpoint. Only at this position in the chain that is safe:
 *
 * <pre>
 *   channel ──> deserializer ──> [ record in hand ] ──> micro-batch ──> inference
 *   saved by    saved by          saved by               idle: no element in progress
 *   Flink       Flink             micro-batch
 * </pre>
 *
 * <p>An aligned barrier, as of a savepoint, comes in order and never while it waits.
 */
final class GateOperator extends AbstractStreamOperator<Inbound>
        implements OneInputStreamOperator<Inbound, Inbound> {
    private static final long serialVersionUID = 1L;

    private final transient String pipeline;
    private transient MailboxExecutor mailbox;
    private transient Valve valve;

    /**
     * @param pipeline {@code PipelineOptions.name} of the operators behind it
     */
    GateOperator(StreamOperatorParameters<Inbound> parameters, String pipeline) {
        super(parameters);
        this.pipeline = pipeline;
    }

    @Override
    public void open() throws Exception {
        super.open();
        valve = Valve.require(getRuntimeContext(), pipeline);
        mailbox =
                getContainingTask()
                        .getMailboxExecutorFactory()
                        .createExecutor(TaskMailbox.MIN_PRIORITY);
        boolean debloats =
                getContainingTask()
                        .getEnvironment()
                        .getTaskManagerInfo()
                        .getConfiguration()
                        .get(TaskManagerOptions.BUFFER_DEBLOAT_ENABLED);
        if (!debloats) {
            LOG.warn(
                    "{} is off in this TaskManager: hundreds of requests will wait in network"
                            + " buffers, checkpoints grow by them, and savepoints wait until they"
                            + " are answered. Switch it on in its config.yaml.",
                    TaskManagerOptions.BUFFER_DEBLOAT_ENABLED.key());
        }
    }

    @Override
    public void processElement(StreamRecord<Inbound> element) throws Exception {
        if (!valve.isOpen()) {
            valve.hold(element.getValue());
            while (!valve.isOpen()) {
                mailbox.yield();
            }
            valve.hold(null);
        }
        output.collect(element);
    }
}

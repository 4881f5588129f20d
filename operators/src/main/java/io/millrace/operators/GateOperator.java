package io.millrace.operators;

import org.apache.flink.api.common.operators.MailboxExecutor;
import org.apache.flink.configuration.TaskManagerOptions;
import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.apache.flink.streaming.api.operators.OneInputStreamOperator;
import org.apache.flink.streaming.api.operators.StreamOperatorParameters;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;

/**
 * Lets records from the network in while the {@link Valve} of its task is open. Mailbox thread
 * only.
 *
 * <p>While the valve is closed it waits with one record in its hand and runs what the mailbox has
 * for the operators behind it, until one of their requests is answered. No checkpoint can start
 * meanwhile: a barrier waits for one answer, the price of not having the source in the chain.
 */
final class GateOperator extends AbstractStreamOperator<Inbound>
        implements OneInputStreamOperator<Inbound, Inbound> {
    private static final long serialVersionUID = 1L;

    private final transient String pipeline;
    private final transient MailboxExecutor mailbox;
    private transient Valve valve;

    /**
     * @param pipeline {@link PipelineOptions#name} of the operators behind it
     */
    GateOperator(StreamOperatorParameters<Inbound> parameters, String pipeline) {
        super(parameters);
        this.pipeline = pipeline;
        this.mailbox = parameters.getMailboxExecutor();
    }

    @Override
    public void open() throws Exception {
        super.open();
        valve = Valve.require(getRuntimeContext(), pipeline);
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
        while (!valve.isOpen()) {
            mailbox.yield();
        }
        output.collect(element);
    }
}

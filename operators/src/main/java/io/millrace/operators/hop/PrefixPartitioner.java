package io.millrace.operators.hop;

import io.millrace.operators.record.Inbound;
import org.apache.flink.runtime.io.network.api.writer.SubtaskStateMapper;
import org.apache.flink.runtime.plugable.SerializationDelegate;
import org.apache.flink.streaming.runtime.partitioner.StreamPartitioner;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;

/**
 * Sends requests that begin alike to one subtask, within a bound on what each subtask gets; what
 * will be a failure goes round. Each sender counts what it has sent itself.
 *
 * <p>Not by way of {@code partitionCustom}: Flink takes its barriers out of unaligned checkpoints,
 * and restores what is in a channel by asking the partitioner again, which here would give another
 * answer.
 */
final class PrefixPartitioner extends StreamPartitioner<Inbound> {
    private static final long serialVersionUID = 1L;

    private transient BoundedLoad load;
    private transient int turn;

    @Override
    public void setup(int numberOfChannels) {
        super.setup(numberOfChannels);
        load = new BoundedLoad(numberOfChannels);
    }

    @Override
    public int selectChannel(SerializationDelegate<StreamRecord<Inbound>> element) {
        if (element.getInstance().getValue() instanceof Inbound.Request request) {
            return load.choose(PromptPrefix.hash(request.request()));
        }
        turn = (turn + 1) % numberOfChannels;
        return turn;
    }

    /** Where it goes is a preference: after a rescale any subtask may have what was on its way. */
    @Override
    public SubtaskStateMapper getDownstreamSubtaskStateMapper() {
        return SubtaskStateMapper.ROUND_ROBIN;
    }

    @Override
    public boolean isPointwise() {
        return false;
    }

    @Override
    public StreamPartitioner<Inbound> copy() {
        return new PrefixPartitioner();
    }

    /** What the web UI calls it. */
    @Override
    public String toString() {
        return "PREFIX";
    }
}

package io.millrace.operators.hop;

import io.millrace.operators.record.Inbound;
import org.apache.flink.runtime.io.network.api.writer.SubtaskStateMapper;
import org.apache.flink.runtime.plugable.SerializationDelegate;
import org.apache.flink.streaming.runtime.partitioner.StreamPartitioner;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;

/**
 * Sends requests with equal prefixes to one subtask, with bounded load; rejected records go
 * round-robin. Each sender counts its own records.
 *
 * <p>{@code partitionCustom} does not fit: Flink excludes it from unaligned checkpoints, and
 * restores the records of a channel by calling the partitioner again, which would choose another
 * channel here.
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

    /**
     * The choice is a preference: after a rescale any subtask may get the records of the channel.
     */
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

    /** The name in the web UI. */
    @Override
    public String toString() {
        return "PREFIX";
    }
}

package io.millrace.operators.hop;

import io.millrace.operators.options.PipelineOptions;
import io.millrace.operators.record.Inbound;
import io.millrace.operators.record.WireType;
import org.apache.flink.core.execution.CheckpointingMode;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.CheckpointConfig;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.transformations.PartitionTransformation;

/**
 * The way over the network of {@code Partitioning.PREFIX}.
 *
 * <p>Both ends of it have uids that no other topology has. What a checkpoint finds in the channel
 * is state of the operators at its ends, and a job without the hop has no place for it. Flink
 * refuses state of an operator that the job does not have; state in a channel that has become part
 * of a chain it would drop without a word. Savepoints find nothing in the channel and fit both.
 */
public final class PrefixHop {
    private PrefixHop() {}

    /** Uid of the operator before the hop. */
    public static String senderUid(PipelineOptions options) {
        return options.name() + "-hop-validator";
    }

    /** Sends the records of an operator with {@link #senderUid} over the hop. */
    public static DataStream<Inbound> over(DataStream<Inbound> validated, PipelineOptions options) {
        StreamExecutionEnvironment env = validated.getExecutionEnvironment();
        overtake(env.getCheckpointConfig());
        return new DataStream<>(
                        env,
                        new PartitionTransformation<>(
                                validated.getTransformation(), new PrefixPartitioner()))
                .transform("gate", WireType.INBOUND, new GateOperatorFactory(options.name()))
                .uid(options.name() + "-hop-gate");
    }

    /** Barriers overtake what is in the channel: it is always full where work is queued. */
    private static void overtake(CheckpointConfig checkpoints) {
        // What Flink asks for; whether answers come twice is the sink's business.
        checkpoints.setCheckpointingConsistencyMode(CheckpointingMode.EXACTLY_ONCE);
        checkpoints.enableUnalignedCheckpoints();
    }
}

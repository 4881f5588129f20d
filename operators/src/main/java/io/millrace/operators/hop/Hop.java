package io.millrace.operators.hop;

import io.millrace.operators.options.Batching;
import io.millrace.operators.options.Partitioning;
import io.millrace.operators.options.PipelineOption;
import io.millrace.operators.options.PipelineOptions;
import io.millrace.operators.record.Inbound;
import io.millrace.operators.record.WireType;
import org.apache.flink.core.execution.CheckpointingMode;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.CheckpointConfig;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.transformations.PartitionTransformation;

/**
 * The way over the network: of {@code Partitioning.PREFIX}, and of requests whose source is not in
 * the chain of the operators.
 *
 * <p>Both ends of it have uids that no other topology has. What a checkpoint finds in the channel
 * is state of the operators at its ends, and a job without the hop has no place for it. Flink
 * refuses state of an operator that the job does not have; state in a channel that has become part
 * of a chain it would drop without a word. Savepoints find nothing in the channel and fit both.
 */
public final class Hop {
    private Hop() {}

    /** Uid of the operator before the hop. */
    public static String senderUid(PipelineOptions options) {
        return options.name() + "-hop-validator";
    }

    /**
     * Sends the records of an operator with {@link #senderUid} over the hop.
     *
     * @throws IllegalArgumentException options that would have barriers wait for answers there
     */
    public static DataStream<Inbound> over(DataStream<Inbound> validated, PipelineOptions options) {
        refuse(options);
        StreamExecutionEnvironment env = validated.getExecutionEnvironment();
        overtake(env.getCheckpointConfig());
        Chain.free(validated, options.name());
        DataStream<Inbound> sent =
                options.partitioning() == Partitioning.PREFIX
                        ? new DataStream<>(
                                env,
                                new PartitionTransformation<>(
                                        validated.getTransformation(), new PrefixPartitioner()))
                        // Not forward: Flink takes pointwise edges out of unaligned checkpoints.
                        : validated.rebalance();
        return sent.transform("gate", WireType.INBOUND, new GateOperatorFactory(options.name()))
                .uid(options.name() + "-hop-gate");
    }

    private static void refuse(PipelineOptions options) {
        if (options.batching() == Batching.STATIC || options.ordered()) {
            throw new IllegalArgumentException(
                    PipelineOption.say(
                            options.engine().names(),
                            "Requests come over the network here, and "
                                    + (options.ordered()
                                            ? "those of one sender are answered by several"
                                                    + " subtasks, so outcomes cannot be ordered:"
                                                    + " leave --ordered out"
                                            : "a savepoint would wait for whole static batches: take"
                                                    + " --batching dynamic")
                                    + ", or put all operators into the source's chain."));
        }
    }

    /**
     * What the hop costs, for who starts the job.
     *
     * @param broken why there is one
     */
    public static String costs(String broken) {
        return ("Requests come to the model over the network, since %s. That costs: checkpoints are"
                        + " unaligned and hold what is in the network; a savepoint waits until that is"
                        + " answered; where the input ends, no checkpoint completes until the last"
                        + " answer; and an operator before it that emits many records for one holds a"
                        + " barrier up until they are taken. To avoid it, wrap the source by"
                        + " Valved.source and keep all operators behind it in its chain.")
                .formatted(broken);
    }

    /** Barriers overtake what is in the channel: it is always full where work is queued. */
    private static void overtake(CheckpointConfig checkpoints) {
        // What Flink asks for; whether answers come twice is the sink's business.
        checkpoints.setCheckpointingConsistencyMode(CheckpointingMode.EXACTLY_ONCE);
        checkpoints.enableUnalignedCheckpoints();
    }
}

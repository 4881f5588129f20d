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
 * The hop: a network shuffle before the operators, for {@code Partitioning.PREFIX} and for requests
 * whose source is not in the chain of the operators.
 *
 * <p>The operators at both ends have uids that no other topology has, since unaligned checkpoints
 * save the records of the channel as state of these operators. Flink then refuses to restore such a
 * checkpoint in a job without the hop; with equal uids it would drop the records silently.
 * Savepoints have no records in the channel and restore in both topologies.
 */
public final class Hop {
    private Hop() {}

    /** Uid of the operator before the hop. */
    public static String senderUid(PipelineOptions options) {
        return options.name() + "-hop-validator";
    }

    /**
     * Adds the hop behind an operator with {@link #senderUid}.
     *
     * @throws IllegalArgumentException static batching or order, with which barriers would wait for
     *     answers
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
                                            ? "several subtasks answer those of one sender, so"
                                                    + " outcomes cannot be ordered: do not set"
                                                    + " --ordered"
                                            : "a savepoint would wait for whole static batches: set"
                                                    + " --batching to dynamic")
                                    + ", or put all operators into the source's chain."));
        }
    }

    /**
     * The costs of the hop, as a notice at the start of the job.
     *
     * @param broken the reason for the hop
     */
    public static String costs(String broken) {
        return ("Requests come to the model over the network, since %s. That costs: checkpoints are"
                        + " unaligned and save the records in the network; a savepoint waits until these are"
                        + " answered; after the end of the input no checkpoint completes before the last"
                        + " answer; and an operator before the hop that emits many records for one delays"
                        + " barriers until they are admitted. To avoid it, wrap the source by"
                        + " Valved.source and keep all operators behind it in its chain.")
                .formatted(broken);
    }

    /**
     * Lets barriers overtake the records in the channel, which is always full while work is queued.
     */
    private static void overtake(CheckpointConfig checkpoints) {
        // Unaligned checkpoints require it; the delivery of answers depends on the sink.
        checkpoints.setCheckpointingConsistencyMode(CheckpointingMode.EXACTLY_ONCE);
        checkpoints.enableUnalignedCheckpoints();
    }
}

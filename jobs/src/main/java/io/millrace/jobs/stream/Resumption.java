package io.millrace.jobs.stream;

import io.millrace.jobs.cli.CommandFailedException;
import io.millrace.jobs.cli.job.JobArguments;
import io.millrace.operators.kafka.source.StartingPoint;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.common.TopicPartition;

/**
 * The starting point of a run.
 *
 * @param state the state that it resumes, if any
 * @param start the starting point without state
 */
record Resumption(Optional<StateDirectory.State> state, StartingPoint start) {

    /**
     * Decides the starting point, and refuses to lose requests: committed offsets of the group are
     * after requests that were in flight, which only the state has.
     *
     * @param newest newest complete state of the application id
     * @param committed offsets of the consumer group
     * @param asked the requested starting point
     */
    static Resumption decide(
            Optional<StateDirectory.State> newest,
            Map<TopicPartition, Long> committed,
            StartingPoint asked,
            JobArguments arguments) {
        if (newest.isPresent() || committed.isEmpty()) {
            return new Resumption(newest, asked);
        }
        if (arguments.acceptLoss) {
            return new Resumption(newest, StartingPoint.COMMITTED);
        }
        String group = arguments.groupId == null ? arguments.applicationId : arguments.groupId;
        throw new CommandFailedException(
                "Group "
                        + group
                        + " has committed offsets, but there is no savepoint or checkpoint of"
                        + " application id "
                        + arguments.applicationId
                        + (arguments.checkpointDir == null ? "" : " in " + arguments.checkpointDir)
                        + ": requests that were in flight would be lost. Give the --checkpoint-dir"
                        + " of that run, another --group-id to begin anew, or --accept-loss.");
    }
}

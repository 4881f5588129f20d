package io.millrace.jobs.watch;

import io.millrace.jobs.cli.CommandFailedException;
import io.millrace.jobs.cli.Sentence;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.runtime.jobmaster.JobResult;
import org.apache.flink.runtime.scheduler.ExecutionGraphInfo;
import org.apache.flink.runtime.scheduler.exceptionhistory.RootExceptionHistoryEntry;

/** Detects failures of a job in this process that it recovers from, and the one that ended it. */
public final class FailureWatch {
    private long lastMs;

    /** Failures since the last call, oldest first. */
    public List<Throwable> look(ExecutionGraphInfo info) {
        List<Throwable> failures = new ArrayList<>();
        for (RootExceptionHistoryEntry failure : info.getExceptionHistory()) {
            if (failure.getTimestamp() > lastMs) {
                lastMs = failure.getTimestamp();
                failures.add(
                        failure.getException()
                                .deserializeError(FailureWatch.class.getClassLoader()));
            }
        }
        return failures;
    }

    /**
     * Returns unless a failure ended the job.
     *
     * @throws CommandFailedException with the failure
     */
    public static void requireNone(JobResult ended) {
        ended.getSerializedThrowable()
                .ifPresent(
                        failure -> {
                            throw new CommandFailedException(
                                    "The job failed: "
                                            + Sentence.of(
                                                    failure.deserializeError(
                                                            FailureWatch.class.getClassLoader())),
                                    failure);
                        });
    }
}

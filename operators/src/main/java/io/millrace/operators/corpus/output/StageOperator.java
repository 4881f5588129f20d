package io.millrace.operators.corpus.output;

import io.millrace.operators.corpus.output.FileEvent.Staged;
import io.millrace.operators.corpus.output.FileEvent.Tally;
import io.millrace.operators.record.Outcome;
import io.millrace.operators.record.Outcome.Computation;
import java.io.IOException;
import java.util.List;
import java.util.UUID;
import org.apache.flink.api.common.accumulators.LongCounter;
import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.apache.flink.streaming.api.operators.BoundedOneInput;
import org.apache.flink.streaming.api.operators.OneInputStreamOperator;
import org.apache.flink.streaming.api.operators.StreamOperatorParameters;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;

/**
 * Writes outcomes into staging files as they come. Before each barrier it emits the valid length of
 * each file, which {@link CommitOperator} keeps in the same checkpoint. Has no state of its own.
 * Mailbox thread only.
 */
final class StageOperator extends AbstractStreamOperator<FileEvent>
        implements OneInputStreamOperator<Outcome, FileEvent>, BoundedOneInput {
    private static final long serialVersionUID = 1L;

    private final transient OutputFolder folder;
    private final transient boolean batch;
    private transient StagingFiles files;
    private transient LongCounter rows;
    private transient LongCounter failures;
    private transient LongCounter tokens;
    private transient LongCounter bytes;

    StageOperator(
            StreamOperatorParameters<FileEvent> parameters, OutputFolder folder, boolean batch) {
        super(parameters);
        this.folder = folder;
        this.batch = batch;
    }

    @Override
    public void open() throws Exception {
        super.open();
        int subtask = getRuntimeContext().getTaskInfo().getIndexOfThisSubtask();
        files = new StagingFiles(folder, subtask + "-" + UUID.randomUUID());
        rows = getRuntimeContext().getLongCounter(CorpusCounts.ROWS);
        failures = getRuntimeContext().getLongCounter(CorpusCounts.FAILURES);
        tokens = getRuntimeContext().getLongCounter(CorpusCounts.TOKENS);
        bytes = getRuntimeContext().getLongCounter(CorpusCounts.BYTES);
    }

    @Override
    public void processElement(StreamRecord<Outcome> element) throws Exception {
        Outcome outcome = element.getValue();
        Tally tally = tally(outcome);
        String file = outcome.origin().source();
        try {
            files.add(file, StagedRow.of(outcome, batch), tally);
        } catch (IOException e) {
            throw OutputFaults.of("answers of " + file, folder, e);
        }
        rows.add(tally.rows());
        failures.add(tally.failures());
        tokens.add(tally.tokens());
        bytes.add(tally.bytes());
    }

    private static Tally tally(Outcome outcome) {
        long length = outcome.origin().value().length + 1L;
        if (!(outcome instanceof Outcome.Answered answered)) {
            return new Tally(1, 1, 0, length);
        }
        return new Tally(
                1,
                0,
                answered.result().getUsage().getCompletionTokens(),
                length,
                answered.computation() == Computation.COPIED ? 1 : 0,
                answered.computation() == Computation.BY_ID ? 1 : 0);
    }

    @Override
    public void prepareSnapshotPreBarrier(long checkpointId) throws Exception {
        super.prepareSnapshotPreBarrier(checkpointId);
        emitStaged();
    }

    @Override
    public void endInput() throws Exception {
        emitStaged();
    }

    private void emitStaged() throws Exception {
        List<Staged> grown;
        try {
            grown = files.flush();
        } catch (IOException e) {
            throw OutputFaults.of("answers", folder, e);
        }
        for (Staged staged : grown) {
            output.collect(new StreamRecord<>(staged));
        }
    }

    @Override
    public void close() throws Exception {
        try {
            if (files != null) {
                files.close();
            }
        } finally {
            super.close();
        }
    }
}

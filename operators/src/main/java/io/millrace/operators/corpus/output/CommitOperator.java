package io.millrace.operators.corpus.output;

import io.millrace.operators.corpus.format.Columns;
import io.millrace.operators.corpus.output.FileEvent.Tally;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import org.apache.flink.api.common.accumulators.LongCounter;
import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.state.ListStateDescriptor;
import org.apache.flink.api.common.typeutils.base.array.BytePrimitiveArraySerializer;
import org.apache.flink.metrics.Gauge;
import org.apache.flink.runtime.state.StateInitializationContext;
import org.apache.flink.runtime.state.StateSnapshotContext;
import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.apache.flink.streaming.api.operators.BoundedOneInput;
import org.apache.flink.streaming.api.operators.OneInputStreamOperator;
import org.apache.flink.streaming.api.operators.StreamOperatorParameters;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;

/**
 * Keeps for each file what is staged, and commits its output once a checkpoint contains the whole
 * file. The file stays in checkpoints until then. One instance per job. Mailbox thread only.
 */
final class CommitOperator extends AbstractStreamOperator<Void>
        implements OneInputStreamOperator<FileEvent, Void>, BoundedOneInput {
    private static final long serialVersionUID = 1L;

    static final String STATE = "corpus-files";

    // Kinds of elements of the state; 1 is that of earlier releases, whose tallies have four
    // counts.
    private static final int EVENT = 0;
    private static final int FIRST_COMMITTED = 1;
    private static final int COMMITTED = 2;

    private final transient OutputFolder folder;
    private final transient long totalBytes;
    private final transient Assembler assembler;

    /** Files that are not committed. */
    private final transient Map<String, FileState> files = new HashMap<>();

    /** By checkpoint: the files that are complete in it. */
    private final transient TreeMap<Long, List<String>> complete = new TreeMap<>();

    /** Committed files whose staging files a checkpoint may still need. */
    private final transient List<String> committed = new ArrayList<>();

    /** By checkpoint: the committed files that it no longer contains. */
    private final transient TreeMap<Long, List<String>> gone = new TreeMap<>();

    /** Whether all outcomes have arrived. */
    private transient boolean finished;

    /** The first checkpoint after the last outcome; the task ends once such a one is complete. */
    private transient long finalCheckpoint = Long.MAX_VALUE;

    private transient Tally committedTally = Tally.NONE;

    /** Outcomes that were told of, restored ones included; read by the metrics' thread. */
    private transient volatile Tally progress = Tally.NONE;

    private transient long committedFiles;
    private transient ListState<byte[]> state;
    private transient LongCounter filesCounter;

    CommitOperator(
            StreamOperatorParameters<Void> parameters,
            OutputFolder folder,
            Columns columns,
            long totalBytes) {
        super(parameters);
        this.folder = folder;
        this.totalBytes = totalBytes;
        this.assembler =
                new Assembler(
                        folder,
                        new FileAssembly(folder, columns, UUID.randomUUID().toString())::commit,
                        parameters.getMailboxExecutor(),
                        this::committed);
    }

    @Override
    public void initializeState(StateInitializationContext context) throws Exception {
        super.initializeState(context);
        state =
                context.getOperatorStateStore()
                        .getListState(
                                new ListStateDescriptor<>(
                                        STATE, BytePrimitiveArraySerializer.INSTANCE));
        for (byte[] element : state.get()) {
            DataInputStream in = new DataInputStream(new ByteArrayInputStream(element));
            int kind = in.readByte();
            if (kind == EVENT) {
                take(FileEventSerializer.read(in));
            } else {
                committedFiles = in.readLong();
                committedTally =
                        kind == FIRST_COMMITTED
                                ? FileEventSerializer.readFirstTally(in)
                                : FileEventSerializer.readTally(in);
                progress = progress.plus(committedTally);
            }
        }
    }

    @Override
    public void open() throws Exception {
        super.open();
        filesCounter = getRuntimeContext().getLongCounter(CorpusCounts.FILES);
        filesCounter.add(committedFiles);
        Tally restored = committedTally;
        for (FileState file : files.values()) {
            restored = restored.plus(file.tally());
        }
        count(CorpusCounts.ROWS, restored.rows());
        count(CorpusCounts.FAILURES, restored.failures());
        count(CorpusCounts.TOKENS, restored.tokens());
        count(CorpusCounts.BYTES, restored.bytes());
        gauge("rows", () -> progress.rows());
        gauge("failed_rows", () -> progress.failures());
        gauge("answer_tokens", () -> progress.tokens());
        gauge("deduplicated_rows", () -> progress.copies());
        gauge("percent", this::percent);
    }

    private void gauge(String name, Gauge<Long> value) {
        getMetricGroup().gauge(name, value);
    }

    /** Of the bytes of all rows, those of rows with an outcome that a checkpoint may count. */
    long percent() {
        return totalBytes == 0 ? 100 : Math.min(100, progress.bytes() * 100 / totalBytes);
    }

    private void count(String name, long value) {
        getRuntimeContext().getLongCounter(CorpusCounts.RESTORED + name).add(value);
    }

    @Override
    public void processElement(StreamRecord<FileEvent> element) {
        take(element.getValue());
    }

    private void take(FileEvent event) {
        files.computeIfAbsent(event.file(), file -> new FileState()).take(event);
        if (event instanceof FileEvent.Staged staged) {
            progress = progress.plus(staged.tally());
        }
    }

    @Override
    public void snapshotState(StateSnapshotContext context) throws Exception {
        super.snapshotState(context);
        List<byte[]> elements = new ArrayList<>();
        elements.add(
                element(
                        out -> {
                            out.writeByte(COMMITTED);
                            out.writeLong(committedFiles);
                            FileEventSerializer.write(committedTally, out);
                        }));
        List<String> ready = new ArrayList<>();
        for (Map.Entry<String, FileState> each : files.entrySet()) {
            for (FileEvent event : each.getValue().events()) {
                elements.add(
                        element(
                                out -> {
                                    out.writeByte(EVENT);
                                    FileEventSerializer.write(event, out);
                                }));
            }
            if (each.getValue().isComplete()) {
                ready.add(each.getKey());
            }
        }
        state.update(elements);
        if (finished) {
            finalCheckpoint = Math.min(finalCheckpoint, context.getCheckpointId());
        }
        complete.put(context.getCheckpointId(), ready);
        gone.put(context.getCheckpointId(), List.copyOf(committed));
    }

    private interface Writing {
        void to(DataOutputStream out) throws IOException;
    }

    private static byte[] element(Writing writing) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(256);
        writing.to(new DataOutputStream(bytes));
        return bytes.toByteArray();
    }

    @Override
    public void notifyCheckpointComplete(long checkpointId) throws Exception {
        super.notifyCheckpointComplete(checkpointId);
        for (List<String> names : complete.headMap(checkpointId, true).values()) {
            for (String name : names) {
                FileState file = files.get(name);
                if (file != null) {
                    assembler.commit(name, file);
                }
            }
        }
        complete.headMap(checkpointId, true).clear();
        for (List<String> names : gone.headMap(checkpointId, true).values()) {
            for (String name : names) {
                if (committed.remove(name)) {
                    assembler.forget(name);
                }
            }
        }
        gone.headMap(checkpointId, true).clear();
        if (checkpointId >= finalCheckpoint) {
            // No barrier can be delayed any more, and the task ends after this call.
            assembler.await();
        }
    }

    private void committed(String name) throws IOException {
        FileState file = files.remove(name);
        committed.add(name);
        committedFiles++;
        committedTally = committedTally.plus(file.tally());
        new Totals(committedFiles, committedTally).write(folder);
        filesCounter.add(1);
    }

    @Override
    public void endInput() {
        getRuntimeContext().getLongCounter(CorpusCounts.ENDED).add(1);
    }

    @Override
    public void finish() throws Exception {
        super.finish();
        finished = true;
    }

    @Override
    public void close() throws Exception {
        try {
            assembler.close();
        } finally {
            super.close();
        }
    }
}

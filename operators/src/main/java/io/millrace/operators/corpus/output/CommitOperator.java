package io.millrace.operators.corpus.output;

import io.millrace.operators.corpus.format.Columns;
import io.millrace.operators.corpus.output.FileNews.Tally;
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
import org.apache.flink.runtime.state.StateInitializationContext;
import org.apache.flink.runtime.state.StateSnapshotContext;
import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.apache.flink.streaming.api.operators.BoundedOneInput;
import org.apache.flink.streaming.api.operators.OneInputStreamOperator;
import org.apache.flink.streaming.api.operators.StreamOperatorParameters;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;

/**
 * Knows of every file how much of it is staged, and has it put together once a checkpoint holds all
 * of it; until it is, the checkpoints hold it still. There is one of it in a job. Mailbox thread
 * only.
 */
final class CommitOperator extends AbstractStreamOperator<Void>
        implements OneInputStreamOperator<FileNews, Void>, BoundedOneInput {
    private static final long serialVersionUID = 1L;

    static final String STATE = "corpus-files";

    private final transient OutputFolder folder;
    private final transient Assembler assembler;

    /** Files whose output is not where it belongs. */
    private final transient Map<String, FileState> files = new HashMap<>();

    /** By checkpoint: those that are whole in it. */
    private final transient TreeMap<Long, List<String>> whole = new TreeMap<>();

    /** Committed, but a checkpoint may still have them staged. */
    private final transient List<String> committed = new ArrayList<>();

    /** By checkpoint: those that it has nothing of any more. */
    private final transient TreeMap<Long, List<String>> gone = new TreeMap<>();

    /** All outcomes are here. */
    private transient boolean finished;

    /** The first checkpoint behind the last outcome; the task ends once one such is complete. */
    private transient long finalCheckpoint = Long.MAX_VALUE;

    private transient Tally committedTally = Tally.NONE;
    private transient long committedFiles;
    private transient ListState<byte[]> state;
    private transient LongCounter filesCounter;

    CommitOperator(
            StreamOperatorParameters<Void> parameters, OutputFolder folder, Columns columns) {
        super(parameters);
        this.folder = folder;
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
            if (in.readBoolean()) {
                committedFiles = in.readLong();
                committedTally = FileNewsSerializer.readTally(in);
            } else {
                take(FileNewsSerializer.read(in));
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
    }

    private void count(String name, long value) {
        getRuntimeContext().getLongCounter(CorpusCounts.RESTORED + name).add(value);
    }

    @Override
    public void processElement(StreamRecord<FileNews> element) {
        take(element.getValue());
    }

    private void take(FileNews news) {
        files.computeIfAbsent(news.file(), file -> new FileState()).take(news);
    }

    @Override
    public void snapshotState(StateSnapshotContext context) throws Exception {
        super.snapshotState(context);
        List<byte[]> elements = new ArrayList<>();
        elements.add(
                element(
                        out -> {
                            out.writeBoolean(true);
                            out.writeLong(committedFiles);
                            FileNewsSerializer.write(committedTally, out);
                        }));
        List<String> ready = new ArrayList<>();
        for (Map.Entry<String, FileState> each : files.entrySet()) {
            for (FileNews news : each.getValue().news()) {
                elements.add(
                        element(
                                out -> {
                                    out.writeBoolean(false);
                                    FileNewsSerializer.write(news, out);
                                }));
            }
            if (each.getValue().isWhole()) {
                ready.add(each.getKey());
            }
        }
        state.update(elements);
        if (finished) {
            finalCheckpoint = Math.min(finalCheckpoint, context.getCheckpointId());
        }
        whole.put(context.getCheckpointId(), ready);
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
        for (List<String> names : whole.headMap(checkpointId, true).values()) {
            for (String name : names) {
                FileState file = files.get(name);
                if (file != null) {
                    assembler.commit(name, file);
                }
            }
        }
        whole.headMap(checkpointId, true).clear();
        for (List<String> names : gone.headMap(checkpointId, true).values()) {
            for (String name : names) {
                if (committed.remove(name)) {
                    assembler.forget(name);
                }
            }
        }
        gone.headMap(checkpointId, true).clear();
        if (checkpointId >= finalCheckpoint) {
            // Nothing comes behind it that could wait, and the task ends with this call.
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

package io.millrace.operators.corpus;

import io.millrace.operators.corpus.file.RowFiles;
import io.millrace.operators.corpus.format.Row;
import io.millrace.operators.corpus.format.RowForm;
import io.millrace.operators.corpus.format.RowPosition;
import io.millrace.operators.corpus.format.RowReader;
import io.millrace.operators.corpus.format.UnreadableFileException;
import io.millrace.operators.corpus.output.FileEvent;
import io.millrace.operators.valve.Valve;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Supplier;
import org.apache.flink.api.connector.source.ReaderOutput;
import org.apache.flink.api.connector.source.SourceReader;
import org.apache.flink.api.connector.source.SourceReaderContext;
import org.apache.flink.core.io.InputStatus;
import org.apache.flink.runtime.execution.SuppressRestartsException;

/**
 * Reads one file after the other on the mailbox thread: reading a row takes microseconds, and the
 * valve stops reading while the engine is full. Its state is a position between two rows.
 *
 * <p>A reader without a file and without rows in flight reports that it is idle. It ends when the
 * enumerator has no more splits for any reader.
 */
final class CorpusReader implements SourceReader<FileRecord, FileSplit> {
    private final SourceReaderContext context;
    private final RequestTemplate template;
    private final Supplier<Valve> findValve;
    private final Deque<FileSplit> waiting = new ArrayDeque<>();
    private CompletableFuture<Void> available = new CompletableFuture<>();
    private boolean noMore;
    private Valve valve;

    /** Whether the enumerator was told that this reader is idle. */
    private boolean idle;

    /** The file that is being read; null between two files. */
    private FileSplit current;

    private RowReader rows;
    private RowRequests requests;

    CorpusReader(SourceReaderContext context, RequestTemplate template, Supplier<Valve> findValve) {
        this.context = context;
        this.template = template;
        this.findValve = findValve;
    }

    @Override
    public void start() {
        valve = findValve.get();
        if (waiting.isEmpty()) {
            context.sendSplitRequest();
        }
    }

    @Override
    public InputStatus pollNext(ReaderOutput<FileRecord> output) throws Exception {
        if (current == null) {
            current = waiting.poll();
            if (current == null) {
                return withoutFile();
            }
        }
        FileRecord next = next();
        if (next == null) {
            return InputStatus.MORE_AVAILABLE;
        }
        output.collect(next);
        if (current == null && waiting.isEmpty() && !noMore) {
            context.sendSplitRequest();
        }
        return InputStatus.MORE_AVAILABLE;
    }

    private InputStatus withoutFile() {
        if (noMore) {
            return InputStatus.END_OF_INPUT;
        }
        if (valve.isEmpty() && !idle) {
            idle = true;
            context.sendSourceEventToCoordinator(new IdleEvent());
        }
        available = available.isDone() ? new CompletableFuture<>() : available;
        return InputStatus.NOTHING_AVAILABLE;
    }

    /**
     * The next record; null while the reader still skips to its start position, or reads a long
     * row.
     */
    private FileRecord next() throws IOException {
        InputFile file = current.file();
        byte[] header = new byte[0];
        try {
            if (rows == null) {
                requireSame(file);
                rows = RowFiles.open(file.format(), Path.of(file.path()), current.from());
                RowForm form = RowFiles.form(file.format(), rows.header(), template.columns());
                requests = new RowRequests(file, form, template);
            }
            header = rows.header();
            if (!rows.seek()) {
                return null;
            }
            Row row = rows.next();
            if (row == Row.PENDING) {
                return null;
            }
            if (row != null) {
                return new FileRecord.Row(requests.of(row));
            }
            requireSame(file);
            return end(header, null);
        } catch (UnreadableFileException e) {
            // If the file was overwritten meanwhile, the job fails instead of the file.
            requireSame(file);
            return end(header, e.getMessage());
        }
    }

    private FileRecord end(byte[] header, String fault) throws IOException {
        RowPosition position = rows == null ? current.from() : rows.position();
        String message =
                fault == null
                        ? null
                        : "%s cannot be read%s: %s."
                                .formatted(
                                        current.file().name(),
                                        position.rows() == 0 ? "" : " after row " + position.rows(),
                                        fault);
        FileEvent.End end =
                new FileEvent.End(
                        current.file().name(),
                        current.file().format(),
                        header,
                        position.rows(),
                        message);
        closeFile();
        current = null;
        return new FileRecord.Ended(end);
    }

    private static void requireSame(InputFile file) throws IOException {
        String changes = file.changes();
        if (changes != null) {
            throw new SuppressRestartsException(
                    new IllegalStateException(
                            "The input file %s %s, while its rows were being answered: restore the file, or start again with another output folder."
                                    .formatted(file.path(), changes)));
        }
    }

    @Override
    public List<FileSplit> snapshotState(long checkpointId) {
        List<FileSplit> splits = new ArrayList<>(waiting);
        if (current != null) {
            splits.add(0, rows == null ? current : new FileSplit(current.file(), rows.position()));
        }
        return splits;
    }

    @Override
    public CompletableFuture<Void> isAvailable() {
        if (current != null || !waiting.isEmpty() || noMore) {
            return CompletableFuture.completedFuture(null);
        }
        return idle || valve == null
                ? available
                : CompletableFuture.anyOf(available, valve.emptied()).thenAccept(any -> {});
    }

    @Override
    public void addSplits(List<FileSplit> splits) {
        waiting.addAll(splits);
        idle = false;
        available.complete(null);
    }

    @Override
    public void notifyNoMoreSplits() {
        noMore = true;
        available.complete(null);
    }

    private void closeFile() throws IOException {
        if (rows != null) {
            rows.close();
            rows = null;
            requests = null;
        }
    }

    @Override
    public void close() throws Exception {
        closeFile();
    }
}

package io.millrace.operators.corpus;

import io.millrace.operators.corpus.file.RowFiles;
import io.millrace.operators.corpus.format.Place;
import io.millrace.operators.corpus.format.Row;
import io.millrace.operators.corpus.format.RowForm;
import io.millrace.operators.corpus.format.RowReader;
import io.millrace.operators.corpus.format.UnreadableFileException;
import io.millrace.operators.corpus.output.FileNews;
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
 * Reads one file after the other, on the mailbox thread: a row is microseconds away, and the valve
 * holds back what the engine cannot take. Its state is the place between two rows.
 *
 * <p>Once there is no file for it, and none of its rows is in flight, it says that it is idle, and
 * ends when it is told to.
 */
final class CorpusReader implements SourceReader<FileRecord, FileSplit> {
    private final SourceReaderContext context;
    private final Asking asking;
    private final Supplier<Valve> findValve;
    private final Deque<FileSplit> waiting = new ArrayDeque<>();
    private CompletableFuture<Void> available = new CompletableFuture<>();
    private boolean noMore;
    private Valve valve;

    /** The enumerator knows that nothing is left to do here. */
    private boolean idle;

    /** The file that is being read; null between two files. */
    private FileSplit current;

    private RowReader rows;
    private RowAsker asker;

    CorpusReader(SourceReaderContext context, Asking asking, Supplier<Valve> findValve) {
        this.context = context;
        this.asking = asking;
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
                return nothing();
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

    private InputStatus nothing() {
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

    /** Null on the way to the place where reading goes on. */
    private FileRecord next() throws IOException {
        InputFile file = current.file();
        byte[] header = new byte[0];
        try {
            if (rows == null) {
                requireSame(file);
                rows = RowFiles.open(file.format(), Path.of(file.path()), current.from());
                RowForm form = RowFiles.form(file.format(), rows.header(), asking.columns());
                asker = new RowAsker(file, form, asking);
            }
            header = rows.header();
            if (!rows.seek()) {
                return null;
            }
            Row row = rows.next();
            if (row != null) {
                return new FileRecord.Asked(asker.ask(row));
            }
            requireSame(file);
            return end(header, null);
        } catch (UnreadableFileException e) {
            // What was overwritten meanwhile is another file, not an unreadable one.
            requireSame(file);
            return end(header, e.getMessage());
        }
    }

    private FileRecord end(byte[] header, String fault) throws IOException {
        Place place = rows == null ? current.from() : rows.place();
        String message =
                fault == null
                        ? null
                        : "%s cannot be read%s: %s."
                                .formatted(
                                        current.file().name(),
                                        place.rows() == 0 ? "" : " behind row " + place.rows(),
                                        fault);
        FileNews.End end =
                new FileNews.End(
                        current.file().name(),
                        current.file().format(),
                        header,
                        place.rows(),
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
                            "The input file %s %s, while its rows were being answered: bring back what it was, or begin anew with another output folder."
                                    .formatted(file.path(), changes)));
        }
    }

    @Override
    public List<FileSplit> snapshotState(long checkpointId) {
        List<FileSplit> splits = new ArrayList<>(waiting);
        if (current != null) {
            splits.add(0, rows == null ? current : new FileSplit(current.file(), rows.place()));
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
            asker = null;
        }
    }

    @Override
    public void close() throws Exception {
        closeFile();
    }
}

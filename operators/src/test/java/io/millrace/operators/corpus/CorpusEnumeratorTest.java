package io.millrace.operators.corpus;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.operators.corpus.format.FileFormat;
import io.millrace.operators.corpus.format.RowPosition;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.function.BiConsumer;
import java.util.stream.IntStream;
import org.apache.flink.api.connector.source.ReaderInfo;
import org.apache.flink.api.connector.source.SourceEvent;
import org.apache.flink.api.connector.source.SplitEnumeratorContext;
import org.apache.flink.api.connector.source.SplitsAssignment;
import org.apache.flink.metrics.groups.SplitEnumeratorMetricGroup;
import org.junit.jupiter.api.Test;

class CorpusEnumeratorTest {
    private final TestingContext context = new TestingContext(3);

    @Test
    void aReaderThatAsksGetsTheNextFile() throws Exception {
        CorpusEnumerator files = enumerator("a", "b", "c");
        ask(files, 2);
        ask(files, 0);
        assertThat(context.given).containsEntry(2, List.of("a")).containsEntry(0, List.of("b"));
        assertThat(names(files)).containsExactly("c");
        ask(files, 2);
        assertThat(context.given).containsEntry(2, List.of("a", "c"));
        assertThat(names(files)).isEmpty();
    }

    @Test
    void whatAFailedReaderHadIsGivenFirstAndFromItsPlace() {
        CorpusEnumerator files = enumerator("a", "b", "c");
        ask(files, 0);
        ask(files, 0);
        FileSplit half = split("a", 17);
        files.addSplitsBack(List.of(half, split("b", 0)), 0);
        assertThat(files.snapshotState(1))
                .extracting(FileSplit::splitId)
                .containsExactly("a", "b", "c");
        ask(files, 1);
        assertThat(context.splits.get(context.splits.size() - 1)).isEqualTo(half);
    }

    @Test
    void whatComesBackGoesToAReaderThatIsWaiting() {
        CorpusEnumerator files = enumerator();
        ask(files, 1);
        assertThat(context.given).isEmpty();
        files.addSplitsBack(List.of(split("a", 3)), 0);
        assertThat(context.given).containsOnlyKeys(1);
    }

    @Test
    void readersEndTogetherOnceAllAreIdle() {
        CorpusEnumerator files = enumerator("a");
        for (int subtask : List.of(0, 1, 2)) {
            ask(files, subtask);
        }
        idle(files, 1);
        idle(files, 2);
        assertThat(context.ended).as("0 is at its file").isEmpty();
        idle(files, 0);
        assertThat(context.ended).as("an event without a question before it").isEmpty();
        ask(files, 0);
        idle(files, 0);
        assertThat(context.ended).containsExactly(0, 1, 2);
    }

    @Test
    void anIdleReaderThatGetsAFileIsIdleNoMore() {
        CorpusEnumerator files = enumerator();
        for (int subtask : List.of(0, 1)) {
            ask(files, subtask);
            idle(files, subtask);
        }
        files.addSplitsBack(List.of(split("a", 0)), 2);
        ask(files, 2);
        idle(files, 2);
        assertThat(context.ended).isEmpty();
        assertThat(context.given).hasSize(1);
    }

    @Test
    void aNewAttemptOfAReaderHasAskedForNothing() {
        CorpusEnumerator files = enumerator();
        for (int subtask : List.of(0, 1, 2)) {
            ask(files, subtask);
        }
        idle(files, 0);
        idle(files, 1);
        files.addReader(1);
        idle(files, 2);
        assertThat(context.ended).isEmpty();
        ask(files, 1);
        idle(files, 1);
        assertThat(context.ended).containsExactly(0, 1, 2);
    }

    @Test
    void aReaderThatIsGoneGetsNothing() {
        CorpusEnumerator files = enumerator("a");
        context.readers.remove(1);
        ask(files, 1);
        assertThat(context.given).isEmpty();
        assertThat(names(files)).containsExactly("a");
    }

    private CorpusEnumerator enumerator(String... names) {
        List<FileSplit> splits = new ArrayList<>();
        for (String name : names) {
            splits.add(split(name, 0));
        }
        return new CorpusEnumerator(context, splits);
    }

    private static FileSplit split(String name, long rows) {
        FileFormat format = FileFormat.of("x.jsonl", null, null);
        return new FileSplit(
                new InputFile(name, "/in/" + name, 1, 2, "", format),
                new RowPosition(8 * rows, rows, rows));
    }

    private static void ask(CorpusEnumerator files, int subtask) {
        files.handleSplitRequest(subtask, "host");
    }

    private static void idle(CorpusEnumerator files, int subtask) {
        files.handleSourceEvent(subtask, new IdleEvent());
    }

    private static List<String> names(CorpusEnumerator files) {
        Collection<FileSplit> left = files.snapshotState(1);
        return left.stream().map(FileSplit::splitId).toList();
    }

    /** Keeps what the enumerator gives; every reader is there at first. */
    private static final class TestingContext implements SplitEnumeratorContext<FileSplit> {
        final Map<Integer, ReaderInfo> readers = new HashMap<>();
        final Map<Integer, List<String>> given = new HashMap<>();
        final List<FileSplit> splits = new ArrayList<>();
        final Set<Integer> ended = new TreeSet<>();
        private final int parallelism;

        TestingContext(int parallelism) {
            this.parallelism = parallelism;
            IntStream.range(0, parallelism)
                    .forEach(subtask -> readers.put(subtask, new ReaderInfo(subtask, "host")));
        }

        @Override
        public SplitEnumeratorMetricGroup metricGroup() {
            throw new UnsupportedOperationException();
        }

        @Override
        public void sendEventToSourceReader(int subtask, SourceEvent event) {
            throw new UnsupportedOperationException();
        }

        @Override
        public int currentParallelism() {
            return parallelism;
        }

        @Override
        public Map<Integer, ReaderInfo> registeredReaders() {
            return readers;
        }

        @Override
        public void assignSplits(SplitsAssignment<FileSplit> assignment) {
            assignment
                    .assignment()
                    .forEach(
                            (subtask, files) -> {
                                splits.addAll(files);
                                files.forEach(
                                        file ->
                                                given.computeIfAbsent(
                                                                subtask, s -> new ArrayList<>())
                                                        .add(file.splitId()));
                            });
        }

        @Override
        public void signalNoMoreSplits(int subtask) {
            ended.add(subtask);
        }

        @Override
        public <T> void callAsync(Callable<T> callable, BiConsumer<T, Throwable> handler) {
            throw new UnsupportedOperationException();
        }

        @Override
        public <T> void callAsync(
                Callable<T> callable,
                BiConsumer<T, Throwable> handler,
                long initialDelay,
                long period) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void runInCoordinatorThread(Runnable runnable) {
            throw new UnsupportedOperationException();
        }
    }
}

package io.millrace.operators.corpus;

import java.util.ArrayDeque;
import java.util.Collection;
import java.util.Deque;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Set;
import org.apache.flink.api.connector.source.SourceEvent;
import org.apache.flink.api.connector.source.SplitEnumerator;
import org.apache.flink.api.connector.source.SplitEnumeratorContext;

/**
 * Assigns the next file to each reader that requests one. Coordinator thread only.
 *
 * <p>Readers end together, once all are idle. After some subtasks of a task have ended, none of its
 * checkpoints with union list state can complete (Flink 2.3.0), and the last file may take hours.
 */
final class CorpusEnumerator implements SplitEnumerator<FileSplit, Collection<FileSplit>> {
    private final SplitEnumeratorContext<FileSplit> context;
    private final Deque<FileSplit> splits;
    private final Set<Integer> requesting = new HashSet<>();
    private final Set<Integer> idle = new HashSet<>();

    /**
     * @param splits in the order of assignment
     */
    CorpusEnumerator(SplitEnumeratorContext<FileSplit> context, Collection<FileSplit> splits) {
        this.context = context;
        this.splits = new ArrayDeque<>(splits);
    }

    @Override
    public void start() {}

    @Override
    public void handleSplitRequest(int subtask, String hostname) {
        if (!context.registeredReaders().containsKey(subtask)) {
            // It has failed meanwhile; its next attempt sends a request of its own.
            return;
        }
        requesting.add(subtask);
        assign();
    }

    private void assign() {
        // Readers that have failed meanwhile: their next attempts send requests of their own.
        requesting.retainAll(context.registeredReaders().keySet());
        idle.retainAll(requesting);
        for (Iterator<Integer> waiting = requesting.iterator();
                waiting.hasNext() && !splits.isEmpty(); ) {
            int subtask = waiting.next();
            idle.remove(subtask);
            context.assignSplit(splits.poll(), subtask);
            waiting.remove();
        }
    }

    @Override
    public void handleSourceEvent(int subtask, SourceEvent event) {
        if (event instanceof IdleEvent && requesting.contains(subtask)) {
            idle.add(subtask);
            if (idle.size() == context.currentParallelism()) {
                idle.forEach(context::signalNoMoreSplits);
            }
        }
    }

    @Override
    public void addSplitsBack(List<FileSplit> back, int subtask) {
        for (int i = back.size() - 1; i >= 0; i--) {
            splits.addFirst(back.get(i));
        }
        assign();
    }

    /** Drops the requests of an earlier attempt. */
    @Override
    public void addReader(int subtask) {
        requesting.remove(subtask);
        idle.remove(subtask);
    }

    @Override
    public Collection<FileSplit> snapshotState(long checkpointId) {
        return List.copyOf(splits);
    }

    @Override
    public void close() {}
}

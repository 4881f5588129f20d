package io.millrace.operators.corpus.output;

import io.millrace.operators.corpus.output.FileEvent.End;
import io.millrace.operators.corpus.output.FileEvent.Staged;
import io.millrace.operators.corpus.output.FileEvent.Tally;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** The state of one input file that is not committed. */
final class FileState {
    private final Map<String, Staged> parts = new TreeMap<>();
    private End end;

    void take(FileEvent event) {
        if (event instanceof End e) {
            end = e;
        } else if (event instanceof Staged staged) {
            parts.merge(staged.part(), staged, Staged::then);
        }
    }

    /** Whether the outcomes of all rows are staged. */
    boolean isComplete() {
        return end != null && tally().rows() >= end.rows();
    }

    End end() {
        return end;
    }

    Collection<Staged> parts() {
        return Collections.unmodifiableCollection(parts.values());
    }

    Tally tally() {
        Tally sum = Tally.NONE;
        for (Staged staged : parts.values()) {
            sum = sum.plus(staged.tally());
        }
        return sum;
    }

    /** The events from which {@link #take} restores this state. */
    List<FileEvent> events() {
        List<FileEvent> events = new ArrayList<>(parts.values());
        if (end != null) {
            events.add(end);
        }
        return events;
    }
}

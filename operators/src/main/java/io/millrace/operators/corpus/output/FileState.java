package io.millrace.operators.corpus.output;

import io.millrace.operators.corpus.output.FileNews.End;
import io.millrace.operators.corpus.output.FileNews.Staged;
import io.millrace.operators.corpus.output.FileNews.Tally;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** What is known of one input file whose output is not where it belongs yet. */
final class FileState {
    private final Map<String, Staged> parts = new TreeMap<>();
    private End end;

    void take(FileNews news) {
        if (news instanceof End told) {
            end = told;
        } else if (news instanceof Staged staged) {
            parts.merge(staged.part(), staged, Staged::then);
        }
    }

    /** Whether all of its rows are there. */
    boolean isWhole() {
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

    /** What {@link #take} must be told to know the same. */
    List<FileNews> news() {
        List<FileNews> news = new ArrayList<>(parts.values());
        if (end != null) {
            news.add(end);
        }
        return news;
    }
}

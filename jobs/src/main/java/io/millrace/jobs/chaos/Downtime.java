package io.millrace.jobs.chaos;

import io.millrace.jobs.chaos.check.History;
import java.util.List;

/** Times without answers while requests are unanswered. */
final class Downtime {
    /** The downtime of a fault without unanswered requests. */
    static final long NONE_WANTED = -1;

    private Downtime() {}

    /**
     * The longest time, within a window, in which no answer was committed; it begins at the fault
     * or at a commit, and ends with the next one. A commit counts when a consumer sees it.
     *
     * @param fromMs when the fault began
     * @param untilMs when the next fault began, or the run ended
     * @param wanted requests sent by then: once all are answered, there is no downtime
     * @return milliseconds, or {@link #NONE_WANTED}
     */
    static long ms(List<History.Commit> commits, long fromMs, long untilMs, int wanted) {
        long last = fromMs;
        long longest = NONE_WANTED;
        int answered = 0;
        for (History.Commit commit : commits) {
            if (commit.timeMs() > untilMs || answered >= wanted) {
                break;
            }
            answered = commit.answered();
            if (commit.timeMs() > fromMs) {
                longest = Math.max(longest, commit.timeMs() - last);
                last = commit.timeMs();
            }
        }
        return answered >= wanted ? longest : Math.max(longest, untilMs - last);
    }

    /**
     * The time from a fault to the next answer: until a consumer saw a committed answer that was
     * completed after the fault began. Answers that were complete before it, and are committed by a
     * checkpoint in progress, do not count.
     *
     * @return milliseconds, or {@link #NONE_WANTED} if no answer was completed after it
     */
    static long toNextAnswerMs(List<History.Commit> commits, long fromMs) {
        return commits.stream()
                .filter(commit -> commit.finishedMs() > fromMs)
                .mapToLong(commit -> commit.timeMs() - fromMs)
                .findFirst()
                .orElse(NONE_WANTED);
    }

    /** The longest time between two commits of a whole run. */
    static long ms(List<History.Commit> commits) {
        if (commits.isEmpty()) {
            return NONE_WANTED;
        }
        History.Commit last = commits.get(commits.size() - 1);
        return ms(commits, commits.get(0).timeMs(), last.timeMs(), last.answered());
    }
}

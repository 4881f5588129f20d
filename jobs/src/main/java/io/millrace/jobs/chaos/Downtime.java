package io.millrace.jobs.chaos;

import io.millrace.jobs.chaos.check.History;
import java.util.List;

/** For how long nobody got an answer, although some were wanted. */
final class Downtime {
    /** Of a fault that came when nothing was left to answer. */
    static final long NONE_WANTED = -1;

    private Downtime() {}

    /**
     * The longest time, within a window, in which no answer was committed; it begins at the fault
     * or at a commit, and ends with the next one. What counts as a commit is that a consumer saw
     * it.
     *
     * @param fromMs when the fault began
     * @param untilMs when the next fault began, or the run ended
     * @param wanted requests that were sent by then: once all are answered, silence is no downtime
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
     * checkpoint that was under way, do not end it.
     *
     * @return milliseconds, or {@link #NONE_WANTED} where no answer was completed any more
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

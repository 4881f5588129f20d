package io.millrace.jobs.chaos;

import static java.util.stream.Collectors.joining;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.millrace.jobs.chaos.check.Checker;
import io.millrace.jobs.chaos.check.PromptSet;
import io.millrace.jobs.chaos.fault.FaultReport;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/**
 * The report of a suite: a JSON file and a page.
 *
 * @param command the command line, to run it again
 * @param device machine and Java
 * @param commit commit of the sources
 * @param prompts records of the input topic, poison among them
 * @param poison number of records that cannot be answered
 * @param completions completions per request
 * @param checkpointIntervalMs checkpoint interval of the job
 * @param undisturbed the undisturbed run
 * @param runs disturbed runs, in order
 * @param notExercised cases that no run has exercised
 */
public record ChaosReport(
        String command,
        String device,
        String commit,
        int prompts,
        int poison,
        int completions,
        long checkpointIntervalMs,
        RunReport undisturbed,
        List<RunReport> runs,
        List<String> notExercised) {

    private static final String[] RANGES = {"<1 s", "<2 s", "<5 s", "<10 s", "<20 s", ">=20 s"};
    private static final long[] BOUNDS_MS = {1000, 2000, 5000, 10_000, 20_000, Long.MAX_VALUE};

    /** Whether nothing was wrong, and a run of each seed counts. */
    public boolean isRight() {
        return !runs.isEmpty()
                && runs.stream().allMatch(RunReport::isRight)
                && runs.stream().allMatch(run -> counts(run.seed()));
    }

    /** Display text of the verdict. */
    public String verdict() {
        if (!runs.stream().allMatch(RunReport::isRight)) {
            return "WRONG: something is lost, twice or different, or a run did not come to its end.";
        }
        String right = "Nothing lost, nothing twice, nothing different";
        return isRight()
                ? right + "."
                : right
                        + "; but it shows too little: less than half of the faults met requests that"
                        + " were restored, or no half-written answer was.";
    }

    private boolean counts(long seed) {
        return runs.stream().anyMatch(run -> run.seed() == seed && run.counts());
    }

    /** Writes {@code name.json} and {@code name.md}. */
    public void write(Path folder, String name) throws IOException {
        Files.createDirectories(folder);
        String json = new ObjectMapper().writerWithDefaultPrettyPrinter().writeValueAsString(this);
        Files.writeString(folder.resolve(name + ".json"), json + "\n");
        Files.writeString(folder.resolve(name + ".md"), page(name));
    }

    private String page(String name) {
        StringBuilder page = new StringBuilder();
        line(page, "# Chaos: %s%n", name);
        line(page, "`%s`%n", command);
        line(
                page,
                "%s, %s. Each run: %d records, %d of them poison; completions: %d, new"
                        + " tokens: %d, checkpoint every %d ms. Undisturbed: %.1f s, at most %.1f s from one commit to the next.%n",
                device,
                commit,
                prompts,
                poison,
                completions,
                PromptSet.NEW_TOKENS,
                checkpointIntervalMs,
                undisturbed.seconds(),
                undisturbed.longestGapMs() / 1e3);
        line(page, "**%s**%n", verdict());
        line(
                page,
                "| seed | outcome | answers | lost | twice | different | faults | of these with requests restored | restores | checkpoints | failed | tokens kept | decoded again | s |");
        line(page, "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|");
        for (RunReport run : runs) {
            Checker.Verdict verdict = run.verdict();
            line(
                    page,
                    "| %d | %s | %d | %d | %d | %d | %d | %d | %d | %d | %d | %d | %d | %.0f |",
                    run.seed(),
                    run.outcome(),
                    run.answered(),
                    verdict.lost(),
                    verdict.twice(),
                    verdict.different() + verdict.unknown(),
                    run.faults().size(),
                    run.faults().stream().filter(FaultReport::counts).count(),
                    run.restores(),
                    run.checkpoints(),
                    run.failedCheckpoints(),
                    run.restoredTokens().kept(),
                    run.restoredTokens().repeated(),
                    run.seconds());
        }
        line(
                page,
                "%nTokens kept: in a checkpoint or savepoint, and not decoded again when it was restored.");
        answers(page);
        histograms(page);
        faults(page);
        return page.toString();
    }

    private void answers(StringBuilder page) {
        line(page, "%n## Answers%n");
        line(
                page,
                "| seed | planted, and seen by the checker | dead letters | SHA-256 of all answers |");
        line(page, "|---|---|---|---|");
        answers(page, "undisturbed", undisturbed);
        for (RunReport run : runs) {
            answers(page, Long.toString(run.seed()), run);
        }
        Map<String, Integer> failures = new TreeMap<>();
        runs.forEach(
                run -> run.failures().forEach((why, n) -> failures.merge(why, n, Integer::sum)));
        line(page, "%n## Why checkpoints failed%n%n| checkpoints | reason |%n|---|---|");
        failures.forEach((why, count) -> line(page, "| %d | %s |", count, why));
        line(page, "%n## Not exercised%n");
        notExercised.forEach(each -> line(page, "- %s", each));
    }

    private static void answers(StringBuilder page, String name, RunReport run) {
        line(
                page,
                "| %s | %s | %d: %s | `%s` |",
                name,
                run.planted() == null ? "" : run.planted(),
                run.deadLetters().values().stream().mapToInt(Integer::intValue).sum(),
                run.deadLetters().entrySet().stream()
                        .map(each -> each.getValue() + " " + each.getKey())
                        .collect(joining(", ")),
                run.answersSha256());
    }

    private void histograms(StringBuilder page) {
        Map<Long, Integer> restored = new TreeMap<>();
        Map<String, int[]> recoveries = new TreeMap<>();
        List<Long> savepoints = new ArrayList<>();
        for (RunReport run : runs) {
            run.restoredTimes()
                    .forEach((times, count) -> restored.merge(times, count, Integer::sum));
            savepoints.addAll(run.savepointsMs());
            for (FaultReport fault : run.faults()) {
                int[] counts =
                        recoveries.computeIfAbsent(
                                fault.kind().toString(), any -> new int[BOUNDS_MS.length]);
                if (fault.nextAnswerMs() >= 0) {
                    int range = 0;
                    while (fault.nextAnswerMs() >= BOUNDS_MS[range]) {
                        range++;
                    }
                    counts[range]++;
                }
            }
        }
        line(page, "%n## How often an answer was restored before it was complete%n");
        line(page, "| times | answers |%n|---|---|");
        restored.forEach((times, count) -> line(page, "| %d | %d |", times, count));
        line(page, "%n## Time from a fault to the next answer%n");
        line(
                page,
                "From the moment before the fault until a `read_committed` consumer, which asks all the time, saw an answer"
                        + " that was completed after that moment (`millrace.finished_ms`). Answers completed before it, which a"
                        + " checkpoint under way commits, do not count. `no answers for`, in the tables below, is the longest"
                        + " silence of the consumer until the next fault.%n");
        line(
                page,
                "| fault | %s |%n|---%s|",
                String.join(" | ", RANGES),
                "|---".repeat(RANGES.length));
        recoveries.forEach(
                (kind, counts) -> {
                    StringBuilder row = new StringBuilder("| " + kind + " |");
                    for (int count : counts) {
                        row.append(' ').append(count).append(" |");
                    }
                    line(page, "%s", row);
                });
        List<Long> times = Percentiles.of(savepoints);
        if (!times.isEmpty()) {
            line(
                    page,
                    "%nStop with a savepoint, %d times: p50 %d ms, p99 %d ms, most %d ms.",
                    savepoints.size(),
                    times.get(0),
                    times.get(1),
                    times.get(2));
        }
    }

    private void faults(StringBuilder page) {
        for (RunReport run : runs) {
            line(page, "%n## Seed %d%n", run.seed());
            if (run.trouble() != null) {
                line(page, "%s%n", run.trouble());
            }
            run.verdict().examples().forEach(example -> line(page, "- `%s`", example));
            line(page, "Checkpoints, p50, p99, most: %s ms.%n", run.checkpointsMs());
            line(
                    page,
                    "| at, s | fault | answers before | in flight before | restored after | restores | checkpoints | failed | next answer after | no answers for |");
            line(page, "|---|---|---|---|---|---|---|---|---|---|");
            for (FaultReport fault : run.faults()) {
                line(
                        page,
                        "| %.1f | %s | %d | %d | %d | %d | %d | %d | %s | %s |",
                        fault.atMs() / 1e3,
                        fault.fault(),
                        fault.answered(),
                        fault.inFlight(),
                        fault.restored(),
                        fault.restores(),
                        fault.checkpoints(),
                        fault.failedCheckpoints(),
                        fault.nextAnswer(),
                        fault.downtime());
            }
        }
    }

    private static void line(StringBuilder page, String format, Object... arguments) {
        page.append(String.format(Locale.ROOT, format + "%n", arguments));
    }
}

package io.millrace.jobs.chaos.cluster;

import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Why checkpoints failed since some moment, by the logs of the JobManagers, that of a killed one
 * too: with the root, which Flink's REST API leaves out.
 */
public final class CheckpointLog {
    /** The line, and the exception's trace up to the next line of the log. */
    private static final Pattern FAILURE =
            Pattern.compile(
                    "Failed to trigger or complete checkpoint (\\S+) for job ([0-9a-f]+)\\..*\\R"
                            + "((?:(?!\\d{4}-\\d\\d-\\d\\d ).*(?:\\R|$))*)");

    private static final Pattern CAUSE = Pattern.compile("(?m)^(?:Caused by: )?[\\w.$]+: (.+)$");
    private static final String CLASS_NAMES = "^([\\w.$]+(Exception|Error): )+";

    private final LogTails logs;

    /**
     * Begins now.
     *
     * @param folder where the processes' logs are
     */
    public CheckpointLog(Path folder) throws IOException {
        logs = new LogTails(folder, "jobmanager");
    }

    /**
     * What is logged.
     *
     * @param numbered reasons of checkpoints that had a number
     * @param others by job: reasons of those that could not begin, and how many for each
     */
    public record Failures(
            Map<FailedCheckpoint, String> numbered, Map<String, Map<String, Integer>> others) {}

    /** All that is logged by now. */
    public Failures read() throws IOException {
        Failures failures = new Failures(new HashMap<>(), new HashMap<>());
        for (String log : logs.read()) {
            Matcher lines = FAILURE.matcher(log);
            while (lines.find()) {
                String number = lines.group(1);
                String job = lines.group(2);
                String reason = reason(lines.group(3));
                if (number.matches("[0-9]+")) {
                    failures.numbered()
                            .put(new FailedCheckpoint(job, Long.parseLong(number)), reason);
                } else {
                    failures.others()
                            .computeIfAbsent(job, any -> new TreeMap<>())
                            .merge(reason, 1, Integer::sum);
                }
            }
        }
        return failures;
    }

    /** The first message and the root's, without what differs from one checkpoint to the next. */
    private static String reason(String trace) {
        String first = null;
        String root = null;
        Matcher causes = CAUSE.matcher(trace);
        while (causes.find()) {
            root = causes.group(1).strip().replaceFirst(CLASS_NAMES, "");
            first = first == null ? root : first;
        }
        if (first == null) {
            return "no reason given";
        }
        String both = root.contains(first) ? first : first.replaceFirst("\\.$", "") + ": " + root;
        return both.replaceAll("\\$\\w+|[0-9a-f]{16,}(_[0-9]+)*", "ID").replaceAll("-?[0-9]+", "N");
    }
}

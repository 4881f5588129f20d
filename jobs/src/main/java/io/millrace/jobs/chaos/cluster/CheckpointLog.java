package io.millrace.jobs.chaos.cluster;

import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Causes of failed checkpoints since construction, from the logs of all JobManagers, killed ones
 * included, with the root cause, which Flink's REST API leaves out.
 */
public final class CheckpointLog {
    /** The log line, and the stack trace up to the next log line. */
    private static final Pattern FAILURE =
            Pattern.compile(
                    "Failed to trigger or complete checkpoint (\\S+) for job ([0-9a-f]+)\\..*\\R"
                            + "((?:(?!\\d{4}-\\d\\d-\\d\\d ).*(?:\\R|$))*)");

    private static final Pattern CAUSE = Pattern.compile("(?m)^(?:Caused by: )?[\\w.$]+: (.+)$");
    private static final String CLASS_NAMES = "^([\\w.$]+(Exception|Error): )+";

    private final LogTails logs;

    /**
     * Begins at the current end of the logs.
     *
     * @param folder folder of the processes' logs
     */
    public CheckpointLog(Path folder) throws IOException {
        logs = new LogTails(folder, "jobmanager");
    }

    /**
     * Failures in the logs.
     *
     * @param numbered causes of checkpoints with a number
     * @param others by job: causes of checkpoints that could not begin, with counts
     */
    public record Failures(
            Map<FailedCheckpoint, String> numbered, Map<String, Map<String, Integer>> others) {}

    /** Reads all failures so far. */
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

    /** The first message and that of the root cause, without details of a single checkpoint. */
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

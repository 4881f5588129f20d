package io.millrace.jobs.chaos.cluster;

import java.io.IOException;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Reads counts of restored requests from the TaskManagers' logs since construction. */
public final class RestoreLog {
    private static final Pattern LINE =
            Pattern.compile(
                    "Restored requests in flight: \\d+ go on after their (\\d+) tokens .*"
                            + " start over and lose (\\d+) tokens");

    /**
     * Tokens in restored checkpoints or savepoints; a token counts at each restore.
     *
     * @param kept tokens after which answers continued
     * @param repeated tokens that were decoded again
     */
    public record Tokens(long kept, long repeated) {}

    private final LogTails logs;

    /**
     * Begins at the current end of the logs.
     *
     * @param folder folder of the processes' logs
     */
    public RestoreLog(Path folder) throws IOException {
        logs = new LogTails(folder, "taskmanager");
    }

    public Tokens read() throws IOException {
        long kept = 0;
        long repeated = 0;
        for (String log : logs.read()) {
            Matcher lines = LINE.matcher(log);
            while (lines.find()) {
                kept += Long.parseLong(lines.group(1));
                repeated += Long.parseLong(lines.group(2));
            }
        }
        return new Tokens(kept, repeated);
    }
}

package io.millrace.jobs.chaos.cluster;

import java.io.IOException;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What the TaskManagers have logged of restored requests since some moment. */
public final class RestoreLog {
    private static final Pattern LINE =
            Pattern.compile(
                    "Restored requests in flight: \\d+ go on after their (\\d+) tokens .*"
                            + " start over and lose (\\d+) tokens");

    /**
     * Tokens that were in a checkpoint or savepoint when it was restored; a token counts each time.
     *
     * @param kept answers went on after them
     * @param repeated were decoded again
     */
    public record Tokens(long kept, long repeated) {}

    private final LogTails logs;

    /**
     * Begins now.
     *
     * @param folder where the processes' logs are
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

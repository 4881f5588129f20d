package io.millrace.jobs.chaos.cluster;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SeekableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

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

    private final Path folder;
    private final Map<Path, Long> before = new HashMap<>();

    /**
     * Begins now.
     *
     * @param folder where the processes' logs are
     */
    public RestoreLog(Path folder) throws IOException {
        this.folder = folder;
        for (Path log : logs()) {
            before.put(log, Files.size(log));
        }
    }

    public Tokens read() throws IOException {
        long kept = 0;
        long repeated = 0;
        for (Path log : logs()) {
            Matcher lines = LINE.matcher(tail(log, before.getOrDefault(log, 0L)));
            while (lines.find()) {
                kept += Long.parseLong(lines.group(1));
                repeated += Long.parseLong(lines.group(2));
            }
        }
        return new Tokens(kept, repeated);
    }

    private List<Path> logs() throws IOException {
        try (Stream<Path> all = Files.list(folder)) {
            return all.filter(
                            each -> each.getFileName().toString().matches(".*taskmanager.*\\.log"))
                    .toList();
        }
    }

    private static String tail(Path log, long from) throws IOException {
        try (SeekableByteChannel channel = Files.newByteChannel(log)) {
            channel.position(from);
            ByteBuffer bytes = ByteBuffer.allocate((int) Math.max(0, channel.size() - from));
            while (bytes.hasRemaining() && channel.read(bytes) >= 0) {
                // Reads on.
            }
            return new String(bytes.array(), 0, bytes.position(), StandardCharsets.UTF_8);
        }
    }
}

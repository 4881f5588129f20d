package io.millrace.jobs.chaos.cluster;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SeekableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** Log lines of processes of one kind since construction, killed ones included. */
final class LogTails {
    private final Path folder;
    private final String process;
    private final Map<Path, Long> before = new HashMap<>();

    /**
     * Begins at the current end of the logs.
     *
     * @param folder folder of the processes' logs
     * @param process part of the files' names, such as taskmanager
     */
    LogTails(Path folder, String process) throws IOException {
        this.folder = folder;
        this.process = process;
        for (Path log : logs()) {
            before.put(log, Files.size(log));
        }
    }

    /** The text added to each log. */
    List<String> read() throws IOException {
        List<String> tails = new ArrayList<>();
        for (Path log : logs()) {
            tails.add(tail(log, before.getOrDefault(log, 0L)));
        }
        return tails;
    }

    private List<Path> logs() throws IOException {
        try (Stream<Path> all = Files.list(folder)) {
            return all.filter(
                            each ->
                                    each.getFileName()
                                            .toString()
                                            .matches(".*" + process + ".*\\.log"))
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

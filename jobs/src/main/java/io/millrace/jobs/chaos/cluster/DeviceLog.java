package io.millrace.jobs.chaos.cluster;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** Reads the devices of the engines from the TaskManagers' logs. */
public final class DeviceLog {
    private static final Pattern LINE = Pattern.compile(" is loaded on (GPU .*), fingerprint ");

    private DeviceLog() {}

    /**
     * Distinct GPUs, such as {@code GPU 0 (NVIDIA H100 80GB HBM3)}.
     *
     * @param folder folder of the processes' logs
     */
    public static List<String> gpus(Path folder) throws IOException {
        Set<String> found = new TreeSet<>();
        List<Path> logs;
        try (Stream<Path> all = Files.list(folder)) {
            logs =
                    all.filter(
                                    each ->
                                            each.getFileName()
                                                    .toString()
                                                    .matches(".*taskmanager.*\\.log"))
                            .toList();
        }
        for (Path log : logs) {
            // A killed process may have written an incomplete character.
            try (Stream<String> lines = Files.lines(log, StandardCharsets.ISO_8859_1)) {
                lines.map(LINE::matcher)
                        .filter(Matcher::find)
                        .forEach(line -> found.add(line.group(1)));
            }
        }
        return List.copyOf(found);
    }
}

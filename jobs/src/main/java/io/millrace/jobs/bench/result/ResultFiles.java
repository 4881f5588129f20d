package io.millrace.jobs.bench.result;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.millrace.jobs.cli.CommandFailedException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Reads and writes {@code docs/results}: each file is a list of rows, but for {@code bars.json},
 * which is a list of {@link Bar}s.
 */
public final class ResultFiles {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String BARS = "bars.json";

    private ResultFiles() {}

    /** Rows that are measured together, and replaced together. */
    private record Measured(String model, boolean kernels) {
        static Measured of(ResultRow row) {
            return new Measured(row.model(), row.ofKernels());
        }
    }

    /**
     * Replaces a file's rows of the same models; other rows are kept. Kernels and workloads do not
     * replace each other.
     */
    public static void replace(Path file, List<ResultRow> rows) throws IOException {
        List<ResultRow> all = new ArrayList<>(Files.exists(file) ? read(file) : List.of());
        Set<Measured> measured = rows.stream().map(Measured::of).collect(Collectors.toSet());
        int at = 0;
        while (at < all.size() && !measured.contains(Measured.of(all.get(at)))) {
            at++;
        }
        all.removeIf(row -> measured.contains(Measured.of(row)));
        all.addAll(at, rows);
        write(file, all);
    }

    public static void write(Path file, List<ResultRow> rows) throws IOException {
        Path folder = file.toAbsolutePath().getParent();
        Files.createDirectories(folder);
        String text = JSON.writerWithDefaultPrettyPrinter().writeValueAsString(rows);
        Files.writeString(file, text + "\n");
    }

    /** The rows of all files, in the order of the files' names. */
    public static List<ResultRow> readAll(Path folder) throws IOException {
        List<Path> files;
        try (Stream<Path> list = Files.list(folder)) {
            files =
                    list.filter(file -> file.toString().endsWith(".json"))
                            .filter(file -> !file.endsWith(BARS))
                            .sorted()
                            .toList();
        }
        List<ResultRow> rows = new ArrayList<>();
        for (Path file : files) {
            rows.addAll(read(file));
        }
        return rows;
    }

    /** The rows of {@code bars.json} in that folder. */
    public static List<Bar> readBars(Path folder) throws IOException {
        Path file = folder.resolve(BARS);
        try {
            return JSON.readValue(file.toFile(), new TypeReference<List<Bar>>() {});
        } catch (JsonProcessingException e) {
            throw new CommandFailedException(
                    file + " is no list of bars: " + e.getOriginalMessage(), e);
        }
    }

    /** Replaces bars with the same text in {@code bars.json}; other bars are kept. */
    public static void replaceBars(Path folder, List<Bar> bars) throws IOException {
        Set<String> words = bars.stream().map(Bar::bar).collect(Collectors.toSet());
        List<Bar> all = new ArrayList<>(readBars(folder));
        all.removeIf(bar -> words.contains(bar.bar()));
        all.addAll(bars);
        String text = JSON.writerWithDefaultPrettyPrinter().writeValueAsString(all);
        Files.writeString(folder.resolve(BARS), text + "\n");
    }

    private static List<ResultRow> read(Path file) throws IOException {
        try {
            return JSON.readValue(file.toFile(), new TypeReference<List<ResultRow>>() {});
        } catch (JsonProcessingException e) {
            throw new CommandFailedException(
                    file + " is no list of results: " + e.getOriginalMessage(), e);
        }
    }
}

package io.millrace.jobs;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** Reads and writes {@code docs/results}: each file is a list of rows. */
final class ResultFiles {
    private static final ObjectMapper JSON = new ObjectMapper();

    private ResultFiles() {}

    static void write(Path file, List<ResultRow> rows) throws IOException {
        Path folder = file.toAbsolutePath().getParent();
        Files.createDirectories(folder);
        String text = JSON.writerWithDefaultPrettyPrinter().writeValueAsString(rows);
        Files.writeString(file, text + "\n");
    }

    /** The rows of all files, in the order of the files' names. */
    static List<ResultRow> readAll(Path folder) throws IOException {
        List<Path> files;
        try (Stream<Path> list = Files.list(folder)) {
            files = list.filter(file -> file.toString().endsWith(".json")).sorted().toList();
        }
        List<ResultRow> rows = new ArrayList<>();
        for (Path file : files) {
            try {
                rows.addAll(JSON.readValue(file.toFile(), new TypeReference<List<ResultRow>>() {}));
            } catch (JsonProcessingException e) {
                throw new CommandFailedException(
                        file + " is no list of results: " + e.getOriginalMessage(), e);
            }
        }
        return rows;
    }
}

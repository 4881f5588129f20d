package io.millrace.gpu;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/** The hand-written main sources of the module that is tested. */
public final class SourceFiles {
    private SourceFiles() {}

    /**
     * Those that have more lines, with their number.
     *
     * @param except names of classes that may be longer
     */
    public static List<String> longerThan(int most, String... except) throws IOException {
        List<String> found = new ArrayList<>();
        Set<String> excepted = Set.of(except);
        try (Stream<Path> all = Files.walk(Path.of("src", "main", "java"))) {
            for (Path file : all.filter(path -> path.toString().endsWith(".java")).toList()) {
                String name = file.getFileName().toString().replace(".java", "");
                long lines = Files.readAllLines(file).size();
                if (lines > most && !excepted.contains(name)) {
                    found.add(name + ": " + lines);
                }
            }
        }
        return found;
    }
}

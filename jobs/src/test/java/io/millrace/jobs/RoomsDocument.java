package io.millrace.jobs;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Writes the table of packages of {@code docs/architecture.md} from what they say of themselves.
 */
final class RoomsDocument {
    private static final List<String> MODULES = List.of("schemas", "gpu", "operators", "jobs");

    private static final Pattern PACKAGE =
            Pattern.compile(
                    "/\\*\\*(.*?)\\*/\\s*(?:@\\S+\\s+)*package io\\.millrace\\.(\\S+);",
                    Pattern.DOTALL);

    private RoomsDocument() {}

    static String table(Path root) throws IOException {
        StringBuilder table = new StringBuilder("| package | what it is |\n|---|---|\n");
        for (String module : MODULES) {
            Path sources = root.resolve(module).resolve("src/main/java");
            try (Stream<Path> files = Files.walk(sources)) {
                for (Path folder : files.filter(Files::isDirectory).sorted().toList()) {
                    if (holdsClasses(folder)) {
                        row(table, root, folder);
                    }
                }
            }
        }
        return table.toString();
    }

    private static boolean holdsClasses(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.anyMatch(file -> file.toString().endsWith(".java"));
        }
    }

    private static void row(StringBuilder table, Path root, Path folder) throws IOException {
        Path info = folder.resolve("package-info.java");
        if (!Files.exists(info)) {
            throw new AssertionError(folder + " has no package-info.java to say what it is.");
        }
        Matcher described = PACKAGE.matcher(Files.readString(info));
        if (!described.find()) {
            throw new AssertionError(info + " has no comment to say what the package is.");
        }
        table.append(
                "| [%s](../%s) | %s |\n"
                        .formatted(
                                described.group(2),
                                root.relativize(folder).toString().replace('\\', '/'),
                                firstSentence(described.group(1))));
    }

    private static String firstSentence(String comment) {
        String text =
                comment.replaceAll("(?m)^\\s*\\*", " ")
                        .replaceAll("\\s+", " ")
                        .replaceAll("\\{@(?:code|link) (?:[a-z]+\\.)*([^}]*)}", "`$1`")
                        .strip();
        Matcher end = Pattern.compile("\\.(?= |$)").matcher(text);
        return end.find() ? text.substring(0, end.end()) : text;
    }
}

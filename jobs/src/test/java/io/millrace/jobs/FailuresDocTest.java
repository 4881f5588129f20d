package io.millrace.jobs;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.jobs.cli.ExitCode;
import io.millrace.schemas.FailureCode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** docs/failures.md has what the program can say, and nothing that it cannot. */
class FailuresDocTest {
    private static final Path ROOT = Path.of("..");
    private static final Pattern HEADING = Pattern.compile("(?m)^### (\\S+)$");
    private static final Pattern CODE = Pattern.compile("`([^`]+)`");

    private final String page = Files.readString(ROOT.resolve("docs/failures.md"));

    FailuresDocTest() throws IOException {}

    @Test
    void eachCodeOfADeadLetterHasItsSection() {
        String part = part("Dead letters");
        assertThat(headings(part))
                .containsExactlyElementsOf(
                        Arrays.stream(FailureCode.values()).map(FailureCode::wireName).toList());
        for (String section : sections(part)) {
            assertRows(section, "means", "cause", "remedy", "redrive");
        }
    }

    @Test
    void eachExitCodeHasItsRow() {
        List<String> rows = firstCells(part("Exit codes"));
        for (ExitCode code : ExitCode.values()) {
            assertThat(rows).contains(Integer.toString(code.code()));
        }
    }

    @Test
    void eachAlertHasItsSection() throws IOException {
        String part = part("Alerts");
        List<String> alerts =
                Pattern.compile("(?m)^ *- alert: (\\w+)$")
                        .matcher(Files.readString(ROOT.resolve("monitoring/rules.yaml")))
                        .results()
                        .map(alert -> alert.group(1))
                        .toList();
        assertThat(alerts).isNotEmpty();
        assertThat(headings(part)).containsExactlyElementsOf(alerts);
        for (String section : sections(part)) {
            assertRows(section, "means", "cause", "remedy");
        }
    }

    @Test
    void eachExceptionHasItsRow() throws IOException {
        List<String> named =
                firstCells(part("Exceptions")).stream()
                        .flatMap(cell -> CODE.matcher(cell).results().map(code -> code.group(1)))
                        .toList();
        assertThat(named)
                .doesNotHaveDuplicates()
                .containsExactlyInAnyOrderElementsOf(
                        Pattern.compile("class (\\w+) extends \\w*(?:Exception|Error)\\b")
                                .matcher(sources())
                                .results()
                                .map(found -> found.group(1))
                                .toList());
    }

    @Test
    void sentencesAreThoseOfTheProgram() throws IOException {
        // One string, however the source is wrapped.
        String said = sources().replaceAll("\"\\s*\\+\\s*\"", "");
        List<String> cells = firstCells(part("Jobs that stop or restart"));
        assertThat(cells).hasSizeGreaterThan(10);
        for (String cell : cells) {
            List<MatchResult> sentences = CODE.matcher(cell).results().toList();
            assertThat(sentences).as(cell).isNotEmpty();
            for (MatchResult sentence : sentences) {
                for (String piece : sentence.group(1).split("\\.\\.\\.")) {
                    assertThat(said).as(cell).contains(piece.strip());
                }
            }
        }
    }

    private String part(String heading) {
        String begin = "\n## " + heading + "\n";
        assertThat(page).contains(begin);
        String rest = page.substring(page.indexOf(begin) + begin.length());
        int end = rest.indexOf("\n## ");
        return end < 0 ? rest : rest.substring(0, end);
    }

    private static List<String> headings(String part) {
        return HEADING.matcher(part).results().map(heading -> heading.group(1)).toList();
    }

    private static List<String> sections(String part) {
        return Arrays.stream(part.split("(?m)^### ")).skip(1).toList();
    }

    private static void assertRows(String section, String... rows) {
        assertThat(firstCells(section)).as(section).containsExactly(rows);
        assertThat(section.lines().filter(line -> line.startsWith("|")).skip(2))
                .as(section)
                .allMatch(row -> row.split(" \\| ")[1].length() > 2);
    }

    /** The first cell of each row, without those of headings. */
    private static List<String> firstCells(String part) {
        List<String> cells = new ArrayList<>();
        List<String> lines = part.lines().toList();
        for (int i = 0; i < lines.size(); i++) {
            boolean heading = i + 1 < lines.size() && lines.get(i + 1).startsWith("|---");
            if (lines.get(i).startsWith("| ") && !heading) {
                cells.add(lines.get(i).split(" \\| ")[0].substring(2));
            }
        }
        return cells;
    }

    /** The main sources of all modules. */
    private static String sources() throws IOException {
        StringBuilder all = new StringBuilder();
        for (String module : List.of("schemas", "gpu", "operators", "jobs")) {
            try (Stream<Path> files = Files.walk(ROOT.resolve(module).resolve("src/main/java"))) {
                for (Path file :
                        files.filter(each -> each.toString().endsWith(".java"))
                                .collect(Collectors.toList())) {
                    all.append(Files.readString(file));
                }
            }
        }
        return all.toString();
    }
}

package io.millrace.jobs;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.jobs.bench.result.ResultFiles;
import io.millrace.jobs.bench.result.ResultRow;
import io.millrace.jobs.bench.result.ResultTable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DocsTest {
    private static final Path ROOT = Path.of("..");
    private static final Path OPTIONS = ROOT.resolve("docs").resolve("options.md");

    @Test
    void theOptionTablesAreWhatTheProgramTakes() throws IOException {
        String text = OptionsDocument.text();
        if (Boolean.getBoolean("millrace.docs.write")) {
            Files.createDirectories(OPTIONS.getParent());
            Files.writeString(OPTIONS, text);
        }
        assertThat(OPTIONS)
                .as("docs/options.md; -Dmillrace.docs.write=true makes it anew")
                .hasContent(text);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"README.md", "docs/running.md", "docs/verify.md", "models/triage/README.md"})
    void commandsThatAreShownCanBeTyped(String page) throws IOException {
        for (String line : Files.readAllLines(ROOT.resolve(page))) {
            if (line.startsWith("./millrace ")) {
                String[] words = words(line.substring("./millrace ".length()));
                Millrace.commandLine(null).parseArgs(words);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"README.md", "docs/running.md", "docs/verify.md", "k8s/README.md"})
    void linksLeadSomewhere(String page) throws IOException {
        Path file = ROOT.resolve(page);
        Matcher link = Pattern.compile("\\]\\(([^)#]+)").matcher(Files.readString(file));
        while (link.find()) {
            if (!link.group(1).startsWith("http")) {
                assertThat(file.resolveSibling(link.group(1))).exists();
            }
        }
    }

    @Test
    void theReadmesTableIsWhatTheResultsGive() throws IOException {
        Path readme = ROOT.resolve("README.md");
        List<ResultRow> rows = ResultFiles.readAll(ROOT.resolve("docs").resolve("results"));
        if (Boolean.getBoolean("millrace.docs.write")) {
            ResultTable.rewrite(readme, rows);
        }
        String text = Files.readString(readme);
        assertThat(rows).isNotEmpty();
        assertThat(text)
                .as("README.md; -Dmillrace.docs.write=true puts docs/results into it")
                .isEqualTo(ResultTable.rewritten(readme, text, rows));
    }

    /** Words as a shell takes them, quoted ones whole. */
    private static String[] words(String line) {
        return Pattern.compile("\"([^\"]*)\"|(\\S+)")
                .matcher(line)
                .results()
                .map(word -> word.group(1) == null ? word.group(2) : word.group(1))
                .toArray(String[]::new);
    }
}

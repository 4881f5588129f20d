package io.millrace.jobs;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.jobs.bench.result.Bar;
import io.millrace.jobs.bench.result.ResultFiles;
import io.millrace.jobs.bench.result.ResultQuotes;
import io.millrace.jobs.bench.result.ResultRow;
import io.millrace.jobs.bench.result.ResultTable;
import io.millrace.jobs.cli.ExitCode;
import io.millrace.operators.kafka.admin.OwnedSetting;
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
            strings = {
                "README.md",
                "docs/running.md",
                "docs/operating.md",
                "docs/verify.md",
                "models/triage/README.md"
            })
    void commandsThatAreShownCanBeTyped(String page) throws IOException {
        for (String line : Files.readAllLines(ROOT.resolve(page))) {
            Matcher command = Pattern.compile("(?:[A-Z_]+=\\S+ )*\\./millrace (.*)").matcher(line);
            if (command.matches()) {
                Millrace.commandLine(null).parseArgs(words(command.group(1)));
            }
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "README.md",
                "docs/running.md",
                "docs/operating.md",
                "docs/library.md",
                "docs/own-job.md",
                "docs/verify.md",
                "k8s/README.md"
            })
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
    void barsSayWhatMeasuredThem() throws IOException {
        List<Bar> bars = ResultFiles.readBars(ROOT.resolve("docs").resolve("results"));
        assertThat(bars).isNotEmpty();
        for (Bar bar : bars) {
            assertThat(
                            List.of(
                                    bar.issue(),
                                    bar.bar(),
                                    bar.unit(),
                                    bar.command(),
                                    bar.device(),
                                    bar.commit()))
                    .as("%s", bar)
                    .noneMatch(String::isBlank);
            if (bar.command().startsWith("./millrace ")) {
                Millrace.commandLine(null)
                        .parseArgs(words(bar.command().substring("./millrace ".length())));
            }
        }
        assertThat(bars.stream().map(bar -> bar.issue() + bar.bar())).doesNotHaveDuplicates();
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

    @Test
    void theTableOfClientSettingsIsWhatTheJobChecks() throws IOException {
        assertTable("owned-settings", ownedSettings());
    }

    @Test
    void theTableOfExitCodesIsTheProgramsOwn() throws IOException {
        StringBuilder table = new StringBuilder("| code | means |\n|---|---|\n");
        for (ExitCode code : ExitCode.values()) {
            table.append("| %d | %s |\n".formatted(code.code(), code.meaning()));
        }
        assertTable("exit-codes", table.toString());
    }

    /** A table of docs/running.md, between two marks. */
    private static void assertTable(String name, String table) throws IOException {
        Path page = ROOT.resolve("docs").resolve("running.md");
        String text = Files.readString(page);
        String begin = "<!-- " + name + ":begin -->\n";
        String rewritten =
                text.substring(0, text.indexOf(begin) + begin.length())
                        + table
                        + text.substring(text.indexOf("<!-- " + name + ":end -->"));
        if (Boolean.getBoolean("millrace.docs.write")) {
            Files.writeString(page, rewritten);
            text = rewritten;
        }
        assertThat(text)
                .as("docs/running.md; -Dmillrace.docs.write=true puts the table into it")
                .isEqualTo(rewritten);
    }

    private static String ownedSettings() {
        StringBuilder text = new StringBuilder("| setting | is | since |\n|---|---|---|\n");
        for (OwnedSetting setting : OwnedSetting.all()) {
            String taken =
                    switch (setting.rule()) {
                        case MADE -> "made by the job";
                        case FIXED -> "`" + setting.bound() + "`";
                        case AT_LEAST -> "at least " + setting.bound();
                        case AT_MOST -> "at most " + setting.bound();
                        case UNUSED -> "without effect";
                    };
            text.append("| `%s` | %s | %s |\n".formatted(setting.key(), taken, setting.reason()));
        }
        return text.toString();
    }

    @Test
    void theReadmesProseQuotesTheResults() throws IOException {
        String text = Files.readString(ROOT.resolve("README.md"));
        List<ResultRow> rows = ResultFiles.readAll(ROOT.resolve("docs").resolve("results"));
        assertThat(ResultQuotes.unknown(text, rows)).isEmpty();
        assertThat(ResultQuotes.rewritten(text, rows))
                .as("README.md; -Dmillrace.docs.write=true puts docs/results into it")
                .isEqualTo(text);
        String prose =
                text.replaceAll("(?s)<!-- bench:begin -->.*<!-- bench:end -->", "")
                        .replaceAll("(?s)```.*?```", "");
        assertThat(prose).contains("<!--=W4, qwen2.5-0.5b-->");
        assertThat(
                        Pattern.compile(
                                        "(?<![0-9.,>])[0-9][0-9.,]*\\s+(output\\s+)?tokens\\s+a\\s+second"
                                                + "|(?<![0-9.,>])[0-9][0-9.]*\\s+times\\s+(vLLM|SGLang)")
                                .matcher(prose)
                                .results()
                                .map(found -> found.group()))
                .as("figures that no comment gives the source of: <!--=WORKLOAD, MODEL-->")
                .isEmpty();
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

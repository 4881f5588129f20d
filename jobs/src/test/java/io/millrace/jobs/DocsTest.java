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
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
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
                "docs/results/README.md",
                "docs/corpus.md",
                "docs/constraints.md",
                "models/triage/README.md"
            })
    void commandsThatAreShownCanBeTyped(String page) throws IOException {
        for (String line : Files.readAllLines(ROOT.resolve(page))) {
            Matcher command =
                    Pattern.compile("\\s*(?:[A-Z_]+=\\S+ )*\\./millrace (.*)").matcher(line);
            if (command.matches()) {
                Millrace.commandLine(null).parseArgs(words(command.group(1)));
            }
        }
    }

    @Test
    void linksLeadSomewhere() throws IOException {
        List<Path> pages = pages();
        assertThat(pages).contains(ROOT.resolve("README.md"), OPTIONS);
        for (Path page : pages) {
            Matcher link =
                    Pattern.compile("\\]\\(([^)#\\s]*)(?:#([^)]*))?\\)")
                            .matcher(withoutCode(Files.readString(page)));
            while (link.find()) {
                if (!link.group(1).startsWith("http")) {
                    Path target =
                            link.group(1).isEmpty() ? page : page.resolveSibling(link.group(1));
                    assertThat(target).as("%s links to %s", page, link.group()).exists();
                    if (link.group(2) != null) {
                        assertThat(anchors(target))
                                .as("%s links to %s", page, link.group())
                                .contains(link.group(2));
                    }
                }
            }
        }
    }

    /** All pages of the project: those at its root, of docs, and beside what they describe. */
    private static List<Path> pages() throws IOException {
        List<Path> pages = new ArrayList<>();
        try (Stream<Path> root = Files.list(ROOT)) {
            root.filter(file -> file.toString().endsWith(".md")).forEach(pages::add);
        }
        for (String folder : List.of("docs", "k8s", "monitoring", "findings", "models")) {
            try (Stream<Path> files = Files.walk(ROOT.resolve(folder))) {
                files.filter(file -> file.toString().endsWith(".md")).forEach(pages::add);
            }
        }
        return pages;
    }

    private static String withoutCode(String text) {
        return text.replaceAll("(?s)```.*?```", "").replaceAll("`[^`\n]*`", "");
    }

    /** The anchors that headings have, as GitHub makes them. */
    private static Set<String> anchors(Path page) throws IOException {
        Set<String> anchors = new HashSet<>();
        Matcher heading =
                Pattern.compile("(?m)^#+ (.*)$").matcher(Files.readString(page).replace("`", ""));
        while (heading.find()) {
            String words = heading.group(1).strip().toLowerCase(Locale.ROOT);
            anchors.add(words.replaceAll("[^\\p{L}\\p{N} _-]", "").replace(' ', '-'));
        }
        return anchors;
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

    @ParameterizedTest
    @ValueSource(strings = {"README.md", "docs/results/README.md"})
    void tablesAreWhatTheResultsGive(String name) throws IOException {
        Path page = ROOT.resolve(name);
        List<ResultRow> rows = ResultFiles.readAll(ROOT.resolve("docs").resolve("results"));
        if (Boolean.getBoolean("millrace.docs.write")) {
            ResultTable.rewrite(page, rows);
        }
        String text = Files.readString(page);
        assertThat(rows).isNotEmpty();
        assertThat(text)
                .as("%s; -Dmillrace.docs.write=true puts docs/results into it", name)
                .isEqualTo(ResultTable.rewritten(page, text, rows));
    }

    @Test
    void theReadmeIsReadInTwoMinutes() throws IOException {
        String text = Files.readString(ROOT.resolve("README.md"));
        assertThat(text.getBytes(StandardCharsets.UTF_8).length).isLessThanOrEqualTo(10_000);
        String summary =
                text.substring(
                        text.indexOf("<!-- summary:begin -->"),
                        text.indexOf("<!-- summary:end -->"));
        assertThat(summary.lines().filter(line -> line.startsWith("| ")).skip(1)).hasSize(6);
    }

    @Test
    void theTableOfRoomsIsThatOfThePackages() throws IOException {
        assertTable("docs/architecture.md", "rooms", RoomsDocument.table(ROOT));
    }

    @Test
    void theTableOfClientSettingsIsWhatTheJobChecks() throws IOException {
        assertTable("docs/running.md", "owned-settings", ownedSettings());
    }

    @Test
    void theTableOfExitCodesIsTheProgramsOwn() throws IOException {
        StringBuilder table = new StringBuilder("| code | means |\n|---|---|\n");
        for (ExitCode code : ExitCode.values()) {
            table.append("| %d | %s |\n".formatted(code.code(), code.meaning()));
        }
        assertTable("docs/running.md", "exit-codes", table.toString());
    }

    /** A table of a page, between two marks. */
    private static void assertTable(String name, String mark, String table) throws IOException {
        Path page = ROOT.resolve(name);
        String text = Files.readString(page);
        String begin = "<!-- " + mark + ":begin -->\n";
        String rewritten =
                text.substring(0, text.indexOf(begin) + begin.length())
                        + table
                        + text.substring(text.indexOf("<!-- " + mark + ":end -->"));
        if (Boolean.getBoolean("millrace.docs.write")) {
            Files.writeString(page, rewritten);
            text = rewritten;
        }
        assertThat(text)
                .as("%s; -Dmillrace.docs.write=true puts the table into it", name)
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

    @ParameterizedTest
    @ValueSource(strings = {"README.md", "docs/results/README.md"})
    void proseQuotesTheResults(String name) throws IOException {
        String text = Files.readString(ROOT.resolve(name));
        List<ResultRow> rows = ResultFiles.readAll(ROOT.resolve("docs").resolve("results"));
        assertThat(ResultQuotes.unknown(text, rows)).isEmpty();
        assertThat(ResultQuotes.rewritten(text, rows))
                .as("%s; -Dmillrace.docs.write=true puts docs/results into it", name)
                .isEqualTo(text);
        String prose =
                text.replaceAll("(?s)<!-- (bench|summary):begin -->.*<!-- \\1:end -->", "")
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

package io.millrace.jobs.init;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.jobs.Millrace;
import io.millrace.jobs.TestingCommand;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.ParseResult;

class InitCommandTest {
    private static final Path EXAMPLES = Path.of("..", "docs", "examples");
    private static final Path PARQUET =
            Path.of("..", "operators", "src", "test", "resources", "parquet");

    @TempDir private Path folder;

    @Test
    void theLongestTextOfARowIsThePrompt() throws IOException {
        Map<String, Object> made = corpus(EXAMPLES.resolve("mails.csv"));
        assertThat(made)
                .containsEntry("--prompt-field", "text")
                .containsEntry("--result-field", "answer")
                .containsEntry("OUT", "mails-answers")
                .doesNotContainKeys("--id-field", "--rows", "--delimiter");
    }

    @Test
    void aTextWithinObjectsIsFoundByItsPath() throws IOException {
        assertThat(corpus(EXAMPLES.resolve("mail-events.jsonl")))
                .containsEntry("--prompt-field", "mail.text");
        assertThat(run(EXAMPLES.resolve("mail-events.jsonl")))
                .containsEntry("--prompt-field", "mail.text")
                .containsEntry("--input-topics", List.of("mail-events"))
                .containsEntry("--output-topic", "mail-events-answers")
                .containsEntry("--application-id", "mail-events");
    }

    @Test
    void aBatchOfOpenAiIsOne() throws IOException {
        assertThat(corpus(EXAMPLES.resolve("batch.jsonl")))
                .containsEntry("--model-name", "triage")
                .doesNotContainKeys("--prompt-field", "--result-field")
                .extractingByKey("--rows")
                .hasToString("OPENAI-BATCH");
    }

    @Test
    void requestsNeedNoPromptField() throws IOException {
        Path requests =
                rows(
                        "{\"id\":\"a\",\"prompt\":\"A long text\"}",
                        "{\"id\":\"b\",\"prompt\":\"B\"}");
        assertThat(corpus(requests)).doesNotContainKey("--prompt-field");
        assertThat(run(requests)).doesNotContainKeys("--prompt-field", "--result-field");
        Path without = rows("{\"prompt\":\"A long text\"}");
        assertThat(corpus(without)).doesNotContainKey("--prompt-field");
        assertThat(run(without)).containsEntry("--prompt-field", "prompt");
    }

    @Test
    void messagesAreABodyOfOpenAi() throws IOException {
        Path bodies =
                rows(
                        "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}],\"user\":\"u\"}");
        assertThat(run(bodies))
                .containsEntry("--openai-body", true)
                .containsEntry("--model-name", "m")
                .doesNotContainKey("--prompt-field");
        TestingCommand refused = init(bodies.toString());
        assertThat(refused.exitCode()).isEqualTo(1);
        assertThat(refused.all()).contains("[user], which a request of corpus has not");
    }

    @Test
    void envelopesAreOpened() throws IOException {
        Path events =
                rows(
                        "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\",\"type\":\"t\","
                                + "\"data\":{\"mail_id\":7,\"text\":\"a b c\"}}",
                        "{\"specversion\":\"1.0\",\"id\":\"2\",\"source\":\"s\",\"type\":\"t\","
                                + "\"data\":{\"mail_id\":8,\"text\":\"d e f\"}}");
        assertThat(run(events))
                .containsEntry("--unwrap", "cloudevents")
                .containsEntry("--id-from", "field:mail_id")
                .containsEntry("--prompt-field", "text");
        assertThat(corpus(events))
                .containsEntry("--prompt-field", "data.text")
                .containsEntry("--id-field", "data.mail_id");
        assertThat(
                        run(
                                rows(
                                        "{\"op\":\"c\",\"before\":null,\"after\":{\"text\":\"a b\",\"answer\":1}}")))
                .containsEntry("--unwrap", "debezium")
                .containsEntry("--result-field", "completion");
        assertThat(run(rows("{\"schema\":null,\"payload\":{\"text\":\"a b\"}}")))
                .containsEntry("--unwrap", "connect");
    }

    @Test
    void anIdIsAFieldOfThatNameWithAnotherValueInEachRow() throws IOException {
        assertThat(
                        corpus(
                                rows(
                                        "{\"id\":1,\"user_id\":5,\"text\":\"a b\"}",
                                        "{\"id\":1,\"user_id\":6,\"text\":\"a b\"}")))
                .containsEntry("--id-field", "user_id");
        assertThat(corpus(rows("{\"id\":1.5,\"text\":\"a b\"}"))).doesNotContainKey("--id-field");
    }

    @ParameterizedTest
    @CsvSource({"'a;the text;c',;", "'a\tthe text\tc','\t'", "'a|the text|c',|"})
    void theSeparatorIsTheOneOfTheHeader(String header, char separator) throws IOException {
        Path file = folder.resolve("rows.csv");
        Files.writeString(
                file, header + "\n1" + separator + "two, or more words" + separator + "3\n");
        assertThat(corpus(file))
                .containsEntry("--prompt-field", "the text")
                .containsEntry("--delimiter", separator);
    }

    @Test
    void rowsOfParquetAreReadToo() throws IOException {
        assertThat(corpus(PARQUET.resolve("snappy.parquet")))
                .containsEntry("--prompt-field", "text");
    }

    @Test
    void aFileIsNotWrittenOver() throws IOException {
        Path config = Files.writeString(folder.resolve("c.yaml"), "mine");
        String sample = EXAMPLES.resolve("mails.csv").toString();
        TestingCommand refused = init(sample, "--output", config.toString());
        assertThat(refused.exitCode()).isEqualTo(1);
        assertThat(refused.all()).contains("c.yaml is there already", "--force");
        assertThat(config).hasContent("mine");
        assertThat(init(sample, "--output", config.toString(), "--force").exitCode()).isZero();
        assertThat(config).content().contains("prompt-field: text");
    }

    @Test
    void theReasonsStandInTheFile() {
        String text = init(EXAMPLES.resolve("mails.csv").toString(), "-o", "-").all();
        assertThat(text)
                .startsWith("# Made by `millrace init` from 3 rows of mails.csv, for")
                .contains(
                        "# The prompt: the longest text, ",
                        "# model: DIR\n",
                        "# max-tokens: COUNT\n")
                .contains("# completions: 1\n");
        assertThat(text.lines()).allMatch(line -> line.length() <= 110);
        String partly =
                init(rows("{\"text\":\"a b\"}", "{\"other\":1}").toString(), "-o", "-").all();
        assertThat(partly.replace("\n# ", " "))
                .contains("1 of 2 records are without it and will be failures");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '!',
            value = {
                "[]!is no JSON object",
                "{\"a\":1}!have no field with text that could be a prompt; their fields are a.",
                "{!is no JSON object",
                "''!has no rows"
            })
    void whatIsNoSampleIsNamed(String row, String told) {
        TestingCommand refused = init(rows(row).toString(), "-o", "-");
        assertThat(refused.exitCode()).isEqualTo(1);
        assertThat(refused.all()).contains(told).contains("rows.jsonl");
    }

    private Path rows(String... rows) {
        try {
            return Files.writeString(folder.resolve("rows.jsonl"), String.join("\n", rows) + "\n");
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    private static TestingCommand init(String... arguments) {
        List<String> all = new ArrayList<>(List.of("init"));
        all.addAll(List.of(arguments));
        return TestingCommand.run(all);
    }

    private Map<String, Object> corpus(Path sample) throws IOException {
        return made("corpus", sample);
    }

    private Map<String, Object> run(Path sample) throws IOException {
        return made("run", sample);
    }

    /** The values that the made file gives a command, by options. */
    private Map<String, Object> made(String command, Path sample) throws IOException {
        Path config = folder.resolve("made.yaml");
        TestingCommand init =
                init(
                        sample.toString(),
                        "--command",
                        command,
                        "--model",
                        "../models/triage",
                        "--force",
                        "--output",
                        config.toString());
        assertThat(init.all()).contains("./millrace " + command + " --config " + config);
        assertThat(init.exitCode()).isZero();
        ParseResult parsed =
                Millrace.commandLine(null)
                        .parseArgs(command, "--config", config.toString())
                        .subcommand();
        Map<String, Object> values = new java.util.HashMap<>();
        for (ArgSpec each : parsed.matchedArgs()) {
            values.put(
                    each.isOption()
                            ? ((picocli.CommandLine.Model.OptionSpec) each).longestName()
                            : each.paramLabel(),
                    each.getValue());
        }
        assertThat(values).containsEntry("--model", "../models/triage");
        return values;
    }
}

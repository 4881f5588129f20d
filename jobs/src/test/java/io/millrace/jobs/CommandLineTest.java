package io.millrace.jobs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.gpu.api.constraint.Constraint;
import io.millrace.jobs.cli.Arguments;
import io.millrace.jobs.cli.job.JobArguments;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;
import picocli.CommandLine.Model.OptionSpec;

class CommandLineTest {
    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    @ParameterizedTest
    @ValueSource(strings = {"demo", "run", "submit", "results", "generate", "verify", "bench"})
    void eachCommandHasHelp(String command) {
        assertThat(run(command, "--help")).isZero();
        assertThat(out.toString()).contains("millrace " + command).contains("--verbose");
        assertThat(err.toString()).isEmpty();
    }

    @Test
    void tellsItsVersion() {
        assertThat(run("--version")).isZero();
        assertThat(out.toString()).matches("millrace \\d+\\.\\d+\\.\\d+\\S*\\R");
    }

    @Test
    void eachOptionIsDescribedInSentences() {
        for (CommandLine command : commandLine().getSubcommands().values()) {
            for (OptionSpec option : command.getCommandSpec().options()) {
                assertThat(String.join(" ", option.description()))
                        .as(command.getCommandName() + " " + option.longestName())
                        .matches("(?s).+\\.");
            }
        }
    }

    @ParameterizedTest
    @CsvSource({
        "rnu, did you mean run?",
        "run --modle x, Unknown option --modle: did you mean --model?",
        "run --model x --paralelism 2, did you mean --parallelism?",
        "run --model x --xyzzy, Unknown option --xyzzy.",
        "run --model x --numerics free, Unknown option --numerics",
        "generate --model x --numerics free, Unknown option --numerics",
        "bench --numerics loose, expected one of",
        "run, --model",
        "submit, FILE",
        "run --model x --checkpoint-interval 5q, '5q' is not a time such as 500ms",
        "run --model x --kv-cache-memory big, 'big' is not a size such as",
        "run --model x --delivery maybe, use exactly-once or at-least-once",
        "run --model x --start sometime, use earliest",
        "run --model x --format xml, 'xml' is not json",
        "run --model x --batching huge, expected one of",
        "run --model x --partitioning round, expected one of",
        "run --model x --device tpu, expected one of",
        "run --model x --weights int4, expected one of",
        "run --model x --load-format gguf, 'gguf'",
        "generate --model x --prompt y --load-format gguf, expected one of",
        "bench --load-format gguf, expected one of",
        "run --model x --add-bos maybe, expected one of",
        "generate --model x --prompt y --add-bos yes, expected one of",
        "run --model x --input-topics a --input-topic-pattern b, mutually exclusive",
    })
    void aUsageErrorTellsTheRemedyAndExitsWithTwo(String arguments, String told) {
        assertThat(run(arguments.split(" "))).isEqualTo(2);
        assertThat(err.toString()).contains(told).contains("--help").doesNotContain("\tat ");
    }

    @ParameterizedTest
    @CsvSource({
        "--parallelism 0, --parallelism is 0",
        "--max-in-flight 0, --max-in-flight is 0",
        "--max-batched-tokens 0, --max-batched-tokens is 0",
        "--max-sequences 0, --max-sequences is 0",
        "--batch-size -1, --batch-size is -1",
        "--block-size 0, --block-size is 0",
        "--threads -1, --threads is -1",
        "--ui-port 65536, --ui-port is 65536",
        "--format confluent, --registry-url",
        "--input-topic-pattern (, '(' is not a regular expression",
        "--drop-headers (, Header pattern '(' is not a regular expression",
        "--output-topic same --dead-letter-topic same, different names",
        "-K group.id=x, --group-id",
        "--kafka-config nowhere.properties, nowhere.properties",
        "--application-id a/b, 'a/b'",
        "--partitioning prefix --batching static, use --batching dynamic",
        "--partitioning prefix --ordered, leave --ordered away",
    })
    void aBadValueIsNamedInOneSentenceAndExitsWithOne(
            String arguments, String told, @TempDir Path model) throws Exception {
        java.nio.file.Files.writeString(model.resolve("config.json"), "{}");
        String[] all = ("run --model " + model + " " + arguments).split(" ");
        assertThat(run(all)).isEqualTo(1);
        assertThat(err.toString()).startsWith("millrace: ").contains(told);
        assertThat(err.toString().lines()).hasSize(1);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "--top-p 17|--top-p is 17.0; it must be greater than 0 and at most 1.",
                "--max-tokens 0|--max-tokens is 0; it must be at least 1.",
                "--completions 65|--completions is 65; it must be from 1 to 64.",
                "--temperature -1|--temperature is -1.0; it must be from 0 to 100."
            })
    void aSamplingParameterOutOfRangeIsNamedBeforeAModelIsRead(
            String arguments, String told, @TempDir Path model) throws Exception {
        java.nio.file.Files.writeString(model.resolve("config.json"), "no json");
        String[] all = ("generate --prompt x --model " + model + " " + arguments).split(" ");
        assertThat(run(all)).isEqualTo(1);
        assertThat(err.toString()).isEqualToIgnoringNewLines("millrace: " + told);
    }

    @Test
    void aMissingModelFolderIsNamed() {
        assertThat(run("generate", "--model", "no/such/folder", "--prompt", "x")).isEqualTo(1);
        assertThat(err.toString()).contains("no/such/folder").contains("config.json");
        assertThat(err.toString().lines()).hasSize(1);
    }

    @Test
    void verboseShowsWhere() {
        assertThat(run("generate", "--model", "no/such/folder", "--prompt", "x", "--verbose"))
                .isEqualTo(1);
        assertThat(err.toString()).contains("\tat io.millrace.jobs.");
    }

    @Test
    void topicsAreSplitAtCommas() {
        JobArguments arguments =
                Arguments.parse(new JobArguments(), "--model=m", "--input-topics=a,b,c");
        assertThat(arguments.kafka().topics()).isEqualTo(List.of("a", "b", "c"));
        assertThat(Arguments.parse(new JobArguments(), "--model=m").kafka().topics())
                .isEqualTo(List.of("prompts"));
    }

    @Test
    void theJobsConstraintIsTheOneThatAnOptionSays(@TempDir Path folder) throws Exception {
        assertThat(constraint()).isNull();
        assertThat(constraint("--regex=[a-z]+,x")).isEqualTo(new Constraint.Regex("[a-z]+,x"));
        assertThat(constraint("--choice=ham,spam"))
                .isEqualTo(new Constraint.Choice(List.of("ham", "spam")));
        Path schema = Files.writeString(folder.resolve("s.json"), "{\"type\": \"null\"}\n");
        assertThat(constraint("--json-schema=" + schema))
                .isEqualTo(new Constraint.JsonSchema("{\"type\": \"null\"}\n"));
        assertThatThrownBy(() -> constraint("--regex=a", "--choice=b"))
                .hasMessage(
                        "--regex and --choice are given: an answer has one constraint, give one.");
        assertThatThrownBy(() -> constraint("--json-schema=" + folder.resolve("none.json")))
                .hasMessageContaining("none.json, which cannot be read as UTF-8 text");
    }

    private static Constraint constraint(String... options) {
        JobArguments arguments = new JobArguments();
        String[] all =
                Stream.concat(Stream.of("--model=m"), Stream.of(options)).toArray(String[]::new);
        return Arguments.parse(arguments, all).pipeline(null).constraint();
    }

    @Test
    void secretsAreNotInTheSettingsText() {
        JobArguments arguments =
                Arguments.parse(
                        new JobArguments(),
                        "--model=m",
                        "-K",
                        "sasl.jaas.config=hush",
                        "-K",
                        "ssl.key.password=hush");
        assertThat(arguments.kafka().client()).containsEntry("ssl.key.password", "hush");
        assertThat(arguments.kafka().toString()).doesNotContain("hush");
    }

    private int run(String... arguments) {
        return commandLine().execute(arguments);
    }

    private CommandLine commandLine() {
        return Millrace.commandLine(null)
                .setOut(new PrintWriter(out, true))
                .setErr(new PrintWriter(err, true));
    }
}

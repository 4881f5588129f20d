package io.millrace.jobs.cli.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.jobs.Millrace;
import io.millrace.jobs.TestingCommand;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParseResult;

class ConfiguredArgumentsTest {
    private static final String RUN =
            """
            # A job.
            model: models/x
            input-topics: [mails, 'letters']
            max-tokens: 24
            temperature: 1e-1
            chat: true
            ordered: false
            stop:
              - "\\n\\n"
              - "--- "
            system: |-
              Be brief.
              Say "no" = no.
            kafka-setting:
              security.protocol: SASL_SSL
              sasl.jaas.config: a=b required password="x";
            parameter-field: {max_tokens: limits.tokens}
            """;

    @TempDir private Path folder;

    @Test
    void theFilesValuesAreThoseOfTheSameOptions() throws IOException {
        ParseResult parsed = parse("run", RUN);
        assertThat(parsed.<String>matchedOptionValue("--model", null)).isEqualTo("models/x");
        assertThat(parsed.<Integer>matchedOptionValue("--max-tokens", null)).isEqualTo(24);
        assertThat(parsed.<Double>matchedOptionValue("--temperature", null)).isEqualTo(0.1);
        assertThat(parsed.<Boolean>matchedOptionValue("--chat", null)).isTrue();
        assertThat(parsed.hasMatchedOption("--ordered")).isFalse();
        assertThat(parsed.<List<String>>matchedOptionValue("--input-topics", null))
                .containsExactly("mails", "letters");
        assertThat(parsed.<List<String>>matchedOptionValue("--stop", null))
                .containsExactly("\n\n", "--- ");
        assertThat(parsed.<String>matchedOptionValue("--system", null))
                .isEqualTo("Be brief.\nSay \"no\" = no.");
        assertThat(parsed.<Map<String, String>>matchedOptionValue("-K", null))
                .containsEntry("security.protocol", "SASL_SSL")
                .containsEntry("sasl.jaas.config", "a=b required password=\"x\";");
        assertThat(parsed.<Map<String, String>>matchedOptionValue("--parameter-field", null))
                .containsEntry("max_tokens", "limits.tokens");
    }

    @Test
    void theCommandLineWinsOverTheFile() throws IOException {
        ParseResult parsed =
                parse("run", RUN, "--model=m", "-n", "3", "--stop=x", "--input-topic-pattern=.*");
        assertThat(parsed.<String>matchedOptionValue("--model", null)).isEqualTo("m");
        assertThat(parsed.<Integer>matchedOptionValue("--max-tokens", null)).isEqualTo(3);
        assertThat(parsed.<List<String>>matchedOptionValue("--stop", null)).containsExactly("x");
        assertThat(parsed.hasMatchedOption("--input-topics")).isFalse();
        assertThat(parsed.hasMatchedOption("--input-topic-pattern")).isTrue();
        assertThat(parse("run", RUN, "--chat=false").<Boolean>matchedOptionValue("--chat", null))
                .isFalse();
    }

    @Test
    void placesOfFilesMayStandInTheFileToo() throws IOException {
        String config = "in: mails/*.csv\nout: 'answers'\nmodel: m\n";
        assertThat(positionals(parse("corpus", config))).containsExactly("mails/*.csv", "answers");
        assertThat(positionals(parse("corpus", config, "x.csv")))
                .containsExactly("x.csv", "answers");
        assertThat(positionals(parse("corpus", config, "x.csv", "y")))
                .containsExactly("x.csv", "y");
    }

    @ParameterizedTest
    @ValueSource(strings = {"run", "corpus", "generate", "submit"})
    void eachOptionCanStandInAFile(String command) throws IOException {
        CommandLine line = Millrace.commandLine(null).getSubcommands().get(command);
        for (OptionSpec option : line.getCommandSpec().options()) {
            if (option.usageHelp()
                    || option.versionHelp()
                    || option.names()[0].equals("--config")) {
                continue;
            }
            String name = option.longestName();
            String value = value(option);
            String config = name.replaceFirst("^-+", "") + ": " + value + "\n";
            for (OptionSpec other : line.getCommandSpec().options()) {
                if (other.required() && other.group() == null && other != option) {
                    config += other.longestName().substring(2) + ": x\n";
                }
            }
            ParseResult parsed = parse(command, config, paths(line));
            assertThat(parsed.hasMatchedOption(name)).as(config).isTrue();
            ParseResult typed =
                    Millrace.commandLine(null)
                            .parseArgs(words(command, option, value, line))
                            .subcommand();
            assertThat(String.valueOf(parsed.<Object>matchedOptionValue(name, null)))
                    .as(config)
                    .isEqualTo(String.valueOf(typed.<Object>matchedOptionValue(name, null)));
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "promt-field: x|line 1: there is no option promt-field: did you mean prompt-field?",
                "model: m!max_token: 3|line 2: there is no option max_token: did you mean max-tokens?",
                "config: x|line 1: there is no option config",
                "model: m!n: 3!max-tokens: 4|line 3: max-tokens is given already in line 2",
                "model: m!model: m|line 2: model is given already in line 1",
                "model: m!chat: yes|line 2: chat is yes: give true or false.",
                "model:!chat: true|line 1: model has no value: give one, or leave the line out.",
                "model: [a, b]|line 1: model takes one value, not a list.",
                "model: {a: b}|line 1: model takes no keys below it.",
                "kafka-setting: acks=all|line 1: kafka-setting takes KEY: VALUE below it",
                "input-topics: ['a,b']|line 1: 'a,b' in input-topics has a comma, which separates.",
                "- model|line 1: give options as lines of the form NAME: VALUE.",
                "model: m!a: [|line 3: this is not YAML",
                "model: m!max-tokens: few|--max-tokens is from",
                "model: nowhere!chat: true|--model is from"
            })
    void aMistakeIsNamedWithItsLine(String config, String told) throws IOException {
        Path file = write(config.replace('!', '\n') + "\n");
        TestingCommand command = TestingCommand.run(List.of("run", "--config", file.toString()));
        assertThat(command.exitCode()).isNotZero();
        assertThat(command.all()).contains(told).contains(file.toString());
    }

    @Test
    void aMissingFileIsNamed() {
        assertThatThrownBy(
                        () -> Millrace.commandLine(null).parseArgs("run", "--config=nowhere.yaml"))
                .hasMessage("--config: there is no file nowhere.yaml.");
        assertThat(TestingCommand.run(List.of("run", "--config=nowhere.yaml", "--help")).exitCode())
                .isZero();
    }

    /** A value that the option takes. */
    private static String value(OptionSpec option) {
        if (option.arity().max() == 0) {
            return "true";
        }
        Class<?> type = option.type();
        if (Map.class.isAssignableFrom(type)) {
            return "{a: b}";
        }
        return switch (option.longestName()) {
            case "--delivery" -> "at-least-once";
            case "--start" -> "latest";
            case "--format" -> "avro";
            case "--delimiter" -> ";";
            default ->
                    switch (type.getSimpleName()) {
                        case "MemorySize" -> "7m";
                        case "Duration" -> "7s";
                        default -> type.isEnum() ? type.getEnumConstants()[0].toString() : "7";
                    };
        };
    }

    private static String[] words(
            String command, OptionSpec option, String value, CommandLine line) {
        List<String> words = new ArrayList<>(List.of(command));
        String typed = value.equals("{a: b}") ? "a=b" : value;
        words.add(
                option.arity().max() == 0
                        ? option.longestName()
                        : option.longestName() + "=" + typed);
        for (OptionSpec other : line.getCommandSpec().options()) {
            if (other.required() && other.group() == null && other != option) {
                words.add(other.longestName() + "=x");
            }
        }
        words.addAll(Arrays.asList(paths(line)));
        return words.toArray(String[]::new);
    }

    private static String[] paths(CommandLine line) {
        return line.getCommandSpec().positionalParameters().stream()
                .map(parameter -> "x")
                .toArray(String[]::new);
    }

    private static List<String> positionals(ParseResult parsed) {
        return parsed.matchedPositionals().stream()
                .map(parameter -> parameter.<String>getValue())
                .toList();
    }

    private ParseResult parse(String command, String config, String... typed) throws IOException {
        List<String> words = new ArrayList<>(List.of(command));
        words.addAll(List.of("--config", write(config).toString()));
        words.addAll(List.of(typed));
        return Millrace.commandLine(null).parseArgs(words.toArray(String[]::new)).subcommand();
    }

    private Path write(String config) throws IOException {
        return Files.writeString(folder.resolve("job.yaml"), config);
    }
}

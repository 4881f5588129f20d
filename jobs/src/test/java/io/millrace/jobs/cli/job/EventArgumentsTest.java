package io.millrace.jobs.cli.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.jobs.cli.Arguments;
import io.millrace.jobs.cli.CommandFailedException;
import io.millrace.schemas.EventForm;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class EventArgumentsTest {
    @TempDir Path folder;

    private static EventForm form(String... options) {
        List<String> all = new ArrayList<>(List.of("--model=m"));
        all.addAll(List.of(options));
        return Arguments.parse(new JobArguments(), all.toArray(String[]::new)).kafka().events();
    }

    @Test
    void withoutAPromptRecordsAreRequests() throws Exception {
        assertThat(form()).isNull();
        assertThat(form("--json-schema=" + schema())).isNull();
    }

    private Path schema() throws Exception {
        return Files.writeString(folder.resolve("schema.json"), "{}");
    }

    @Test
    void optionsAreInTheForm() throws Exception {
        EventForm form =
                form(
                        "--prompt-field=mail.text",
                        "--chat",
                        "--system=Be brief.",
                        "--id-from=field:id",
                        "--parameter-field=max_tokens=limits.tokens",
                        "--parameter-field=seed=seed",
                        "--max-tokens=17",
                        "--temperature=0",
                        "--json-schema=" + schema(),
                        "--result-field=triage.label",
                        "--overwrite");
        assertThat(form.getPromptField()).isEqualTo("mail.text");
        assertThat(form.getChat()).isTrue();
        assertThat(form.getSystem()).isEqualTo("Be brief.");
        assertThat(form.getIdFrom()).isEqualTo("field:id");
        assertThat(form.getParameterFields())
                .containsEntry("max_tokens", "limits.tokens")
                .containsEntry("seed", "seed");
        assertThat(form.getDefaults().getMaxTokens()).isEqualTo(17);
        assertThat(form.getDefaults().getTemperature()).isZero();
        assertThat(form.getStructured()).isTrue();
        assertThat(form.getResultField()).isEqualTo("triage.label");
        assertThat(form.getOverwrite()).isTrue();
        assertThat(form("--prompt-field=text").getResultField()).isEqualTo("answer");
        assertThat(form("--prompt-field=text", "--replace-event").getResultField()).isNull();
    }

    @Test
    void templatesAreReadFromTheirFiles() throws Exception {
        Path file = Files.writeString(folder.resolve("t.j2"), "\uFEFFHi {{ event.name }}");
        assertThat(form("--prompt-template=" + file).getPromptTemplate())
                .isEqualTo("Hi {{ event.name }}");
        assertThat(form("--chat-template-file=" + file).getChatTemplate())
                .isEqualTo("Hi {{ event.name }}");
        Files.writeString(file, "a\n{% if %}");
        assertThatThrownBy(() -> form("--prompt-template=" + file))
                .isInstanceOf(CommandFailedException.class)
                .hasMessageStartingWith(
                        "--prompt-template: " + file + ": line 2 of the template: ");
        Files.write(file, new byte[] {'a', (byte) 0xFF});
        assertThatThrownBy(() -> form("--prompt-template=" + file))
                .hasMessage("--prompt-template: " + file + " is not UTF-8 at byte 1.");
        assertThatThrownBy(() -> form("--prompt-template=" + folder.resolve("none")))
                .hasMessageContaining("there is no file");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "--max-tokens=9                                | --max-tokens is of events: add --prompt-field",
                "--result-field=a                              | --result-field is of events",
                "--replace-event                               | --replace-event is of events",
                "--id-from=key                                 | --id-from is of events",
                "--prompt-field=a --prompt-template=b          | Give one of --prompt-field and --prompt-template",
                "--prompt-field=a --system=b                   | --system needs --chat.",
                "--chat-template-file=a --chat                 | --chat does not go with --chat-template-file",
                "--prompt-field=a --replace-event --overwrite  | --replace-event leaves no event for --overwrite",
                "--prompt-field=a..b                           | --prompt-field: \"a..b\" is no path of a field",
                "--prompt-field=a --result-field=.             | --result-field: \".\" is no path of a field",
                "--prompt-field=a --id-from=kye                | none of key, header:NAME and field:a.b",
                "--prompt-field=a --max-tokens=0               | max-tokens",
                "--prompt-field=a --parameter-field=max_token=b | there is no parameter max_token: did you mean max_tokens?",
                "--prompt-field=a --parameter-field=id=b       | there is no parameter id",
                "--prompt-field=a --parameter-field=seed=b..c  | --parameter-field seed: \"b..c\" is no path of a field",
                "--prompt-field=a --regex=[a-z]+ --stop=x | --stop does not go with --regex, since",
                "--prompt-field=a --format=avro                | Events with --format avro need --input-schema FILE",
                "--prompt-field=a --input-schema=none          | --input-schema: there is no file none",
                "--input-schema=none                           | --input-schema is of events",
                "--prompt-field=a --output-schema=b            | --output-schema is of --format avro: JSON has no schema",
                "--prompt-field=a --parameter-field=n=b --format=avro | --parameter-field n does not go with --format avro",
                "--openai-body --prompt-field=a                | Give one of --prompt-field and --openai-body",
                "--openai-body --chat                          | --chat does not go with --openai-body",
                "--openai-body --parameter-field=seed=b        | --parameter-field does not go with --openai-body",
                "--prompt-field=a --unwrap=xml                 | \"xml\" is none of cloudevents, debezium and connect",
                "--prompt-field=a --unwrap=connect --replace-event | --replace-event does not go with --unwrap connect",
                "--prompt-field=a --unwrap=connect --format=confluent --registry-url=http://r | --unwrap reads JSON",
                "--unwrap=connect                              | --unwrap is of events",
                "--openai-body --format=avro                   | --openai-body reads JSON",
                "--prompt-field=a --partitioning=prefix        | --partitioning prefix does not go with events"
            })
    void whatDoesNotGoTogetherIsRefused(String options, String message) {
        assertThatThrownBy(() -> form(options.strip().split(" +")))
                .isInstanceOf(CommandFailedException.class)
                .hasMessageContaining(message);
    }
}

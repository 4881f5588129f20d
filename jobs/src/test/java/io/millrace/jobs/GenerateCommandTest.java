package io.millrace.jobs;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The command generate: what it streams, and conversations. */
@Timeout(120)
class GenerateCommandTest {
    private static final Path MODEL = Path.of("..", "models", "triage");

    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir Path folder;
    private final StringWriter err = new StringWriter();
    private int exit;

    private Path modelWith(String template) throws IOException {
        Path model = Files.createDirectories(folder.resolve("model"));
        try (Stream<Path> files = Files.list(MODEL)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                Files.copy(file, model.resolve(file.getFileName()));
            }
        }
        Files.writeString(model.resolve("chat_template.jinja"), template);
        return model;
    }

    private String run(Path model, String... arguments) {
        List<String> all = new ArrayList<>(List.of("generate", "--model", model.toString()));
        all.addAll(List.of(arguments));
        PrintStream before = System.out;
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        System.setOut(new PrintStream(out, true, StandardCharsets.UTF_8));
        try {
            exit =
                    Millrace.commandLine(null)
                            .setErr(new PrintWriter(err, true))
                            .execute(all.toArray(String[]::new));
        } finally {
            System.setOut(before);
        }
        return out.toString(StandardCharsets.UTF_8);
    }

    @Test
    void aConversationIsAnsweredAsItsTemplateWritesIt() throws Exception {
        Path model =
                modelWith("{% for m in messages %}[{{ m.role }}] {{ m.content }}\n{% endfor %}");

        String plain = run(model, "-n5", "--prompt", "[system] Be brief.\n[user] Hello\n");
        assertThat(exit).isZero();
        String chat = run(model, "-n5", "--chat", "--system", "Be brief.", "--prompt", "Hello");
        assertThat(exit).isZero();
        assertThat(chat).isNotBlank().isEqualTo(plain);
    }

    @Test
    void theIdIsTheOneThatDrawsWithoutASeedAreMadeOf() {
        String[] other = {"-n9", "-t", "5", "--json", "--prompt", "Dear", "--id", "17"};
        String one = run(MODEL, other);
        assertThat(exit).isZero();
        assertThat(one).startsWith("{\"id\":\"17\"").isEqualTo(run(MODEL, other));
        String usual = run(MODEL, "-n9", "-t", "5", "--json", "--prompt", "Dear");
        assertThat(text(usual, "text")).isNotEqualTo(text(one, "text"));
        run(MODEL, "--prompt", "Dear", "--id", "");
        assertThat(exit).isEqualTo(1);
        assertThat(err.toString()).contains("--id is empty");
    }

    @Test
    void anAnswerIsJsonThatIsValidByTheSchema() throws Exception {
        String schema = MODEL.resolve("answer.schema.json").toString();
        Set<String> different = new HashSet<>();
        for (int seed = 0; seed < 3; seed++) {
            String[] hot = {"-n97", "-t", "1", "--seed", "" + seed, "--prompt", "Dear friend"};
            String answer = run(MODEL, with(hot, "--json-schema", schema)).strip();
            assertThat(exit).as(err.toString()).isZero();
            JsonNode json = JSON.readTree(answer);
            assertThat(json.fieldNames())
                    .toIterable()
                    .as(answer)
                    .containsExactly("label", "subject", "reason");
            assertThat(json.get("label").textValue()).isIn("ham", "spam");
            assertThat(characters(json.get("subject"))).isBetween(1, 60);
            assertThat(characters(json.get("reason"))).isBetween(0, 80);
            different.add(answer);
        }
        assertThat(different).hasSizeGreaterThan(1);
    }

    private static int characters(JsonNode text) {
        return text.textValue().codePointCount(0, text.textValue().length());
    }

    private static String[] with(String[] some, String... more) {
        return Stream.concat(Stream.of(some), Stream.of(more)).toArray(String[]::new);
    }

    @Test
    void anAnswerMatchesTheExpressionOrIsOneOfTheChoices() {
        String[] hot = {"-n33", "-t", "2", "--prompt", "Lowest rates"};
        assertThat(run(MODEL, with(hot, "--regex", "[A-Z]{5}-[0-9]{7}")).strip())
                .matches("[A-Z]{5}-[0-9]{7}");
        assertThat(run(MODEL, with(hot, "--choice", "neither,both of them")).strip())
                .isIn("neither", "both of them");
        assertThat(exit).isZero();
        run(MODEL, with(hot, "--regex", "(a)\\1"));
        assertThat(exit).isEqualTo(1);
        assertThat(err.toString()).contains("The regular expression '(a)\\1' is not supported");
    }

    @Test
    void int8WeightsAnswerAsToldByTheOption() {
        String prompt = "Lowest mortgage rates, reply today!\n\n### Triage\n";
        String answer = run(MODEL, "-n9", "--weights", "int8", "--prompt", prompt);
        assertThat(exit).isZero();
        assertThat(answer).startsWith("spam | ");
    }

    @Test
    void addBosPutsTheModelsTokenBeforeAPromptAndMakesAnotherModel() {
        String byModel = run(MODEL, "-n1", "--json", "--prompt", "hello");
        String never = run(MODEL, "-n1", "--json", "--add-bos", "never", "--prompt", "hello");
        String always = run(MODEL, "-n1", "--json", "--add-bos", "always", "--prompt", "hello");
        assertThat(exit).as(err.toString()).isZero();
        assertThat(never).isEqualTo(byModel);
        assertThat(number(always, "prompt_tokens")).isEqualTo(number(never, "prompt_tokens") + 1);
        assertThat(text(always, "model_fingerprint"))
                .hasSize(24)
                .isNotEqualTo(text(never, "model_fingerprint"));
    }

    private static int number(String json, String field) {
        return Integer.parseInt(json.replaceAll("(?s).*\"" + field + "\":(\\d+).*", "$1"));
    }

    private static String text(String json, String field) {
        return json.replaceAll("(?s).*\"" + field + "\":\"([^\"]*)\".*", "$1");
    }

    @Test
    void dummyWeightsNeedNoFileAndAnswerNoise() throws IOException {
        Path model = Files.createDirectories(folder.resolve("shape"));
        for (String file : List.of("config.json", "tokenizer.json")) {
            Files.copy(MODEL.resolve(file), model.resolve(file));
        }
        PrintStream before = System.err;
        ByteArrayOutputStream told = new ByteArrayOutputStream();
        System.setErr(new PrintStream(told, true, StandardCharsets.UTF_8));
        String answer;
        try {
            answer = run(model, "-n9", "--json", "--load-format", "dummy", "--prompt", "hello");
        } finally {
            System.setErr(before);
        }
        assertThat(exit).as(err.toString()).isZero();
        assertThat(answer).contains("\"model_fingerprint\":\"dummy-");
        assertThat(told.toString(StandardCharsets.UTF_8))
                .containsOnlyOnce("Weights dummy: answers are noise\n");

        run(model, "-n9", "--prompt", "hello");
        assertThat(exit).isEqualTo(1);
        assertThat(err.toString()).contains("has neither model.safetensors nor");
    }

    @Test
    void noPartOfAStopStringIsStreamed() {
        String prompt = "Lowest mortgage rates, reply today!";
        String whole = run(MODEL, "-n17", "--ignore-eos", "--prompt", prompt).strip();
        for (int length : new int[] {1, 2, 5}) {
            String stop = whole.substring(7, 7 + length);
            String before = whole.substring(0, whole.indexOf(stop));
            String shown = run(MODEL, "-n17", "--ignore-eos", "--prompt", prompt, "--stop", stop);
            assertThat(exit).isZero();
            assertThat(shown.strip()).as("stop at '" + stop + "'").isEqualTo(before.strip());
        }
    }

    @Test
    void whatATemplateRefusesIsOneSentence() throws Exception {
        Path model = modelWith("{{ raise_exception('Speak first, machine.') }}");

        run(model, "--chat", "--prompt", "Hello");
        assertThat(exit).isEqualTo(1);
        assertThat(err.toString())
                .contains(
                        "millrace: The model's chat template refuses these messages: Speak first,"
                                + " machine.");
    }

    @Test
    void aModelWithoutATemplateCannotChat() {
        run(MODEL, "--chat", "--prompt", "Hello");
        assertThat(exit).isEqualTo(1);
        assertThat(err.toString()).contains("millrace: This model has no chat template");
    }

    @Test
    void aSystemMessageWantsAConversation() {
        run(MODEL, "--system", "Be brief.", "--prompt", "Hello");
        assertThat(exit).isEqualTo(1);
        assertThat(err.toString()).contains("millrace: --system is part of a conversation");
    }
}

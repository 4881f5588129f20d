package io.millrace.gpu.engine;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.gpu.api.ChatPrompt;
import io.millrace.gpu.api.ChatTurn;
import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.EngineOptions.AddBos;
import io.millrace.gpu.api.GenerationRequest;
import io.millrace.gpu.api.RequestRejectedException;
import io.millrace.gpu.api.RequestRejectedException.Reason;
import io.millrace.gpu.api.SamplingParameters;
import io.millrace.gpu.model.TinyModels;
import io.millrace.gpu.sampling.grammar.mask.Vocabulary;
import io.millrace.gpu.text.TestingTokenizerJson;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ModelTextTest {
    private static final ChatPrompt HELLO =
            ChatPrompt.of(List.of(new ChatTurn("user", "hello")), Instant.EPOCH);

    @TempDir Path folder;

    private ModelText open(String template) throws IOException {
        Files.writeString(folder.resolve("chat_template.jinja"), template);
        return openPlain();
    }

    private ModelText openPlain() throws IOException {
        TestingTokenizerJson.write(folder);
        return ModelText.open(folder, TestingTokenizerJson.VOCABULARY, AddBos.MODEL);
    }

    private void assertRefused(ModelText text, Reason reason, String message) {
        assertThatThrownBy(() -> text.renderChat(HELLO))
                .isInstanceOfSatisfying(
                        RequestRejectedException.class,
                        e -> assertThat(e.reason()).isEqualTo(reason))
                .hasMessage(message);
    }

    @Test
    void aTemplatesSpecialTokensAreTokensAndAreNotDoubled() throws Exception {
        ModelText text =
                open("<begin>{% for m in messages %}{{ m.content }}<end>{% endfor %}{{ 'a' }}");
        int hello = TestingTokenizerJson.BYTES + 3;

        assertThat(text.tokenizer().encodeRendered(text.renderChat(HELLO)))
                .containsExactly(
                        TestingTokenizerJson.BEGIN, hello, TestingTokenizerJson.END_OF_TEXT, 'a');
        assertThat(text.tokenizer().encodeRendered("hello")).containsExactly(hello);
        assertThat(text.tokenizer().encode("hello"))
                .containsExactly(TestingTokenizerJson.BEGIN, hello);
    }

    @Test
    void withoutATemplateConversationsAreNotSupported() throws Exception {
        ModelText text = openPlain();

        assertRefused(
                text,
                Reason.UNSUPPORTED,
                "This model has no chat template: send the conversation as one prompt.");
    }

    @Test
    void aTemplateThatCannotBeUsedStopsConversationsOnly() throws Exception {
        ModelText text = open("{% include 'x' %}");

        assertThat(text.tokenizer().encode("a")).hasSize(2);
        assertRefused(
                text,
                Reason.UNSUPPORTED,
                "This model's chat template cannot be used ("
                        + folder.resolve("chat_template.jinja")
                        + ": chat template, line 1: the tag 'include' is not supported): send the"
                        + " conversation as one prompt.");
    }

    @Test
    void whatATemplateRaisesIsTheReason() throws Exception {
        assertRefused(
                open("{{ raise_exception('No users, please.') }}"),
                Reason.INVALID_PARAMETER,
                "The model's chat template refuses these messages: No users, please.");
    }

    @Test
    void theFingerprintIsThatOfTemplateAndTokens() throws Exception {
        String none = openPlain().fingerprint();
        String a = open("a").fingerprint();

        assertThat(open("a").fingerprint()).isEqualTo(a).isNotEqualTo(none);
        assertThat(open("b").fingerprint()).isNotEqualTo(a);
        Files.writeString(folder.resolve("tokenizer_config.json"), "{\"bos_token\": \"<s>\"}");
        assertThat(open("a").fingerprint()).isNotEqualTo(a);
    }

    @Test
    void aTemplateHasTheTokensOfTheTokenizersClass() throws Exception {
        Files.writeString(folder.resolve("config.json"), "{\"model_type\": \"gpt2\"}");
        ModelText gpt2 = open("{{ eos_token }}");
        Files.writeString(folder.resolve("config.json"), "{\"model_type\": \"llama\"}");

        assertThat(gpt2.tokenizer().encodeRendered(gpt2.renderChat(HELLO))).hasSize(13);
        assertThat(open("{{ eos_token }}").renderChat(HELLO)).isEmpty();
    }

    @Test
    void theTokenizersEndOfTextTokenIsOneThatTheModelKnows() throws Exception {
        Path config = folder.resolve("tokenizer_config.json");
        assertThat(openPlain().endOfText()).isEmpty();
        Files.writeString(config, "{\"eos_token\": \"<end>\"}");
        assertThat(openPlain().endOfText()).hasValue(TestingTokenizerJson.END_OF_TEXT);
        Files.writeString(config, "{\"eos_token\": \"<unheard>\"}");
        assertThat(openPlain().endOfText()).isEmpty();
    }

    @Test
    void theFingerprintIsThatOfTheTokensAsWell() throws Exception {
        String alone = openPlain().fingerprint();
        Path config = folder.resolve("tokenizer_config.json");
        Files.writeString(config, "{\"eos_token\": \"<end>\"}");
        assertThat(openPlain().fingerprint()).isEqualTo(alone);
        Files.writeString(config, "{\"eos_token\": \"ll\"}");
        assertThat(openPlain().fingerprint()).isNotEqualTo(alone);
    }

    @Test
    void theBytesOfTokensAreThoseOfTheModelsTokens() throws Exception {
        int hello = TestingTokenizerJson.BYTES + 3;
        assertThat(openPlain().bytes().find().bytes(hello)).isEqualTo("hello".getBytes(UTF_8));
        Files.writeString(
                folder.resolve("tokenizer_config.json"),
                "{\"unk_token\": \"hello\", \"eos_token\": \"<unheard>\"}");

        Vocabulary tokens = openPlain().bytes().find();
        assertThat(tokens.bytes(hello)).as("special by the other file").isNull();
        assertThat(tokens.bytes(hello - 1)).isEqualTo("hell".getBytes(UTF_8));
        assertThat(tokens.size())
                .as("none that the model does not have")
                .isEqualTo(TestingTokenizerJson.VOCABULARY);
        Vocabulary few = ModelText.open(folder, hello, AddBos.MODEL).bytes().find();
        assertThat(few.size()).isEqualTo(hello);
        Vocabulary many = ModelText.open(folder, 999, AddBos.MODEL).bytes().find();
        assertThat(many.size()).isEqualTo(TestingTokenizerJson.VOCABULARY + 1);
    }

    @Test
    void anEngineAnswersAConversation() throws Exception {
        Path model = TinyModels.llama().write(folder.resolve("m"));
        Files.writeString(
                model.resolve("chat_template.jinja"),
                "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}assistant:");
        try (Engine engine = Engine.open(EngineOptions.of(model.toString()))) {
            int[] chat = engine.encodeChat(HELLO);

            assertThat(chat)
                    .isEqualTo(engine.tokenizer().encodeRendered("user: hello\nassistant:"));
            GenerationRequest request =
                    GenerationRequest.of("r", chat, SamplingParameters.greedy(3));
            assertThat(engine.complete(List.of(request))).hasSize(1);
        }
    }
}

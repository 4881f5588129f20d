package io.millrace.gpu.text.jinja;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.gpu.api.ChatPrompt;
import io.millrace.gpu.api.ChatTurn;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ChatTemplateTest {
    private static final ChatPrompt HI =
            ChatPrompt.of(
                    List.of(new ChatTurn("user", "Hi")), Instant.parse("2026-01-05T23:04:00Z"));

    @TempDir Path folder;

    private void write(String name, String text) throws IOException {
        Files.writeString(folder.resolve(name), text);
    }

    private String rendered() throws IOException {
        return ChatTemplate.fromFolder(folder).orElseThrow().render(HI);
    }

    @Test
    void rendersAConversationWithoutTools() {
        ChatTemplate template =
                ChatTemplate.parse(
                        "{{ messages }}{{ tools }}{{ documents }}{{ add_generation_prompt }}");

        assertThat(template.render(HI))
                .isEqualTo("[{'role': 'user', 'content': 'Hi'}]NoneNoneTrue");
    }

    @Test
    void rendersToolsInTheirOrder() {
        ChatTemplate template =
                ChatTemplate.parse("{% for t in tools %}{{ t | tojson }}{% endfor %}");
        ChatPrompt prompt =
                new ChatPrompt(
                        HI.messages(), List.of(Map.of("name", "f")), Map.of(), false, HI.clock());

        assertThat(template.render(prompt)).isEqualTo("{\"name\": \"f\"}");
    }

    @Test
    void rendersWithTheArgumentsOfTheRequest() throws IOException {
        ChatTemplate qwen3 =
                ChatTemplate.parse(
                        Files.readString(Path.of("src/test/resources/chat-templates/qwen3.jinja")));
        assertThat(qwen3.render(HI)).endsWith("<|im_start|>assistant\n");
        assertThat(qwen3.render(with(Map.of("enable_thinking", false))))
                .endsWith("<|im_start|>assistant\n<think>\n\n</think>\n\n");
        assertThat(qwen3.render(with(Map.of("enable_thinking", true)))).isEqualTo(qwen3.render(HI));
        Map<String, Object> many = new HashMap<>();
        many.put("none", null);
        many.put("list", List.of(1, 2.5, Map.of("a", "b")));
        many.put("messages", "others");
        assertThat(ChatTemplate.parse("{{ none }} {{ list }} {{ messages }}").render(with(many)))
                .as("what the prompt has itself is never replaced")
                .isEqualTo("None [1, 2.5, {'a': 'b'}] [{'role': 'user', 'content': 'Hi'}]");
    }

    private static ChatPrompt with(Map<String, Object> arguments) {
        return new ChatPrompt(HI.messages(), List.of(), arguments, true, HI.clock());
    }

    @Test
    void tellsTheClockItIsGivenInUtc() {
        ChatTemplate template = ChatTemplate.parse("{{ strftime_now('%d %b %Y %H:%M') }}");

        assertThat(template.render(HI)).isEqualTo("05 Jan 2026 23:04");
    }

    @Test
    void aFolderWithoutATemplateHasNone() throws IOException {
        assertThat(ChatTemplate.fromFolder(folder)).isEmpty();
        write("tokenizer_config.json", "{\"bos_token\": \"<s>\"}");
        assertThat(ChatTemplate.fromFolder(folder)).isEmpty();
        write("tokenizer_config.json", "{\"chat_template\": null}");
        assertThat(ChatTemplate.fromFolder(folder)).isEmpty();
    }

    @Test
    void readsTheTemplateAndTheTokensOfATokenizerConfig() throws IOException {
        write(
                "tokenizer_config.json",
                """
                {"bos_token": "<s>", "eos_token": {"content": "</s>", "lstrip": false},
                 "unk_token": null, "chat_template": "{{ bos_token }}{{ eos_token }}{{ unk_token }}"}
                """);

        assertThat(rendered()).isEqualTo("<s></s>");
    }

    @Test
    void readsTheOneNamedDefaultAmongSeveral() throws IOException {
        write(
                "tokenizer_config.json",
                """
                {"chat_template": [{"name": "tool_use", "template": "t"},
                                   {"name": "default", "template": "d"}]}
                """);

        assertThat(rendered()).isEqualTo("d");
    }

    @Test
    void aTemplateFileGoesBeforeTheConfig() throws IOException {
        write("tokenizer_config.json", "{\"chat_template\": \"no\", \"bos_token\": \"<s>\"}");
        write("special_tokens_map.json", "{\"bos_token\": \"<x>\", \"eos_token\": \"</x>\"}");
        write("chat_template.jinja", "{{ bos_token }}yes{{ eos_token }}\n");

        assertThat(rendered()).isEqualTo("<x>yes</x>");
    }

    @Test
    void whatIsWrongInAFolderIsOneSentenceWithTheFile() throws IOException {
        write("chat_template.jinja", "a\n{% nope %}");
        assertThatThrownBy(() -> ChatTemplate.fromFolder(folder))
                .isInstanceOf(IOException.class)
                .hasMessage(
                        folder.resolve("chat_template.jinja")
                                + ": chat template, line 2: unknown tag 'nope'");

        Files.delete(folder.resolve("chat_template.jinja"));
        write("tokenizer_config.json", "{");
        assertThatThrownBy(() -> ChatTemplate.fromFolder(folder))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("tokenizer_config.json is not valid JSON");

        write(
                "tokenizer_config.json",
                "{\"chat_template\": [{\"name\": \"rag\", \"template\": \"\"}]}");
        assertThatThrownBy(() -> ChatTemplate.fromFolder(folder))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("none of its chat templates is named 'default'");

        Files.write(folder.resolve("chat_template.jinja"), new byte[] {(byte) 0xC3});
        assertThatThrownBy(() -> ChatTemplate.fromFolder(folder))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("is not UTF-8 text");
    }
}

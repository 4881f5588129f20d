package io.millrace.operators.hop;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.schemas.ChatMessage;
import io.millrace.schemas.InferenceRequest;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class PromptPrefixTest {
    private static InferenceRequest.Builder request() {
        return InferenceRequest.newBuilder().setId("id");
    }

    private static int ofText(String prompt) {
        return PromptPrefix.hash(request().setPrompt(prompt).build());
    }

    private static int ofMessages(String... contents) {
        List<ChatMessage> messages = new ArrayList<>();
        for (String content : contents) {
            messages.add(
                    new ChatMessage(
                            messages.isEmpty() ? "system" : "user",
                            content,
                            null,
                            null,
                            null,
                            null));
        }
        return PromptPrefix.hash(request().setMessages(messages).build());
    }

    private static int ofTokens(int count, int last) {
        List<Integer> ids = new ArrayList<>(Collections.nCopies(count - 1, 17));
        ids.add(last);
        return PromptPrefix.hash(request().setPromptTokenIds(ids).build());
    }

    @Test
    void onlyTheBeginningOfATextCounts() {
        String template = "t".repeat(PromptPrefix.CHARACTERS - 1);
        assertThat(ofText(template + "xa")).isEqualTo(ofText(template + "xbcd"));
        assertThat(ofText(template + "x")).isNotEqualTo(ofText(template + "y"));
        assertThat(ofText("a")).isNotEqualTo(ofText("b"));
        assertThat(ofText("")).isEqualTo(ofText(""));
    }

    @Test
    void onlyTheBeginningOfAConversationCounts() {
        String template = "t".repeat(PromptPrefix.CHARACTERS - "system".length());
        assertThat(ofMessages(template, "a")).isEqualTo(ofMessages(template, "b", "c"));
        assertThat(ofMessages("short", "a")).isNotEqualTo(ofMessages("short", "b"));
    }

    @Test
    void onlyTheFirstTokenIdsCount() {
        assertThat(ofTokens(PromptPrefix.TOKENS + 1, 1))
                .isEqualTo(ofTokens(PromptPrefix.TOKENS + 1, 2));
        assertThat(ofTokens(PromptPrefix.TOKENS, 1)).isNotEqualTo(ofTokens(PromptPrefix.TOKENS, 2));
        assertThat(ofTokens(1, 1)).isNotEqualTo(ofTokens(1, 2));
    }

    @Test
    void aRoutingKeyCountsAlone() {
        assertThat(PromptPrefix.hash(request().setPrompt("a").setRoutingKey("k").build()))
                .isEqualTo(PromptPrefix.hash(request().setPrompt("b").setRoutingKey("k").build()))
                .isNotEqualTo(
                        PromptPrefix.hash(request().setPrompt("a").setRoutingKey("l").build()));
    }

    @Test
    void similarBeginningsAreSpread() {
        int[] counts = new int[7];
        Set<Integer> hashes = new HashSet<>();
        for (int i = 0; i < 7 * 1023; i++) {
            int hash = ofText("prompt of r" + i);
            hashes.add(hash);
            counts[Math.floorMod(hash, 7)]++;
        }
        assertThat(hashes).hasSizeGreaterThan(7 * 1023 - 17);
        assertThat(IntStream.of(counts)).allMatch(count -> count > 900 && count < 1150);
    }
}

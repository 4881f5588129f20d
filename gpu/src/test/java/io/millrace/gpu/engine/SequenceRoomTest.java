package io.millrace.gpu.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.gpu.api.OptionNames;
import io.millrace.gpu.api.RequestRejectedException;
import org.junit.jupiter.api.Test;

class SequenceRoomTest {
    private static final int CONTEXT = 1023;
    private static final int BLOCK = 17;

    private static SequenceRoom room(int maxModelLen, int blocks) {
        return new SequenceRoom(
                CONTEXT, maxModelLen, blocks, BLOCK, 1 << 20, OptionNames.COMMAND_LINE);
    }

    @Test
    void aDefaultThatNoPromptFitsWithIsNamedBesideWhatIsTooSmallForIt() {
        assertThat(room(97, 100).remark(97))
                .isEqualTo(
                        "Every request without max_tokens will be refused: the model's default"
                                + " (max_new_tokens in generation_config.json) is 97, but"
                                + " --max-model-len is 97: raise it to at least 98, or have requests"
                                + " set max_tokens to less than 97.");
        assertThat(room(CONTEXT, 2).remark(54))
                .contains("is 54, but --kv-cache-memory has room for 34: raise it to at least 5")
                .endsWith("set max_tokens to less than 34.");
        assertThat(room(97, 100).remark(54_000)).contains("raise it to at least 1023, or");
    }

    @Test
    void itIsSaidWhereTheShortestPromptIsRefusedAndOnlyThere() throws RequestRejectedException {
        for (int maxModelLen : new int[] {1, 17, 54, 97, CONTEXT}) {
            SequenceRoom room = room(maxModelLen, 100);
            for (int maxTokens : new int[] {1, 16, 17, 53, 54, 96, 97, CONTEXT, 2048}) {
                if (room.remark(maxTokens) == null) {
                    room.check(1, maxTokens);
                } else {
                    assertThatThrownBy(() -> room.check(1, maxTokens))
                            .isInstanceOf(RequestRejectedException.class);
                }
            }
        }
    }
}

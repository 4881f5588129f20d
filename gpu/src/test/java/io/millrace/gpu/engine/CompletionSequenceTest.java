package io.millrace.gpu.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.gpu.api.FinishReason;
import io.millrace.gpu.api.GenerationRequest;
import io.millrace.gpu.api.GenerationResult.Completion;
import io.millrace.gpu.api.SamplingParameters;
import io.millrace.gpu.api.Tokenizer;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** How completions end whose tokens are given. */
class CompletionSequenceTest {
    private static final int HALF = 40;
    private static final int OTHER_HALF = 41;
    private static final int IM_END = 42;
    private static final int END_OF_TEXT = 43;

    /** Letters; two tokens that are one character; two special tokens. */
    private static final Tokenizer TOKENIZER =
            new Tokenizer() {
                @Override
                public int[] encode(String text) {
                    throw new UnsupportedOperationException();
                }

                @Override
                public Map<Integer, String> specialTokens() {
                    return Map.of(IM_END, "<|im_end|>", END_OF_TEXT, "<|endoftext|>");
                }

                @Override
                public String decode(int[] tokenIds) {
                    StringBuilder text = new StringBuilder();
                    for (int i = 0; i < tokenIds.length; i++) {
                        if (tokenIds[i] < 26) {
                            text.append((char) ('a' + tokenIds[i]));
                        } else if (tokenIds[i] == HALF) {
                            boolean whole =
                                    i + 1 < tokenIds.length && tokenIds[i + 1] == OTHER_HALF;
                            text.append(whole ? '\u20AC' : '\uFFFD');
                        }
                    }
                    return text.toString();
                }
            };

    @Test
    void aStopStringThatIsASpecialTokenEndsTheCompletionAtThatToken() {
        Completion completion = complete(9, List.of("<|im_end|>"), 0, 1, IM_END, 2);
        assertThat(completion.finishReason()).isEqualTo(FinishReason.STOP);
        assertThat(completion.text()).isEqualTo("ab");
        assertThat(completion.tokenIds()).containsExactly(0, 1, IM_END);
    }

    @Test
    void aStopStringMayHaveASpecialTokenInIt() {
        List<String> stop = List.of("b<|im_end|>c");
        Completion completion = complete(9, stop, 0, 1, IM_END, 2, 3);
        assertThat(completion.finishReason()).isEqualTo(FinishReason.STOP);
        assertThat(completion.text()).isEqualTo("a");
        assertThat(completion.tokenIds()).hasSize(4);
        assertThat(complete(4, stop, 1, 2, IM_END, 2).finishReason())
                .isEqualTo(FinishReason.LENGTH);
    }

    @Test
    void aStopStringMayEndWithTheEndOfText() {
        Completion completion = complete(9, List.of("b<|endoftext|>"), 0, 1, END_OF_TEXT);
        assertThat(completion.finishReason()).isEqualTo(FinishReason.STOP);
        assertThat(completion.text()).isEqualTo("a");
    }

    @Test
    void aCharacterCutShortStaysBeforeTheSpecialTokenThatStops() {
        Completion completion = complete(9, List.of("<|im_end|>"), 0, HALF, IM_END);
        assertThat(completion.text()).isEqualTo("a\uFFFD");
    }

    @Test
    void aStopStringThatTheLastAllowedTokenCompletesIsAStop() {
        Completion completion = complete(3, List.of("<|im_end|>"), 0, 1, IM_END);
        assertThat(completion.finishReason()).isEqualTo(FinishReason.STOP);
        completion = complete(3, List.of("bc"), 0, 1, 2);
        assertThat(completion.finishReason()).isEqualTo(FinishReason.STOP);
        assertThat(completion.text()).isEqualTo("a");
        // Held back until the end, since a further token might have made it another character.
        completion = complete(3, List.of("b\uFFFD"), 0, 1, HALF);
        assertThat(completion.finishReason()).isEqualTo(FinishReason.STOP);
        assertThat(completion.text()).isEqualTo("a");
    }

    private static Completion complete(int maxTokens, List<String> stop, int... tokens) {
        SamplingParameters sampling =
                SamplingParameters.builder().maxTokens(maxTokens).stop(stop).build();
        Generation generation =
                new Generation(
                        1,
                        GenerationRequest.of("r", new int[] {7}, sampling),
                        maxTokens,
                        null,
                        null,
                        EndOfText.of(List.of(END_OF_TEXT)),
                        TOKENIZER);
        CompletionSequence completion = generation.completions().get(0);
        for (int i = 0; i < tokens.length && !completion.isFinished(); i++) {
            completion.accept(tokens[i], null);
        }
        assertThat(completion.isFinished()).isTrue();
        return completion.result();
    }
}

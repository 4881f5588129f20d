package io.millrace.gpu.sampling.constraint;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.gpu.sampling.grammar.Grammar;
import io.millrace.gpu.sampling.grammar.GrammarCompiler;
import io.millrace.gpu.sampling.grammar.mask.Vocabulary;
import java.nio.LongBuffer;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class ConstrainedTextTest {
    private static final int MOST = 20;

    /** One word of a mask: a token for each character from ? on but the last, which is a quote. */
    private static final int TOKENS = 64;

    private static final int QUOTE = TOKENS - 1;

    private static final GrammarCompiler COMPILER = compiler();

    private static GrammarCompiler compiler() {
        byte[][] bytes = new byte[TOKENS][];
        for (int i = 0; i < TOKENS; i++) {
            bytes[i] = new byte[] {(byte) (i == QUOTE ? '"' : '?' + i)};
        }
        return new GrammarCompiler(new Vocabulary(bytes), true, 8 << 20);
    }

    private static int token(char c) {
        return c == '"' ? QUOTE : c - '?';
    }

    /** The tokens that may come next, of so many that the model has. */
    private static List<Integer> allowed(ConstrainedText text, int size) {
        float[] scores = new float[size];
        text.apply(scores);
        List<Integer> allowed = new ArrayList<>();
        for (int i = 0; i < size; i++) {
            if (scores[i] == 0) {
                allowed.add(i);
            }
        }
        int words = (size + 63) / 64;
        LongBuffer written = LongBuffer.allocate(words + 1);
        written.put(words, 17);
        text.write(written, 0, words);
        for (int i = 0; i < size; i++) {
            assertThat((written.get(i >> 6) >>> i & 1) != 0).isEqualTo(scores[i] == 0);
        }
        assertThat(written.get(words)).isEqualTo(17);
        return allowed;
    }

    /** Of a list and of many: masks are kept both ways, and made anew near the limit. */
    @Test
    void aTokenThatEndsMayLieBehindTheTokensOfTheTokenizer() {
        for (int stop : new int[] {token('z'), TOKENS, TOKENS + 1, 5 * TOKENS + 3}) {
            int[] stops = {stop};
            int size = Math.max(stop + 1, TOKENS);
            Grammar grammar = COMPILER.regex("a(b|c)*|[b-y]{5}");
            for (int round = 0; round < 3; round++) {
                for (int most : new int[] {2, 5, MOST}) {
                    ConstrainedText text = new ConstrainedText(grammar, stops, most);
                    assertThat(allowed(text, size)).hasSize(most < 5 ? 1 : 25).contains(token('a'));
                    assertThat(text.accept(token('a'))).isTrue();
                    List<Integer> next = List.of(token('b'), token('c'), stop);
                    assertThat(allowed(text, size)).isEqualTo(next);
                    assertThat(text.isOver()).isFalse();
                    ConstrainedText after = text.after(new int[] {token('c'), token('b')}, 0, 1);
                    assertThat(after.isOver()).isEqualTo(most == 2);
                    assertThat(allowed(after, size)).isEqualTo(most == 2 ? List.of(stop) : next);
                    assertThat(after.failure()).isNull();
                }
            }
        }
    }

    @Test
    void theTextOfAStringMayEndWithATokenBehindThoseOfTheTokenizer() {
        Grammar grammar = COMPILER.jsonSchema("{\"type\": \"string\"}");
        ConstrainedText text = new ConstrainedText(grammar, new int[] {TOKENS}, MOST);
        for (char c : "\"ab\"".toCharArray()) {
            assertThat(allowed(text, TOKENS + 1)).contains(token(c)).doesNotContain(TOKENS);
            assertThat(text.accept(token(c))).isTrue();
        }
        assertThat(text.isOver()).isTrue();
        assertThat(text.isAtLimit()).isFalse();
        assertThat(allowed(text, TOKENS + 1)).containsExactly(TOKENS);
    }

    @Test
    void aModelMayHaveFewerTokensThanTheTokenizer() {
        Grammar grammar = COMPILER.regex("[b-y]+");
        ConstrainedText text = new ConstrainedText(grammar, new int[] {70}, MOST);
        int last = token('e');
        assertThat(allowed(text, last + 1))
                .isEqualTo(List.of(token('b'), token('c'), token('d'), last));
    }

    @Test
    void aTokenThatEndsIsNoneOfTheText() {
        int stop = token('x');
        Grammar grammar = COMPILER.regex("a(x*)");
        ConstrainedText text = new ConstrainedText(grammar, new int[] {stop}, 1);
        text.accept(token('a'));
        assertThat(text.isOver()).isTrue();
        assertThat(text.isAtLimit()).as("only the token that ends could come").isFalse();

        ConstrainedText other = new ConstrainedText(grammar, new int[] {token('y')}, 1);
        other.accept(token('a'));
        assertThat(other.isOver()).isTrue();
        assertThat(other.isAtLimit()).isTrue();
    }
}

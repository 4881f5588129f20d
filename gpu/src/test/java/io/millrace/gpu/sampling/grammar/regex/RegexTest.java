package io.millrace.gpu.sampling.grammar.regex;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.gpu.sampling.grammar.automaton.AutomatonTooLargeException;
import io.millrace.gpu.sampling.grammar.automaton.Budget;
import io.millrace.gpu.sampling.grammar.automaton.CharDfa;
import java.util.Random;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

class RegexTest {
    private static final int LIMIT = 5000;

    private static Budget budget() {
        return new Budget(LIMIT, 30_000_000);
    }

    private static boolean finds(String pattern, String text) {
        return Regex.search(pattern, budget()).accepts(text);
    }

    @Test
    void patternsMeanWhatEcma262Says() {
        assertThat(finds("^[[]$", "[")).isTrue();
        assertThat(finds("^[^]$", "\n")).isTrue();
        assertThat(finds("[]", "a")).isFalse();
        assertThat(finds("^\\u{61}$", "a")).isTrue();
        assertThat(finds("^\\ud83d\\ude00.$", "\ud83d\ude00x")).isTrue();
        assertThat(finds("^\\s$", "\u00a0")).isTrue();
        assertThat(finds("^\\S$", "\ufeff")).isFalse();
        assertThat(finds("^\\d$", "\u0661")).isFalse();
        assertThat(finds("^\\w$", "\u00e9")).isFalse();
        assertThat(finds("^.$", "\u2028")).isFalse();
        assertThat(finds("^.$", "\ud83d\ude00")).isTrue();
        assertThat(finds("^(?<a_b>x)$", "x")).isTrue();
        assertThat(finds("^a{2}$", "aa")).isTrue();
        assertThat(finds("^a{,2}$", "a{,2}")).isTrue();
        assertThat(finds("^\\cJ\\x41\\0$", "\nA\0")).isTrue();
        assertThat(finds("^[\\w-]+$", "a-b")).isTrue();
        assertThat(finds("^\\p{Lu}\\P{L}$", "\u00c91")).isTrue();
        assertThat(finds("$^", "")).isTrue();
        assertThat(finds("a$b", "ab")).isFalse();
        assertThat(finds("(^a|b$)", "xb")).isTrue();
        assertThat(finds("(^a|b$)", "xax")).isFalse();
    }

    @Test
    void aLookaheadIsAnIntersection() {
        assertThat(finds("^(?=.*[0-9])(?!.*x)[a-z0-9]{3,}$", "ab1")).isTrue();
        assertThat(finds("^(?=.*[0-9])(?!.*x)[a-z0-9]{3,}$", "abc")).isFalse();
        assertThat(finds("^(?=.*[0-9])(?!.*x)[a-z0-9]{3,}$", "ax1")).isFalse();
        assertThat(finds("a(?!b)", "ab")).isFalse();
        assertThat(finds("a(?!b)", "abac")).isTrue();
        assertThat(finds("^(?:(?!x)a|b)$", "a")).isTrue();
    }

    @Test
    void randomPatternsMatchAsThoseOfTheJdk() {
        Random random = new Random(7);
        for (int i = 0; i < 2000; i++) {
            String pattern = pattern(random, 3);
            CharDfa dfa = Regex.search(pattern, budget());
            Pattern oracle = Pattern.compile(pattern);
            for (int k = 0; k < 20; k++) {
                StringBuilder text = new StringBuilder();
                for (int n = random.nextInt(6); n > 0; n--) {
                    text.append("abc".charAt(random.nextInt(3)));
                }
                assertThat(dfa.accepts(text.toString()))
                        .as("%s in '%s'", pattern, text)
                        .isEqualTo(oracle.matcher(text).find());
            }
        }
    }

    private static String pattern(Random random, int depth) {
        if (depth == 0) {
            return new String[] {"a", "b", ".", "[ab]", "[^b]", "^", "$"}[random.nextInt(7)];
        }
        String one = pattern(random, depth - 1);
        String other = pattern(random, depth - 1);
        return switch (random.nextInt(6)) {
            case 0 -> "(?:" + one + ")*";
            case 1 -> "(" + one + "){1,2}";
            case 2 -> "(?:" + one + "|" + other + ")";
            case 3 -> "(?:" + one + ")?";
            default -> one + other;
        };
    }

    @Test
    void whatNoAutomatonHasIsRefused() {
        for (String pattern :
                new String[] {
                    "(a)\\1", "(?<=a)b", "\\bx", "a**", "(", ")", "[b-a]", "a{3,2}", "\\"
                }) {
            assertThatThrownBy(() -> Regex.search(pattern, budget()))
                    .as(pattern)
                    .isInstanceOf(RegexException.class);
        }
        assertThatThrownBy(() -> Regex.search("[ab]*a[ab]{20}$", budget()))
                .isInstanceOf(AutomatonTooLargeException.class);
        assertThatThrownBy(() -> Regex.search("(a{1000}){1000}", budget()))
                .isInstanceOf(AutomatonTooLargeException.class);
    }
}

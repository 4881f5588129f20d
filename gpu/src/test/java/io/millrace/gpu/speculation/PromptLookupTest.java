package io.millrace.gpu.speculation;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import org.junit.jupiter.api.Test;

class PromptLookupTest {
    @Test
    void theLongestMatchIsFoundAndOfEqualOnesTheLatest() {
        Random random = new Random(17);
        for (int longest : new int[] {1, 2, 3, 4, 9}) {
            for (int letters : new int[] {5, 17, 97}) {
                PromptLookup lookup = new PromptLookup(longest);
                int[] text = random.ints(1023, 0, letters).toArray();
                int found = 0;
                for (int end = 1; end <= text.length; end++) {
                    lookup.add(text[end - 1]);
                    int match = lookup.match();
                    int best = longest(text, end, longest);
                    // Places are compared up to a number, so a longer match may be missed.
                    assertThat(match).isLessThanOrEqualTo(best);
                    assertThat(match == 0).isEqualTo(best < Math.min(2, longest));
                    if (match > 0) {
                        found++;
                        assertThat(isGuess(text, end, match, lookup.guess(0))).isTrue();
                    }
                    if (letters == 97 && longest > 1) {
                        assertThat(match).isEqualTo(best < 2 ? 0 : best);
                    }
                }
                assertThat(found).isPositive();
            }
        }
    }

    /** Tokens of the longest earlier occurrence of the last ones. */
    private static int longest(int[] text, int end, int most) {
        int best = 0;
        for (int last = 0; last < end - 1; last++) {
            int same = 0;
            while (same < most && same <= last && text[last - same] == text[end - 1 - same]) {
                same++;
            }
            best = Math.max(best, same);
        }
        return best;
    }

    /** Whether the token follows some earlier occurrence of so many last tokens. */
    private static boolean isGuess(int[] text, int end, int match, int token) {
        for (int last = match - 1; last < end - 1; last++) {
            int same = 0;
            while (same < match && text[last - same] == text[end - 1 - same]) {
                same++;
            }
            if (same == match && text[last + 1] == token) {
                return true;
            }
        }
        return false;
    }

    @Test
    void aMatchThatReachesTheEndIsGuessedToRepeat() {
        PromptLookup lookup = new PromptLookup(4);
        for (int token : new int[] {1, 2, 3, 1, 2, 3, 1}) {
            lookup.add(token);
        }
        assertThat(lookup.match()).isEqualTo(4);
        for (int i = 0; i < 17; i++) {
            assertThat(lookup.guess(i)).isEqualTo(1 + (i + 1) % 3);
        }
    }
}

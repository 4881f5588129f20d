package io.millrace.gpu.speculation;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import org.junit.jupiter.api.Test;

class DrafterTest {
    private final int[] draft = new int[17];

    @Test
    void aTextThatCopiesItsPromptIsGuessedInLongDrafts() {
        Drafter drafter = new Drafter(4);
        int[] prompt = new Random(1).ints(97, 0, 1000).toArray();
        for (int token : prompt) {
            drafter.addPrompt(token);
        }
        int right = 0;
        for (int i = 0; i < prompt.length; ) {
            int count = Math.min(drafter.draft(draft, draft.length), prompt.length - i);
            for (int j = 0; j < count; j++) {
                assertThat(draft[j]).isEqualTo(prompt[i + j]);
            }
            right += count;
            for (int end = Math.min(prompt.length, i + count + 1); i < end; i++) {
                drafter.add(prompt[i]);
            }
        }
        assertThat(right).isGreaterThan(80);
        assertThat(drafter.size()).isEqualTo(2 * prompt.length);
    }

    @Test
    void aTextWithoutRepetitionIsNotGuessedUntilItRepeats() {
        Drafter drafter = new Drafter(4);
        for (int i = 0; i < 97; i++) {
            drafter.addPrompt(i);
        }
        for (int i = 0; i < 97; i++) {
            drafter.add(1000 + i);
            assertThat(drafter.draft(draft, draft.length)).isZero();
        }
        assertThat(drafter.isOn()).isFalse();
        // While it is off, guesses are measured and not verified.
        int back = 0;
        while (!drafter.isOn()) {
            assertThat(drafter.draft(draft, draft.length)).isZero();
            drafter.add(back++);
        }
        assertThat(back).isBetween(3, 17);
        assertThat(drafter.draft(draft, draft.length)).isPositive();
        assertThat(draft[0]).isEqualTo(back);
    }

    @Test
    void guessesThatAreMostlyWrongAreNotMade() {
        Drafter drafter = new Drafter(2);
        Random random = new Random(3);
        int guessed = 0;
        for (int i = 0; i < 1023; i++) {
            // Pairs recur all the time, and what follows them is noise.
            drafter.add(random.nextInt(3));
            guessed += i < 97 ? 0 : drafter.draft(draft, draft.length);
        }
        assertThat(guessed).isLessThan(1023 / 2);
    }
}

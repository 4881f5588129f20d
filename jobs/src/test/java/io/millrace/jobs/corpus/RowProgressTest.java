package io.millrace.jobs.corpus;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class RowProgressTest {
    private static final long SECOND = 1_000_000_000L;

    @Test
    void theTimeThatIsLeftIsThatOfTheRestAtTheRateSoFar() {
        RowProgress progress = new RowProgress(10_000_000, 17, 0);
        Counts begun = new Counts(1_000, 0, 0, 1_000_000, 1, 0, false);
        assertThat(progress.text(begun, SECOND))
                .isEqualTo("1,000 rows (0 failed), 1 of 17 files, 0 tokens, 0 tokens/s");
        Counts later = new Counts(3_000, 2, 54_000, 3_000_000, 5, 20_000, false);
        assertThat(progress.text(later, 11 * SECOND))
                .isEqualTo(
                        "3,000 rows (2 failed), 5 of 17 files, 54,000 tokens, 1,818 tokens/s, 0:00:38 left");
        assertThat(progress.percent(later)).isEqualTo(30);
    }

    @Test
    void moreThanWasGuessedIsNotMoreThanAll() {
        RowProgress progress = new RowProgress(100, 1, 0);
        Counts guessed = new Counts(5, 0, 0, 170, 0, 0, false);
        assertThat(progress.percent(guessed)).isEqualTo(100);
        assertThat(progress.text(guessed, SECOND)).doesNotContain("left");
        Counts none = new Counts(0, 0, 0, 0, 1, 0, true);
        assertThat(new RowProgress(0, 1, 0).percent(none)).isEqualTo(100);
    }
}

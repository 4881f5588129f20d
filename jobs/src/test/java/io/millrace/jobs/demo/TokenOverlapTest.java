package io.millrace.jobs.demo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

class TokenOverlapTest {
    @Test
    void equalBagsOfWordsAreOneWhateverTheirOrderAndCase() {
        assertThat(TokenOverlap.f1("Loans, CHEAP loans!", "cheap loans loans")).isEqualTo(1);
    }

    @Test
    void aWordCountsAsOftenAsBothHaveIt() {
        // Common: a, b. Guess has 3 words, truth 4.
        assertThat(TokenOverlap.f1("a a b", "a b c d")).isEqualTo(4.0 / 7, within(1e-12));
    }

    @Test
    void nothingInCommonIsZero() {
        assertThat(TokenOverlap.f1("", "a")).isZero();
        assertThat(TokenOverlap.f1("", "")).isZero();
        assertThat(TokenOverlap.f1("b", "a")).isZero();
    }
}

package io.millrace.operators.inference;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class WarmUpTest {

    @Test
    void itsRecordIsARequestAndItEndsWhereNothingGetsQuicker() {
        assertThatCode(() -> assertThat(WarmUp.run(0)).isEqualTo(WarmUp.MOST_ROUNDS))
                .doesNotThrowAnyException();
    }

    @Test
    void itIsOverAtOnceWhereAllIsCompiled() {
        assertThat(WarmUp.run(Long.MAX_VALUE)).isEqualTo(1);
    }
}

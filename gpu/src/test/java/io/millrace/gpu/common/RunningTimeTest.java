package io.millrace.gpu.common;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RunningTimeTest {
    private long now;

    /** System.nanoTime may be anything, and may pass zero. */
    @ParameterizedTest
    @ValueSource(longs = {0, 1, -3, 1_023, Long.MAX_VALUE - 5, Long.MIN_VALUE})
    void periodsAreAddedUpFromAnyTimeOn(long start) {
        now = start;
        RunningTime time = new RunningTime(() -> now);
        assertThat(time.nanos()).isZero();
        time.begin();
        assertThat(time.nanos()).isZero();
        now += 17;
        assertThat(time.nanos()).isEqualTo(17);
        time.end();
        assertThat(time.nanos()).isEqualTo(17);
        now += 54;
        assertThat(time.nanos()).isEqualTo(17);
        time.begin();
        now += 97;
        assertThat(time.nanos()).isEqualTo(114);
        time.end();
        time.begin();
        time.end();
        assertThat(time.nanos()).isEqualTo(114);
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aPeriodHasOneBeginningAndOneEnd(boolean ends) {
        RunningTime time = new RunningTime(() -> now);
        if (ends) {
            assertThatThrownBy(time::end).isInstanceOf(IllegalStateException.class);
        } else {
            time.begin();
            assertThatThrownBy(time::begin).isInstanceOf(IllegalStateException.class);
        }
    }
}

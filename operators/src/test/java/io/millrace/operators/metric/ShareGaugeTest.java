package io.millrace.operators.metric;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.millrace.gpu.common.RunningTime;
import org.junit.jupiter.api.Test;

class ShareGaugeTest {
    private static final long SECOND = 1_000_000_000L;

    private long now = -7;
    private final RunningTime time = new RunningTime(() -> now);
    private final ShareGauge gauge = new ShareGauge(time::nanos, () -> now);

    private void run(double seconds) {
        time.begin();
        now += Math.round(seconds * SECOND);
        time.end();
    }

    private void rest(double seconds) {
        now += Math.round(seconds * SECOND);
    }

    @Test
    void aShareOfEachIntervalIsThatOfTheWhole() {
        for (int i = 0; i < 17; i++) {
            for (int j = 0; j < 5; j++) {
                run(0.25);
                rest(0.75);
            }
            gauge.update();
            assertThat(gauge.getValue()).isEqualTo(0.25, within(1e-9));
        }
    }

    @Test
    void aPeriodThatGoesOnIsCountedToNow() {
        time.begin();
        for (int i = 0; i < 5; i++) {
            rest(5);
            gauge.update();
            assertThat(gauge.getValue()).isEqualTo(1);
        }
    }

    @Test
    void whatWasBeforeTheLastThreeIntervalsIsForgotten() {
        run(5);
        gauge.update();
        assertThat(gauge.getValue()).isEqualTo(1);
        rest(5);
        gauge.update();
        assertThat(gauge.getValue()).isEqualTo(0.5, within(1e-9));
        rest(5);
        gauge.update();
        assertThat(gauge.getValue()).isEqualTo(1.0 / 3, within(1e-9));
        rest(5);
        gauge.update();
        assertThat(gauge.getValue()).isZero();
    }

    @Test
    void twoUpdatesAtOneTimeChangeNothing() {
        run(5);
        gauge.update();
        gauge.update();
        gauge.update();
        gauge.update();
        assertThat(gauge.getValue()).isEqualTo(1);
    }
}

package io.millrace.jobs.chaos;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.jobs.chaos.check.History.Commit;
import java.util.List;
import org.junit.jupiter.api.Test;

class DowntimeTest {
    private static final List<Commit> COMMITS =
            List.of(
                    new Commit(1000, 17, 900),
                    new Commit(1500, 54, 1400),
                    new Commit(2100, 60, 1900),
                    new Commit(8400, 80, 8100),
                    new Commit(8900, 97, 8700));

    @Test
    void aCommitRightAfterTheFaultIsNotItsEnd() {
        // What was in the checkpoint before the kill comes at 2100, and then nothing for 6.3 s.
        assertThat(Downtime.ms(COMMITS, 2000, 9000, 97)).isEqualTo(6300);
    }

    @Test
    void theNextAnswerIsOneThatWasCompletedAfterTheFault() {
        assertThat(Downtime.toNextAnswerMs(COMMITS, 2000)).isEqualTo(6400);
        assertThat(Downtime.toNextAnswerMs(COMMITS, 1800)).isEqualTo(300);
        assertThat(Downtime.toNextAnswerMs(COMMITS, 8700)).isEqualTo(Downtime.NONE_WANTED);
    }

    @Test
    void itBeginsWithTheFault() {
        assertThat(Downtime.ms(COMMITS, 5000, 9000, 97)).isEqualTo(3400);
    }

    @Test
    void silenceIsNoDowntimeOnceAllAreAnswered() {
        assertThat(Downtime.ms(COMMITS, 1600, 9000, 60)).isEqualTo(500);
        assertThat(Downtime.ms(COMMITS, 2200, 9000, 60)).isEqualTo(Downtime.NONE_WANTED);
    }

    @Test
    void itLastsToTheEndWhereNothingComesAnyMore() {
        assertThat(Downtime.ms(COMMITS, 8500, 20_000, 100)).isEqualTo(11_100);
        assertThat(Downtime.ms(List.of(), 500, 1000, 1)).isEqualTo(500);
        assertThat(Downtime.ms(COMMITS, 2200, 4000, 97)).isEqualTo(1800);
    }

    @Test
    void ofAWholeRunItIsTheLongestTimeBetweenTwoCommits() {
        assertThat(Downtime.ms(COMMITS)).isEqualTo(6300);
        assertThat(Downtime.ms(List.of())).isEqualTo(Downtime.NONE_WANTED);
    }
}

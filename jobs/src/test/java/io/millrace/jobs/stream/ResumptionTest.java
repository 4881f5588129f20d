package io.millrace.jobs.stream;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.jobs.cli.Arguments;
import io.millrace.jobs.cli.CommandFailedException;
import io.millrace.jobs.cli.job.JobArguments;
import io.millrace.operators.kafka.source.StartingPoint;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.Test;

class ResumptionTest {
    private static final Map<TopicPartition, Long> COMMITTED =
            Map.of(new TopicPartition("prompts", 0), 17L);

    @Test
    void aNewApplicationBeginsWhereItWasAskedTo() {
        Resumption resumption =
                Resumption.decide(Optional.empty(), Map.of(), StartingPoint.LATEST, arguments());
        assertThat(resumption.state()).isEmpty();
        assertThat(resumption.start()).isEqualTo(StartingPoint.LATEST);
    }

    @Test
    void stateIsResumedWhateverOffsetsAreCommitted() {
        StateDirectory.State state =
                new StateDirectory.State("/x/chk-1", false, Instant.ofEpochSecond(1));
        assertThat(
                        Resumption.decide(
                                        Optional.of(state),
                                        COMMITTED,
                                        StartingPoint.EARLIEST,
                                        arguments())
                                .state())
                .contains(state);
    }

    @Test
    void offsetsWithoutStateAreRefusedWithTheRemedies() {
        assertThatThrownBy(
                        () ->
                                Resumption.decide(
                                        Optional.empty(),
                                        COMMITTED,
                                        StartingPoint.EARLIEST,
                                        arguments()))
                .isInstanceOf(CommandFailedException.class)
                .hasMessageContainingAll(
                        "Group mill ", "--checkpoint-dir", "--group-id", "--accept-loss");
    }

    @Test
    void acceptedLossBeginsAtTheOffsets() {
        assertThat(
                        Resumption.decide(
                                        Optional.empty(),
                                        COMMITTED,
                                        StartingPoint.EARLIEST,
                                        arguments("--accept-loss"))
                                .start())
                .isEqualTo(StartingPoint.COMMITTED);
    }

    private static JobArguments arguments(String... more) {
        String[] all = new String[more.length + 2];
        all[0] = "--model=m";
        all[1] = "--application-id=mill";
        System.arraycopy(more, 0, all, 2, more.length);
        return Arguments.parse(new JobArguments(), all);
    }
}

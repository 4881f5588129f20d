package io.millrace.jobs.chaos.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.jobs.chaos.ChaosSettings;
import io.millrace.jobs.chaos.ChaosSuite;
import io.millrace.jobs.chaos.RunReport;
import io.millrace.jobs.chaos.fault.FaultKind;
import io.millrace.jobs.chaos.fault.Faults;
import io.millrace.jobs.demo.HalfAnswers;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Short plans of what {@code ./millrace chaos} does at length: real processes are killed, and what
 * was committed is compared, byte by byte, with a run that nobody disturbed.
 */
@Timeout(900)
class ClusterChaosITCase {
    private static final int PROMPTS = 500;

    /** Not a temporary one: logs of a run that was wrong stay there. */
    private static Path folder;

    private static ChaosSuite suite;
    private static boolean allRight = true;

    @BeforeAll
    static void startCluster() throws Exception {
        folder = Files.createTempDirectory(Path.of("target"), "chaos-");
        ChaosSettings settings =
                new ChaosSettings(
                        Path.of(".."), folder, PROMPTS, 1, 5, 2, Duration.ofMillis(500), List.of());
        suite = new ChaosSuite(settings, HalfAnswers::tokensInNewest, System.out::println);
        suite.start();
    }

    @AfterAll
    static void stopCluster() throws Exception {
        suite.close();
        if (allRight) {
            assertThat(folder).doesNotExist();
        }
        assertThat(ProcessHandle.current().children().filter(ClusterChaosITCase::isFlink))
                .isEmpty();
    }

    private static boolean isFlink(ProcessHandle process) {
        return Stream.of(process.info().arguments().orElse(new String[0]))
                .anyMatch(argument -> argument.startsWith("org.apache.flink"));
    }

    @Test
    void killedTaskManagersAndJobManagersLoseNothing() throws Exception {
        assertRight(
                suite.run(Faults.of(3, FaultKind.TASKMANAGER_KILL, FaultKind.JOBMANAGER_KILL), 1));
    }

    @Test
    void aRescaleAKilledBrokerAndAFullDiskLoseNothing() throws Exception {
        RunReport run =
                suite.run(
                        Faults.of(
                                4,
                                FaultKind.RESCALE,
                                FaultKind.BROKER_KILL,
                                FaultKind.DISK_FULL,
                                FaultKind.TASKMANAGER_KILL),
                        2);
        assertRight(run);
        assertThat(run.faults()).anyMatch(fault -> fault.kind() == FaultKind.DISK_FULL);
        assertThat(run.failures())
                .as("why checkpoints failed")
                .isNotEmpty()
                .allSatisfy((reason, count) -> assertThat(count).as(reason).isPositive());
    }

    @Test
    void aLostTransactionIsToldAndAnsweredAgainFromTheCheckpointBefore() throws Exception {
        assertRight(suite.run(Faults.of(1, FaultKind.OUTAGE), 3));
    }

    /** What a run has to show; else its logs and data stay. */
    private static void assertRight(RunReport run) throws IOException {
        try {
            assertShown(run);
        } catch (AssertionError e) {
            allRight = false;
            suite.keepFolder();
            throw e;
        }
    }

    private static void assertShown(RunReport run) {
        assertThat(run.trouble()).isNull();
        assertThat(run.verdict().examples()).isEmpty();
        assertThat(run.isRight()).isTrue();
        assertThat(run.counts()).as("requests in flight and restored: %s", run.faults()).isTrue();
        assertThat(run.planted()).contains(" lost, ", " twice, one bit of ");
        assertThat(run.answersSha256()).isEqualTo(suite.undisturbed().answersSha256());
        assertThat(run.deadLetters()).isEqualTo(suite.undisturbed().deadLetters()).isNotEmpty();
        assertThat(run.faults())
                .as("time without answers, where something was killed")
                .filteredOn(fault -> fault.kind() == FaultKind.TASKMANAGER_KILL)
                .allMatch(fault -> !fault.counts() || fault.downtimeMs() > 500)
                .allMatch(fault -> !fault.counts() || fault.nextAnswerMs() > 500);
        assertThat(run.restoredTokens().kept()).isPositive();
        assertThat(run.restoredTokens().repeated()).isZero();
    }
}

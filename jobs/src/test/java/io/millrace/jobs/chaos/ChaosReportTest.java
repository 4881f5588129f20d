package io.millrace.jobs.chaos;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.jobs.chaos.check.Checker;
import io.millrace.jobs.chaos.cluster.RestoreLog;
import io.millrace.jobs.chaos.fault.FaultKind;
import io.millrace.jobs.chaos.fault.FaultReport;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ChaosReportTest {
    private static final FaultReport KILL =
            new FaultReport(
                    FaultKind.TASKMANAGER_KILL,
                    "taskmanager-kill 0",
                    4800,
                    1,
                    74,
                    74,
                    1,
                    2,
                    3,
                    6400,
                    6300);

    @TempDir Path folder;

    @Test
    void thePageTellsWhatAReaderHasToTrust() throws Exception {
        ChaosReport report =
                new ChaosReport(
                        "./millrace chaos",
                        "a machine",
                        "5f1d",
                        97,
                        1,
                        1,
                        500,
                        run(List.of(), null),
                        List.of(run(List.of(KILL), "request-17 lost")),
                        List.of("fault outage"));
        report.write(folder, "page");

        assertThat(report.isRight()).isTrue();
        assertThat(report.verdict()).isEqualTo("Nothing lost, nothing twice, nothing different.");
        assertThat(Files.readString(folder.resolve("page.md")))
                .contains("Undisturbed: 17.0 s, at most 0.7 s from one commit to the next.")
                .contains("| undisturbed |  | 1: 1 unreadable | `cafe` |")
                .contains("| 17 | request-17 lost | 1: 1 unreadable | `cafe` |")
                .contains("| 2 | The job has failed. |")
                .contains("## Not exercised\n\n- fault outage\n")
                .contains("| taskmanager-kill | 0 | 0 | 0 | 1 | 0 | 0 |")
                .contains("| 4.8 | taskmanager-kill 0 | 1 | 74 | 74 | 1 | 2 | 3 | 6.4 s | 6.3 s |");
        assertThat(folder.resolve("page.json")).content().contains("\"answersSha256\" : \"cafe\"");
    }

    @Test
    void aRunWhoseFaultsMetNothingShowsTooLittleAndIsNotCalledWrong() throws Exception {
        FaultReport idle =
                new FaultReport(
                        FaultKind.BROKER_KILL, "broker-kill", 4800, 1, 54, 0, 0, 2, 3, 6400, 6300);
        ChaosReport report =
                new ChaosReport(
                        "./millrace chaos",
                        "a machine",
                        "5f1d",
                        97,
                        1,
                        1,
                        500,
                        run(List.of(), null),
                        List.of(run(List.of(idle), "request-17 lost")),
                        List.of());
        report.write(folder, "page");
        assertThat(report.isRight()).isFalse();
        assertThat(Files.readString(folder.resolve("page.md")))
                .contains(
                        "**Nothing lost, nothing twice, nothing different; but it shows too little")
                .doesNotContain("WRONG");
    }

    private static RunReport run(List<FaultReport> faults, String planted) {
        return new RunReport(
                17,
                faults.size(),
                97,
                new Checker.Verdict(0, 0, 0, 0, List.of()),
                faults,
                5,
                3,
                faults.size(),
                Map.of(0L, 97),
                List.of(54L, 97L, 97L),
                List.of(),
                new RestoreLog.Tokens(17, 0),
                700,
                Map.of("The job has failed.", 2),
                "cafe",
                Map.of("unreadable", 1),
                17.0,
                planted,
                null);
    }
}

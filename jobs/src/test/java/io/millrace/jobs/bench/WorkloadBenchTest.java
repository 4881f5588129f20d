package io.millrace.jobs.bench;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.EngineOptions.Device;
import io.millrace.jobs.bench.result.BenchNumerics;
import io.millrace.jobs.bench.result.BenchOrigin;
import io.millrace.jobs.cli.Progress;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What is written of the workloads, on the CPU and a shape as small as can be. */
@Timeout(120)
class WorkloadBenchTest {
    private static final BenchShape TINY =
            new BenchShape("tiny", "qwen2", 1, 32, 2, 1, 16, 54, 97, true, 10_000);

    @TempDir Path folder;

    @Test
    void everyWorkloadHasItsFiguresAndNothingIsLeftOnDisk() throws Exception {
        Progress silent =
                new Progress(
                        new PrintStream(new ByteArrayOutputStream(), true, StandardCharsets.UTF_8));
        List<StandardWorkload> workloads =
                List.of(
                        StandardWorkload.named("W1"),
                        StandardWorkload.named("W6"),
                        StandardWorkload.named("B256"),
                        StandardWorkload.named("prompts"));
        WorkloadBench bench =
                new WorkloadBench(
                        false,
                        workloads,
                        path -> EngineOptions.of(path.toString()).withDevice(Device.CPU),
                        new BenchOrigin("a machine", null, "abc"),
                        BenchNumerics.contract,
                        true,
                        silent);
        bench.measure(TINY, folder);
        assertThat(bench.rows())
                .allSatisfy(row -> assertThat(row.value()).as(row.metric()).isPositive())
                .allSatisfy(row -> assertThat(row.model()).isEqualTo("tiny"))
                .allSatisfy(row -> assertThat(row.device()).isEqualTo("CPU, a machine"))
                .extracting(row -> row.workload() + ": " + row.metric())
                .doesNotHaveDuplicates()
                .contains(
                        "start: load, dummy weights",
                        "W1, 3 x 128 -> 128: output",
                        "W1, 3 x 128 -> 128: requests",
                        "W1, 3 x 128 -> 128: time to first token p99",
                        "W6, 3 x (1024 shared + 64) -> 128: time per output token mean",
                        "W6, 3 x (1024 shared + 64) -> 128: KV blocks in use, at most",
                        "B256, 3 x 128 -> 128, decode: output",
                        "prompts, 3 x 2048 -> 1: prompts",
                        "prompts, 3 x 2048 -> 1: time to first token p50")
                .doesNotContain("prompts, 3 x 2048 -> 1: output");
        try (Stream<Path> left = Files.list(folder)) {
            assertThat(left).isEmpty();
        }
    }
}

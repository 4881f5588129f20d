package io.millrace.jobs.bench;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.jobs.bench.result.BenchNumerics;
import io.millrace.jobs.bench.result.KernelFigure;
import io.millrace.jobs.bench.result.ResultRow;
import java.util.List;
import org.junit.jupiter.api.Test;

class BenchReproductionTest {
    private static ResultRow row(String workload, String model) {
        return new ResultRow(workload, model, "output", 1, "tok/s", null, "here", "580", "abc");
    }

    @Test
    void aWorkloadOfAShapeIsMeasuredAloneAgain() {
        BenchReproduction free =
                new BenchReproduction(true, "W1,W4", List.of("--device=cuda", "--numerics=free"));
        for (StandardWorkload each : StandardWorkload.all()) {
            String model = BenchNumerics.free.rowsOf("qwen2.5-0.5b");
            ResultRow row = row(each.first(3).title(), model);
            assertThat(free.of(row, BenchNumerics.free.modelOf(row)))
                    .isEqualTo(
                            "./millrace bench --device=cuda --numerics=free --shape=qwen2.5-0.5b"
                                    + " --workload="
                                    + each.id()
                                    + " --output=-");
        }
    }

    @Test
    void kernelsAndRowsOfNoWorkloadKeepWhatWasAskedFor() {
        List<String> common = List.of("--device=cuda");
        ResultRow kernel =
                new ResultRow(
                        ResultRow.KERNELS,
                        "qwen3-0.6b",
                        "norm, 1 token",
                        1,
                        "us",
                        null,
                        "here",
                        "580",
                        "abc",
                        new KernelFigure(KernelFigure.Kind.KERNEL, "norm", 1, 0));
        ResultRow start = row("start", "qwen3-0.6b");
        assertThat(new BenchReproduction(true, "W5", common).of(kernel, "qwen3-0.6b"))
                .isEqualTo(
                        "./millrace bench --device=cuda --shape=qwen3-0.6b --workload=kernels"
                                + " --output=-");
        assertThat(new BenchReproduction(true, "W5", common).of(start, "qwen3-0.6b"))
                .endsWith("--shape=qwen3-0.6b --workload=W5 --output=-");
        assertThat(new BenchReproduction(true, null, common).of(start, "qwen3-0.6b"))
                .endsWith("--shape=qwen3-0.6b --output=-");
    }

    @Test
    void aModelIsMeasuredWhole() {
        BenchReproduction model =
                new BenchReproduction(false, null, List.of("--model=m", "--batch=1,3"));
        assertThat(model.of(row("decode, batch 3", "m"), "m"))
                .isEqualTo("./millrace bench --model=m --batch=1,3 --output=-");
    }
}

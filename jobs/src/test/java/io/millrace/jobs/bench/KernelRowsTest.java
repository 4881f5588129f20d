package io.millrace.jobs.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.millrace.gpu.api.KernelTiming;
import io.millrace.gpu.api.KernelTiming.Op;
import io.millrace.gpu.bench.KernelTimings;
import io.millrace.jobs.bench.result.BenchOrigin;
import io.millrace.jobs.bench.result.KernelFigure;
import io.millrace.jobs.bench.result.ResultRow;
import io.millrace.jobs.bench.result.ResultTable;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Rows and tables of kernels' times that were made up. */
class KernelRowsTest {
    private static final BenchShape SHAPE = BenchShape.named("qwen2.5-0.5b");
    private static final String DEVICE = "GPU 0 (NVIDIA H100 80GB HBM3)";

    /** 3 MB in 2 us and 1 GFLOP in 5 us: half, and a quarter, of what an H100 allows. */
    private static final KernelTimings TIMINGS =
            new KernelTimings(
                    DEVICE,
                    List.of(
                            timing(Op.QKV, "1152 x 896", 64, 0, 24, 2, 3e6, 1),
                            timing(Op.DOWN, "896 x 4864", 64, 0, 24, 5, 1, 1e9),
                            timing(Op.NORM, "896 wide", 64, 0, 48, 1, 1, 1),
                            timing(Op.DECODE_ATTENTION, "14/2 heads", 64, 512, 24, 4, 6e6, 1),
                            timing(Op.HEAD, "151936 x 896", 64, 0, 1, 100, 3e8, 1),
                            timing(Op.SAMPLING, "151936 logits", 64, 0, 1, 20, 3e7, 1),
                            timing(Op.STEP, "24 layers", 64, 512, 1, 480, 1, 1),
                            timing(Op.DECODE_ATTENTION, "14/2 heads", 64, 1201, 24, 9, 6e6, 1),
                            timing(Op.PREFILL_ATTENTION, "14/2 heads", 2048, 1024, 24, 9, 1, 9e8)));

    private static KernelTiming timing(
            Op op,
            String shape,
            int tokens,
            int positions,
            int perStep,
            double micros,
            double bytes,
            double operations) {
        return new KernelTiming(op, shape, tokens, positions, perStep, micros, bytes, operations);
    }

    private static List<ResultRow> rows(Roofline roofline) {
        BenchOrigin origin = new BenchOrigin(DEVICE, "580.1", "abc");
        BenchRows to = new BenchRows(SHAPE.name(), origin);
        KernelRows.add(TIMINGS, SHAPE, roofline, to);
        return to.all();
    }

    private static ResultRow row(String metric) {
        return rows(Roofline.of(DEVICE)).stream()
                .filter(row -> row.metric().equals(metric))
                .findFirst()
                .orElseThrow();
    }

    @Test
    void everyKernelStandsBesideWhatBoundsIt() {
        assertThat(rows(Roofline.H100)).allMatch(ResultRow::ofKernels).hasSize(9 + 6);
        ResultRow qkv = row("qkv, 64 tokens, 1152 x 896");
        assertThat(qkv.value()).isEqualTo(2);
        assertThat(qkv.unit()).isEqualTo("us");
        assertThat(qkv.percentOfRoofline()).isEqualTo(50, within(0.1));
        assertThat(row("down, 64 tokens, 896 x 4864").percentOfRoofline())
                .isEqualTo(100 * 1e9 / 798e12 / 5e-6, within(0.1));
        // Attention over prompts has a ceiling of its own, lower for heads of 64.
        assertThat(
                        row("prefill attention, 2048 tokens, 1024 positions, 14/2 heads")
                                .percentOfRoofline())
                .isEqualTo(100 * 9e8 / 400e12 / 9e-6, within(0.1));
        assertThat(row("step, 64 tokens, 512 positions, 24 layers").percentOfRoofline())
                .isEqualTo(
                        100 * Roofline.H100.decodeStep(SHAPE, 64, 64 * 512, 0) / 480e-6,
                        within(0.1));
    }

    @Test
    void sharesAreOfTheStepThatHasThemAll() {
        assertThat(row("share of a step of 64 tokens, products").value()).isEqualTo(35);
        assertThat(row("share of a step of 64 tokens, norms").value()).isEqualTo(10);
        assertThat(row("share of a step of 64 tokens, attention").value()).isEqualTo(20);
        assertThat(row("share of a step of 64 tokens, head").value()).isEqualTo(20.83);
        assertThat(row("share of a step of 64 tokens, sampling").value()).isEqualTo(4.167);
        assertThat(row("share of a step of 64 tokens, rest").value()).isEqualTo(10);
        assertThat(row("share of a step of 64 tokens, rest").kernel())
                .isEqualTo(new KernelFigure(KernelFigure.Kind.SHARE, "rest", 64, 0));
    }

    @Test
    void aGpuWithoutKnownRooflineHasTimesAlone() {
        assertThat(Roofline.of("GPU 0 (another)")).isNull();
        assertThat(rows(null)).hasSize(15).allMatch(row -> row.percentOfRoofline() == null);
    }

    @Test
    void theTablesHaveALineForEachStepAndForEachModel() {
        String text =
                ResultTable.rewritten(
                        Path.of("page.md"),
                        "<!-- bench:begin -->\n<!-- bench:end -->",
                        rows(Roofline.H100));
        assertThat(text)
                .isEqualTo(
                        """
                        <!-- bench:begin -->
                        **Kernels on a GPU**

                        Where the time of a step that decodes goes (of the step, percent of its roofline):

                        | model | rows | step of rows with 512 positions | products | norms | attention | head | sampling | rest |
                        |---|---|---|---|---|---|---|---|---|
                        | qwen2.5-0.5b | 64 | 480 us (97 %) | 35 % | 10 % | 20 % | 20.8 % | 4.17 % | 10 % |

                        Each kernel in a step of 64 rows (percent of its own roofline):

                        | model | qkv | down | norm | decode attention, 512 positions | head | sampling | decode attention, 1201 positions |
                        |---|---|---|---|---|---|---|---|
                        | qwen2.5-0.5b | 2 us (50 %) | 5 us (25 %) | 1 us (0 %) | 4 us (50 %) | 100 us (100 %) | 20 us (50 %) | 9 us (22 %) |

                        Measured on GPU 0 (NVIDIA H100 80GB HBM3), driver 580.1, commit abc.
                        <!-- bench:end -->""");
    }
}

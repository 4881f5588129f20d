package io.millrace.gpu.device.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.gpu.api.SamplingParameters;
import io.millrace.gpu.device.cpu.CpuSampler;
import io.millrace.gpu.device.cuda.driver.CudaContext;
import io.millrace.gpu.device.cuda.driver.DeviceMemory;
import io.millrace.gpu.device.cuda.driver.KernelLaunch;
import io.millrace.gpu.device.cuda.driver.RequiresGpu;
import io.millrace.gpu.device.cuda.kernel.CudaMatrix;
import io.millrace.gpu.device.cuda.kernel.GemmTiles;
import io.millrace.gpu.device.cuda.kernel.KernelIndex;
import io.millrace.gpu.device.cuda.kernel.KernelModules;
import io.millrace.gpu.device.cuda.kernel.Launches;
import io.millrace.gpu.device.cuda.kernel.Numerics;
import io.millrace.gpu.device.cuda.step.StepTables;
import io.millrace.gpu.device.cuda.struct.ParamsHeader;
import io.millrace.gpu.device.cuda.struct.SampleParamsHeader.HeadParams;
import io.millrace.gpu.program.StepBatch;
import io.millrace.gpu.program.StepOutput;
import io.millrace.gpu.sampling.SamplingRow;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * A head that draws in its epilogue draws what the CPU draws from the logits, which it never
 * writes.
 */
@RequiresGpu
class CudaHeadTest {
    /** As wide as a tile: each of so many rows of x picks one column of the weight. */
    private static final int K = 64;

    private static final int POSITIONS = 8192;
    private static final double[] TEMPERATURES = {
        0, 1, 0.7, 1.3, 0.3, 0.05, 2.5, 100, 1e-42, 0x1p-10
    };

    /** By which x multiplies what the weight has: large ones leave many tokens within the slack. */
    private static final float[] SCALES = {1, 1, 0x1p-7f, 0x1p3f, 0x1p16f, 0x1p100f, 0x1p-120f};

    /** What the rows of x still have to be multiplied by, in turn. */
    private static final float[] INVERSES = {1, 0.37f, 7.1f, 1e-3f};

    @TempDir Path dir;

    @ParameterizedTest
    @CsvSource({
        "1, 17, 9",
        "17, 256, 9",
        "63, 97, 9",
        "64, 33, 9",
        "65, 129, 9",
        "97, 5, 9",
        "1023, 256, 9",
        "4097, 64, 9",
        "9001, 97, 5",
        "32000, 65, 5",
        "32000, 256, 3",
        "151936, 16, 3",
        "151936, 1, 5"
    })
    void drawsAreThoseOfTheCpu(int vocabulary, int rows, int steps) throws IOException {
        Random random = new Random(vocabulary + rows);
        float[][] weight = new float[vocabulary][K];
        for (int column = 0; column < K; column++) {
            fill(weight, column, random);
        }
        float[][] x = new float[rows][K];
        for (int row = 0; row < rows; row++) {
            x[row][row % K] = SCALES[random.nextInt(SCALES.length)];
        }
        float[] inverses = new float[rows];
        for (int row = 0; row < rows; row++) {
            inverses[row] = INVERSES[row % INVERSES.length];
        }
        try (Device device = new Device(dir, weight, x, inverses)) {
            for (int step = 0; step < steps; step++) {
                boolean scaled = step % 2 == 0;
                for (KernelLaunch head : device.heads()) {
                    for (int row = 0; row < rows; row++) {
                        device.batch.sample(row, 1, row(random));
                    }
                    device.draw(head, scaled);
                    int[] expected = new int[rows];
                    IntStream.range(0, rows)
                            .parallel()
                            .forEach(
                                    row -> {
                                        float scale = scaled ? inverses[row] : 1;
                                        float[] logits = logits(weight, x[row], row % K, scale);
                                        expected[row] =
                                                new CpuSampler(vocabulary)
                                                        .sample(
                                                                logits,
                                                                0,
                                                                device.batch.sampling[row]);
                                    });
                    assertThat(Arrays.copyOf(device.output.tokenIds, rows))
                            .as(head.kernel())
                            .isEqualTo(expected);
                }
            }
        }
    }

    /** A product of two BF16 numbers is exact, and nothing is added to it but zeros. */
    private static float[] logits(float[][] weight, float[] x, int column, float scale) {
        float[] logits = new float[weight.length];
        for (int i = 0; i < logits.length; i++) {
            logits[i] = (weight[i][column] * x[column]) * scale;
        }
        return logits;
    }

    private static void fill(float[][] weight, int column, Random random) {
        int kind = random.nextInt(12);
        for (int i = 0; i < weight.length; i++) {
            double value = random.nextGaussian();
            weight[i][column] =
                    bf16(
                            switch (kind) {
                                // Ties, equals, tokens that cannot be sampled, ones that are too
                                // large where x is.
                                case 0, 1 -> Math.round(value * 4) / 4.0;
                                case 2 -> 3;
                                case 3 -> random.nextInt(3) == 0 ? -0x1p127 : value;
                                case 4 -> random.nextInt(97) == 0 ? 0x1p127 : value;
                                case 5 -> value * 0x1p-60;
                                default -> value * 3;
                            });
        }
    }

    private static float bf16(double value) {
        return Float.intBitsToFloat(Float.floatToIntBits((float) value) & 0xffff0000);
    }

    private static SamplingRow row(Random random) {
        SamplingParameters p =
                SamplingParameters.builder()
                        .temperature(TEMPERATURES[random.nextInt(TEMPERATURES.length)])
                        .build();
        SamplingRow row = new SamplingRow(p, random.nextLong(), random.nextInt(4), new int[] {1});
        row.position = 1 + random.nextInt(5_000);
        return row;
    }

    /** A head alone, with its input; all that is not written is NaN. */
    private static final class Device implements AutoCloseable {
        final StepBatch batch;
        final StepOutput output;
        private final CudaContext context;
        private final KernelModules kernels;
        private final WeightUpload weights;
        private final CudaMatrix head;
        private final CudaMatrix input;
        private final DeviceMemory inverse;
        private final DeviceMemory logits;
        private final StepTables tables;
        private final CudaSampler sampler;

        Device(Path dir, float[][] weight, float[][] x, float[] inverses) throws IOException {
            int vocabulary = weight.length;
            int rows = x.length;
            batch = new StepBatch(rows, rows);
            batch.rows = rows;
            output = new StepOutput(rows);
            context = CudaContext.open(0);
            kernels = new KernelModules(context, KernelIndex.read());
            weights = new WeightUpload(context, kernels);
            head = weights.matrix(List.of(TestingWeights.matrix(dir, weight)));
            // The largest kernel reads whole tiles of 128.
            input = weights.matrix(List.of(TestingWeights.matrix(dir, padded(x))));
            inverse = weights.floats(inverses);
            weights.finish();
            logits = context.allocate("A test", 4L * rows * Numerics.pad(vocabulary), "no remedy");
            tables = new StepTables(context, rows, rows, 1, POSITIONS, 1);
            sampler =
                    new CudaSampler(
                            context,
                            kernels,
                            logits,
                            tables.sampleAddress(),
                            vocabulary,
                            rows,
                            POSITIONS,
                            0);
        }

        private static float[][] padded(float[][] x) {
            float[][] all = new float[(x.length + 127) / 128 * 128][K];
            System.arraycopy(x, 0, all, 0, x.length);
            return all;
        }

        /** The head of every GPU, and where this one has it, that of Hopper's tensor cores. */
        List<KernelLaunch> heads() {
            List<KernelLaunch> all = new ArrayList<>();
            all.add(Launches.head("bf16", batch.rows, head.rows()));
            GemmTiles.on(context.limits(), context.multiprocessors())
                    .head("bf16", batch.rows, head.rows())
                    .ifPresent(all::add);
            return all;
        }

        /** {@code scaled}: whether sums are multiplied by the inverses of their rows. */
        void draw(KernelLaunch launch, boolean scaled) {
            for (int i = 0; i < batch.rows; i++) {
                batch.rowStart[i + 1] = i + 1;
                batch.blockTables[i] = new int[] {1};
                batch.positions[i] = batch.sampling[i].position - 1;
            }
            batch.tokens = batch.rows;
            logits.fill(0xFF);
            TestingTables.bring(batch, tables, sampler, kernels, context);
            assertThat(sampler.takesFastPath()).isTrue();
            HeadParams params = sampler.head();
            params.matmul
                    .begin()
                    .weight(head.memory())
                    .x(input.memory())
                    .bias(null)
                    .inverse(scaled ? inverse : null)
                    .outRows(logits)
                    .outTiles(null)
                    .partials(null)
                    .arrivals(null)
                    .step(tables.addresses().header())
                    .rows(head.rows())
                    .k(K)
                    .columns(head.rows())
                    .segments(1)
                    .epilogue(ParamsHeader.EPILOGUE_STORE)
                    .sampledOnly(1);
            CudaSampler.launch(kernels, launch, params, context);
            sampler.sample(true);
            sampler.queued(output);
            sampler.complete();
        }

        @Override
        public void close() {
            sampler.close();
            tables.close();
            logits.close();
            weights.close();
            kernels.close();
            context.close();
        }
    }
}

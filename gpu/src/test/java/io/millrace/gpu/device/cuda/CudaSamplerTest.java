package io.millrace.gpu.device.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.gpu.api.GenerationResult.TokenLogprobs;
import io.millrace.gpu.api.SamplingParameters;
import io.millrace.gpu.api.constraint.Constraint;
import io.millrace.gpu.device.cpu.CpuSampler;
import io.millrace.gpu.device.cuda.driver.CudaContext;
import io.millrace.gpu.device.cuda.driver.DeviceMemory;
import io.millrace.gpu.device.cuda.driver.PinnedMemory;
import io.millrace.gpu.device.cuda.driver.RequiresGpu;
import io.millrace.gpu.device.cuda.kernel.KernelIndex;
import io.millrace.gpu.device.cuda.kernel.KernelModules;
import io.millrace.gpu.device.cuda.kernel.Numerics;
import io.millrace.gpu.device.cuda.step.StepTables;
import io.millrace.gpu.program.StepBatch;
import io.millrace.gpu.program.StepOutput;
import io.millrace.gpu.sampling.LogitEdits;
import io.millrace.gpu.sampling.SamplingRow;
import io.millrace.gpu.sampling.constraint.ConstrainedText;
import io.millrace.gpu.sampling.grammar.Grammar;
import io.millrace.gpu.sampling.grammar.GrammarCompiler;
import io.millrace.gpu.sampling.grammar.mask.Vocabulary;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The GPU draws what the CPU draws from the same logits. */
@RequiresGpu
class CudaSamplerTest {
    private static final int POSITIONS = 8192;

    /** Of sample_row.h. */
    private static final int DROPPED = -3;

    private static final float[] SPREADS = {1e-44f, 1e-12f, 0.02f, 1, 3, 3, 9, 1e33f};
    private static final double[] TEMPERATURES = {
        0, 1, 0.7, 1.3, 0.3, 0.05, 2.5, 100, 1e-30, 1e-4, 1e-42, 0x1p-10
    };

    @ParameterizedTest
    @CsvSource({
        "1, 17, 20",
        "17, 256, 150",
        "54, 256, 150",
        "97, 256, 150",
        "1023, 256, 100",
        "4097, 97, 20",
        "9001, 54, 20",
        "32000, 54, 10",
        "128256, 32, 5",
        "151936, 32, 5"
    })
    void drawsAndLogProbabilitiesHaveTheBitsOfTheCpu(int vocabulary, int rows, int steps)
            throws IOException {
        Random random = new Random(vocabulary);
        try (Device device = new Device(vocabulary, rows)) {
            SamplingRow[] all = new SamplingRow[rows + rows / 2];
            Arrays.setAll(all, i -> row(vocabulary, random));
            for (int step = 0; step < steps; step++) {
                // More rows than there are slots, in another order each time, some left out.
                shuffle(all, random);
                int now = step % 3 == 0 ? rows : 1 + random.nextInt(rows);
                for (int i = 0; i < now; i++) {
                    if (random.nextInt(5) == 0) {
                        all[i] = row(vocabulary, random);
                    }
                    device.batch.sample(i, i % 7 == 3 ? 0 : 1, i % 7 == 3 ? null : all[i]);
                }
                device.batch.rows = now;
                float[][] logits = new float[now][];
                long seed = random.nextLong();
                IntStream.range(0, now)
                        .parallel()
                        .forEach(i -> logits[i] = logits(vocabulary, new Random(seed + i)));
                device.draw(logits);
                int[] tokens = new int[now];
                TokenLogprobs[] logprobs = new TokenLogprobs[now];
                IntStream.range(0, now)
                        .parallel()
                        .forEach(
                                i ->
                                        drawOnCpu(
                                                device.batch.sampling[i],
                                                logits[i],
                                                device.batch.sampleStart[i],
                                                tokens,
                                                logprobs));
                int samples = device.batch.samples();
                assertThat(Arrays.copyOf(device.output.tokenIds, samples))
                        .isEqualTo(Arrays.copyOf(tokens, samples));
                for (int i = 0; i < now; i++) {
                    if (device.batch.samples(i) == 0) {
                        continue;
                    }
                    int sample = device.batch.sampleStart[i];
                    assertSame(device.output.logprobs[sample], logprobs[sample]);
                    grow(device.batch.sampling[i], tokens[sample]);
                    if (tokens[sample] == StepOutput.BAD_LOGITS) {
                        // That one has come to its end.
                        all[i] = row(vocabulary, random);
                    }
                }
            }
        }
    }

    @Test
    void aMillionDrawsFollowTheProbabilities() throws IOException {
        int vocabulary = 97;
        int rows = 256;
        int steps = 4_000;
        float temperature = 1.3f;
        SamplingParameters p = SamplingParameters.builder().temperature(temperature).build();
        float[] logits = new float[vocabulary];
        Random random = new Random(3);
        double[] share = new double[vocabulary];
        for (int i = 0; i < vocabulary; i++) {
            logits[i] = (float) random.nextGaussian() * 1.5f;
            share[i] = Math.exp(logits[i] / (double) temperature);
        }
        double sum = Arrays.stream(share).sum();
        float[][] equal = new float[rows][];
        Arrays.fill(equal, logits);
        long[] counts = new long[vocabulary];
        try (Device device = new Device(vocabulary, rows)) {
            device.batch.rows = rows;
            for (int i = 0; i < rows; i++) {
                device.batch.sample(i, 1, new SamplingRow(p, i * 7919L, i % 3, new int[] {1}));
                device.batch.sampling[i].position = 1;
            }
            device.upload(equal);
            for (int step = 0; step < steps; step++) {
                device.queue(device.output);
                device.sampler.complete();
                for (int i = 0; i < rows; i++) {
                    counts[device.output.tokenIds[i]]++;
                    device.batch.sampling[i].position++;
                }
            }
        }
        double chiSquare = 0;
        for (int i = 0; i < vocabulary; i++) {
            double expected = share[i] / sum * rows * steps;
            chiSquare += (counts[i] - expected) * (counts[i] - expected) / expected;
        }
        // 96 degrees of freedom: one honest sampler in ten million gets to 183.
        assertThat(chiSquare).isLessThan(183);
    }

    @Test
    void aRowThatHasEndedDrawsNoMoreUntilItsSlotIsAnothers() throws IOException {
        int vocabulary = 97;
        int rows = 3;
        float[] bad = new float[vocabulary];
        float[] likely = new float[vocabulary];
        likely[54] = 9;
        bad[17] = Float.NaN;
        SamplingParameters p =
                SamplingParameters.builder().temperature(0).frequencyPenalty(2).logprobs(1).build();
        int[] stopIds = {-1, 3, 54, 1000};
        try (Device device = new Device(vocabulary, rows)) {
            device.batch.rows = rows;
            device.batch.sample(0, 1, new SamplingRow(p, 1, 0, new int[] {1}, stopIds));
            device.batch.sample(1, 1, new SamplingRow(p, 1, 0, new int[] {1}));
            device.batch.sample(2, 1, new SamplingRow(p, 1, 0, new int[] {1}, stopIds));
            Arrays.stream(device.batch.sampling).forEach(row -> row.position = 1);
            device.draw(new float[][] {likely, likely, bad});
            assertThat(device.output.tokenIds).containsExactly(54, 54, StepOutput.BAD_LOGITS);
            for (int step = 0; step < 3; step++) {
                grow(device.batch.sampling[1], 54);
                // The others do not grow, as the host has not seen it yet.
                device.draw(new float[][] {likely, likely, likely});
                assertThat(device.output.tokenIds).containsExactly(DROPPED, 54, DROPPED);
                assertThat(device.output.logprobs[0]).isNull();
                assertThat(device.output.logprobs[1].tokenId()).isEqualTo(54);
            }
            for (int i = 0; i < 3; i += 2) {
                device.batch.sampling[i] = new SamplingRow(p, 1, 0, new int[] {1});
                device.batch.sampling[i].position = 1;
            }
            grow(device.batch.sampling[1], 54);
            device.draw(new float[][] {likely, likely, likely});
            assertThat(device.output.tokenIds[0]).isEqualTo(54);
            assertThat(device.output.tokenIds[2]).isEqualTo(54);
        }
    }

    @Test
    void aLogitOfNegativeInfinityStaysSoUnderPenalties() throws IOException {
        int vocabulary = 97;
        float[] logits = new float[vocabulary];
        Arrays.fill(logits, Float.NEGATIVE_INFINITY);
        logits[54] = 3;
        SamplingParameters greedy =
                SamplingParameters.builder()
                        .temperature(0)
                        .repetitionPenalty(2)
                        .presencePenalty(1)
                        .suppressTokens(List.of(54))
                        .build();
        SamplingParameters filtered = greedy.toBuilder().temperature(1).topP(0.9).build();
        try (Device device = new Device(vocabulary, 2)) {
            device.batch.rows = 2;
            device.batch.sample(0, 1, new SamplingRow(greedy, 1, 0, new int[] {17, 54}));
            device.batch.sample(1, 1, new SamplingRow(filtered, 1, 0, new int[] {17, 54}));
            Arrays.stream(device.batch.sampling).forEach(row -> row.position = 2);
            device.draw(new float[][] {logits, logits});
            assertThat(device.output.tokenIds)
                    .containsExactly(StepOutput.BAD_LOGITS, StepOutput.BAD_LOGITS);
        }
    }

    /** Texts of tokens of one to three letters, as many as there are places for. */
    private static Vocabulary letters(int vocabulary) {
        byte[][] tokens = new byte[vocabulary][];
        for (int token = 0; token < vocabulary; token++) {
            String text = Integer.toString(token % (26 * 26 * 26), 26);
            byte[] bytes = new byte[text.length()];
            for (int i = 0; i < bytes.length; i++) {
                bytes[i] = (byte) ('a' + Character.digit(text.charAt(i), 26));
            }
            tokens[token] = bytes;
        }
        return new Vocabulary(tokens);
    }

    @ParameterizedTest
    @CsvSource({"97, 17", "1023, 97", "4097, 65", "32000, 130", "151936, 32"})
    void masksLeaveOutTheSameTokensAsOnTheCpu(int vocabulary, int rows) throws IOException {
        Random random = new Random(vocabulary);
        GrammarCompiler compiler = new GrammarCompiler(letters(vocabulary), true, 16 << 20);
        List<Grammar> grammars =
                List.of(compiler.regex("([a-c]{1,3}x?)*[b-z]{4,}"), compiler.regex("[a-m]{0,54}"));
        try (Device device = new Device(vocabulary, rows)) {
            SamplingRow[] all = new SamplingRow[rows];
            Arrays.setAll(all, i -> masked(i, vocabulary, random, grammars));
            device.batch.rows = rows;
            for (int step = 0; step < 20; step++) {
                float[][] logits = new float[rows][];
                for (int i = 0; i < rows; i++) {
                    device.batch.sample(i, i % 7 == 3 ? 0 : 1, i % 7 == 3 ? null : all[i]);
                    logits[i] = logits(vocabulary, random);
                }
                device.draw(logits);
                for (int i = 0; i < rows; i++) {
                    if (i % 7 == 3) {
                        continue;
                    }
                    int token = new CpuSampler(vocabulary).sample(logits[i], 0, all[i]);
                    assertThat(device.output.tokenIds[device.batch.sampleStart[i]])
                            .as("row %d of step %d", i, step)
                            .isEqualTo(token);
                    grow(all[i], token);
                    if (all[i].constrained != null && token >= 0) {
                        all[i].constrained.accept(token);
                    }
                    if (token < 0 || all[i].constrained != null && all[i].constrained.isOver()) {
                        all[i] = masked(i, vocabulary, random, grammars);
                    }
                }
            }
        }
    }

    /** Two of three rows are constrained. */
    private static SamplingRow masked(
            int i, int vocabulary, Random random, List<Grammar> grammars) {
        SamplingRow plain = row(vocabulary, random);
        SamplingParameters p =
                plain.parameters.toBuilder()
                        .logprobs(SamplingParameters.NO_LOGPROBS)
                        .constraint(i % 3 == 0 ? null : new Constraint.Regex("of " + i % 2))
                        .build();
        SamplingRow row =
                new SamplingRow(
                        p, plain.seed, plain.completion, plain.prompt, new int[0], plain.edits);
        row.position = plain.position;
        if (i % 3 != 0) {
            row.constrained = new ConstrainedText(grammars.get(i % 2), new int[0], 54);
        }
        return row;
    }

    private static void drawOnCpu(
            SamplingRow row, float[] logits, int at, int[] tokens, TokenLogprobs[] logprobs) {
        if (row == null) {
            return;
        }
        CpuSampler sampler = new CpuSampler(logits.length);
        tokens[at] = sampler.sample(logits, 0, row);
        if (tokens[at] >= 0 && row.parameters.logprobs() >= 0) {
            logprobs[at] = sampler.logprobs(logits, 0, tokens[at], row.parameters.logprobs());
        }
    }

    private static void assertSame(TokenLogprobs actual, TokenLogprobs expected) {
        if (expected == null) {
            assertThat(actual).isNull();
            return;
        }
        assertThat(actual.tokenId()).isEqualTo(expected.tokenId());
        assertThat(actual.topIds()).isEqualTo(expected.topIds());
        assertThat(bits(actual.logprob())).isEqualTo(bits(expected.logprob()));
        assertThat(bits(actual.topLogprobs())).isEqualTo(bits(expected.topLogprobs()));
    }

    private static int[] bits(float... values) {
        return IntStream.range(0, values.length)
                .map(i -> Float.floatToRawIntBits(values[i]))
                .toArray();
    }

    private static void grow(SamplingRow row, int token) {
        if (token >= 0) {
            if (row.generatedCount == row.generated.length) {
                row.generated = Arrays.copyOf(row.generated, 2 * row.generatedCount);
            }
            row.generated[row.generatedCount++] = token;
            row.position++;
        }
    }

    private static void shuffle(SamplingRow[] rows, Random random) {
        for (int i = rows.length - 1; i > 0; i--) {
            int j = random.nextInt(i + 1);
            SamplingRow swap = rows[i];
            rows[i] = rows[j];
            rows[j] = swap;
        }
    }

    private static SamplingRow row(int vocabulary, Random random) {
        boolean penalized = random.nextInt(3) == 0;
        SamplingParameters p =
                SamplingParameters.builder()
                        .temperature(TEMPERATURES[random.nextInt(TEMPERATURES.length)])
                        .topK(random.nextBoolean() ? 0 : topK(vocabulary, random))
                        .topP(pick(random, 1, 1, 1, 0.9, 0.95, 0.5, 1e-300, 1 - 0x1p-53))
                        .minP(pick(random, 0, 0, 0, 0.05, 0.5, 1, 1e-9))
                        .repetitionPenalty(penalized ? pick(random, 1, 1.1, 0.7, 1e-300, 1e300) : 1)
                        .frequencyPenalty(penalized ? pick(random, 0, 0.5, -2, 2) : 0)
                        .presencePenalty(penalized ? pick(random, 0, 0.5, -2, 2) : 0)
                        .logprobs((int) pick(random, -1, -1, -1, 0, 1, 5, 20))
                        .build();
        long seed = random.nextLong();
        int completion = random.nextInt(4);
        int[] prompt = random.ints(1 + random.nextInt(30), 0, vocabulary).toArray();
        int position = 1 + random.nextInt(5_000);
        LogitEdits edits =
                random.nextInt(3) == 0 ? edits(vocabulary, position, random) : LogitEdits.NONE;
        SamplingRow row = new SamplingRow(p, seed, completion, prompt, new int[0], edits);
        row.position = position;
        return row;
    }

    /** Bias, tokens that are suppressed for ever or a few positions; a few or nearly all tokens. */
    private static LogitEdits edits(int vocabulary, int position, Random random) {
        int most = Math.min(vocabulary, (int) pick(random, 1, 3, 17, 54, LogitEdits.MOST));
        int[] tokens =
                random.ints(random.nextInt(most) + 1, 0, vocabulary).sorted().distinct().toArray();
        if (random.nextInt(5) == 0) {
            tokens = IntStream.range(0, most).toArray();
        }
        float[] biases = new float[tokens.length];
        int[] untils = new int[tokens.length];
        for (int i = 0; i < tokens.length; i++) {
            biases[i] = (float) pick(random, 0, 0, 0.5, -2, 100, -100, 3e38, -3e38);
            untils[i] = random.nextInt(3) == 0 ? Integer.MAX_VALUE : position + random.nextInt(4);
        }
        return new LogitEdits(tokens, biases, untils);
    }

    private static int topK(int vocabulary, Random random) {
        return random.nextBoolean()
                ? 1 + random.nextInt(vocabulary + 2)
                : (int) pick(random, 1, 2, 5, 40, 1000);
    }

    private static double pick(Random random, double... of) {
        return of[random.nextInt(of.length)];
    }

    private static float[] logits(int vocabulary, Random random) {
        float spread = SPREADS[random.nextInt(SPREADS.length)];
        int kind = random.nextInt(10);
        float[] logits = new float[vocabulary];
        for (int i = 0; i < vocabulary; i++) {
            double value = random.nextGaussian();
            // One kind has many ties, one has tokens that cannot be sampled, one has equals only.
            logits[i] =
                    switch (kind) {
                        case 0, 1 -> Math.round(value * 4) / 4f * spread;
                        case 2 -> random.nextInt(3) == 0 ? Float.NEGATIVE_INFINITY : (float) value;
                        case 3 -> spread;
                        default -> (float) value * spread;
                    };
        }
        if (random.nextInt(20) == 0) {
            float[] bad = {Float.NaN, Float.POSITIVE_INFINITY};
            logits[random.nextInt(vocabulary)] = bad[random.nextInt(2)];
        }
        return logits;
    }

    /** A sampler with logits of its own; all that is not written is NaN. */
    private static final class Device implements AutoCloseable {
        final StepBatch batch;
        final StepOutput output;
        final CudaSampler sampler;
        private final CudaContext context;
        private final KernelModules kernels;
        private final DeviceMemory logits;
        private final PinnedMemory pinned;
        private final StepTables tables;
        private final int width;

        Device(int vocabulary, int rows) throws IOException {
            width = Numerics.pad(vocabulary);
            batch = new StepBatch(rows, rows);
            output = new StepOutput(rows);
            context = CudaContext.open(0);
            kernels = new KernelModules(context, KernelIndex.read());
            logits = context.allocate("A test", 4L * rows * width, "no remedy");
            pinned = new PinnedMemory(context, 4 * rows * width);
            // One block holds all positions.
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

        /** One row of logits for each row of the batch; those that are not sampled are left out. */
        void upload(float[][] values) {
            int at = 0;
            logits.fill(0xFF);
            for (int i = 0; i < batch.rows; i++) {
                if (batch.sampling[i] != null) {
                    pinned.buffer()
                            .slice(4 * width * at, 4 * width)
                            .order(pinned.buffer().order())
                            .asFloatBuffer()
                            .put(values[i]);
                    logits.copyFrom(
                            pinned, 4L * width * at, 4L * width * at, 4L * values[i].length);
                    at++;
                }
            }
            context.synchronize("A test");
        }

        /** A token each, at the position before the one that is sampled for. */
        void queue(StepOutput to) {
            for (int i = 0; i < batch.rows; i++) {
                batch.rowStart[i + 1] = i + 1;
                batch.blockTables[i] = new int[] {1};
                batch.positions[i] = batch.sampling[i] == null ? 0 : batch.sampling[i].position - 1;
            }
            batch.tokens = batch.rows;
            TestingTables.bring(batch, tables, sampler, kernels, context);
            sampler.sample(false);
            sampler.queued(to);
        }

        void draw(float[][] values) {
            upload(values);
            queue(output);
            sampler.complete();
        }

        @Override
        public void close() {
            sampler.close();
            tables.close();
            pinned.close();
            logits.close();
            kernels.close();
            context.close();
        }
    }
}

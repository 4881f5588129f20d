package io.millrace.gpu.device.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.GenerationResult.TokenLogprobs;
import io.millrace.gpu.api.LoadProgress;
import io.millrace.gpu.api.SamplingParameters;
import io.millrace.gpu.model.ModelFolder;
import io.millrace.gpu.model.TinyModels;
import io.millrace.gpu.program.StepBatch;
import io.millrace.gpu.program.StepOutput;
import io.millrace.gpu.sampling.SamplingRow;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Rows of several samples. */
class CpuSampleCountTest {
    private static final int VOCABULARY = 320;
    private static final int PROMPT = 5;
    private static final int[] TOKENS =
            new Random(7).ints(PROMPT + 17, 0, VOCABULARY / 40).toArray();
    private static final SamplingParameters DRAWN =
            SamplingParameters.builder().temperature(1).seed(54L).build();

    @TempDir Path dir;

    /** What one sample brought. */
    private record Drawn(int token, TokenLogprobs logprobs) {}

    @Test
    void severalPositionsOfOneStepAreSampledAsOneAtATime() throws IOException {
        List<SamplingParameters> all =
                List.of(
                        SamplingParameters.greedy(1),
                        DRAWN,
                        DRAWN.toBuilder().topK(17).topP(0.9).minP(0.01).logprobs(3).build(),
                        DRAWN.toBuilder()
                                .repetitionPenalty(1.7)
                                .presencePenalty(0.5)
                                .frequencyPenalty(0.7)
                                .logprobs(0)
                                .build());
        for (SamplingParameters parameters : all) {
            List<Drawn> single = new ArrayList<>();
            try (CpuModelRunner runner = open()) {
                single.addAll(run(runner, parameters, 0, PROMPT, 1));
                for (int i = PROMPT; i < TOKENS.length; i++) {
                    single.addAll(run(runner, parameters, i, 1, 1));
                }
            }
            for (int chunk : new int[] {TOKENS.length - PROMPT + 1, 2, 3}) {
                List<Drawn> several = new ArrayList<>();
                try (CpuModelRunner runner = open()) {
                    several.addAll(run(runner, parameters, 0, PROMPT + chunk - 1, chunk));
                    for (int i = PROMPT + chunk - 1; i < TOKENS.length; i += chunk) {
                        int count = Math.min(chunk, TOKENS.length - i);
                        several.addAll(run(runner, parameters, i, count, count));
                    }
                }
                assertSame(several, single);
            }
        }
    }

    @Test
    void aRowOfMoreSamplesThanTokensIsRefused() throws IOException {
        try (CpuModelRunner runner = open()) {
            assertThatThrownBy(() -> run(runner, DRAWN, 0, 3, 4))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("4 samples but 3 tokens");
        }
        StepBatch batch = new StepBatch(3, 1);
        assertThatThrownBy(() -> batch.sample(0, 1, null))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> batch.sample(0, 0, new SamplingRow(DRAWN, 0, 0, new int[0])))
                .isInstanceOf(IllegalArgumentException.class);
    }

    private CpuModelRunner open() throws IOException {
        ModelFolder folder = ModelFolder.open(TinyModels.llama().write(dir));
        EngineOptions options =
                EngineOptions.of("tiny").withMaxBatchedTokens(54).withMaxSequences(2);
        return CpuModelRunner.open(folder, options, LoadProgress.NONE);
    }

    /** A row of the tokens from {@code from} on, beside one without samples and one with one. */
    private static List<Drawn> run(
            CpuModelRunner runner,
            SamplingParameters parameters,
            int from,
            int count,
            int samples) {
        StepBatch batch = new StepBatch(54, 2);
        add(batch, new int[] {3}, 0, 1);
        add(batch, TOKENS, from, count);
        int known = from + count - samples + 1;
        SamplingRow row = new SamplingRow(parameters, 54, 1, Arrays.copyOf(TOKENS, PROMPT));
        row.generated = Arrays.copyOfRange(TOKENS, PROMPT, Math.max(PROMPT, known));
        row.generatedCount = row.generated.length;
        row.position = known;
        batch.sample(0, from % 2, from % 2 == 0 ? null : new SamplingRow(DRAWN, 1, 0, TOKENS));
        batch.sample(1, samples, row);
        StepOutput output = new StepOutput(54);
        runner.run(batch, output);
        assertThat(batch.samples()).isEqualTo(samples + from % 2);
        List<Drawn> drawn = new ArrayList<>();
        for (int i = batch.sampleStart[1]; i < batch.sampleStart[2]; i++) {
            drawn.add(new Drawn(output.tokenIds[i], output.logprobs[i]));
        }
        return drawn;
    }

    private static void add(StepBatch batch, int[] tokens, int from, int count) {
        for (int i = from; i < from + count; i++) {
            batch.tokenIds[batch.tokens] = tokens[i];
            batch.positions[batch.tokens++] = i;
        }
        int blocks = 1 + batch.rows * 9;
        batch.blockTables[batch.rows] = new int[] {blocks, blocks + 1, blocks + 2};
        batch.rowStart[++batch.rows] = batch.tokens;
    }

    private static void assertSame(List<Drawn> actual, List<Drawn> expected) {
        assertThat(actual).hasSameSizeAs(expected);
        for (int i = 0; i < expected.size(); i++) {
            Drawn one = expected.get(i);
            assertThat(actual.get(i).token).as("sample %d", i).isEqualTo(one.token).isNotNegative();
            if (one.logprobs == null) {
                assertThat(actual.get(i).logprobs).isNull();
                continue;
            }
            assertThat(actual.get(i).logprobs.logprob()).isEqualTo(one.logprobs.logprob());
            assertThat(actual.get(i).logprobs.topIds()).isEqualTo(one.logprobs.topIds());
            assertThat(actual.get(i).logprobs.topLogprobs()).isEqualTo(one.logprobs.topLogprobs());
        }
    }
}

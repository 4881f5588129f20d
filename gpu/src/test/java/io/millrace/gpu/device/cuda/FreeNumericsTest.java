package io.millrace.gpu.device.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.LoadProgress;
import io.millrace.gpu.device.RecordingModelRunner;
import io.millrace.gpu.device.TestingSequences;
import io.millrace.gpu.device.cuda.driver.RequiresGpu;
import io.millrace.gpu.device.cuda.kernel.Segmentation;
import io.millrace.gpu.model.ModelFolder;
import io.millrace.gpu.model.TinyModels;
import io.millrace.gpu.tensor.DType;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Free numerics on a GPU: other bits, and the same model. */
@RequiresGpu
class FreeNumericsTest {
    private static final int[] TOKENS = {1, 7, 64, 300};
    private static final int MAX_TOKENS = 512;

    /** Of the largest logit: what 16 bits lose. */
    private static final double TOLERANCE = 0.02;

    @TempDir Path dir;

    @Test
    void logitsAreThoseOfTheContractButForRounding() throws IOException {
        // By the contract, the sums of its down projection are cut into 8.
        TinyModels model = TinyModels.qwen2().hidden(897).intermediate(3601).heads(7, 1, 64);
        ModelFolder folder = ModelFolder.open(model.context(400).dtype(DType.BF16).write(dir));
        List<float[]> contract = logits(folder, Segmentation.CONTRACT);
        List<float[]> free = logits(folder, Segmentation.FREE);
        for (int i = 0; i < TOKENS.length; i++) {
            float[] want = contract.get(i);
            float largest = 0;
            for (float logit : want) {
                largest = Math.max(largest, Math.abs(logit));
            }
            for (int id = 0; id < want.length; id++) {
                assertThat((double) free.get(i)[id])
                        .as("%d tokens, logit %d", TOKENS[i], id)
                        .isCloseTo(want[id], within(TOLERANCE * largest));
            }
        }
        assertThat(free.get(3)).as("300 tokens are cut otherwise").isNotEqualTo(contract.get(3));
    }

    /** After the last token of each sequence, each read in one step. */
    private static List<float[]> logits(ModelFolder folder, Segmentation segmentation)
            throws IOException {
        EngineOptions options =
                EngineOptions.of("tiny")
                        .withMaxBatchedTokens(MAX_TOKENS)
                        .withMaxSequences(3)
                        .withKvCacheBytes(64 << 20);
        try (CudaModelRunner runner =
                CudaModelRunner.open(folder, options, segmentation, 1, LoadProgress.NONE)) {
            runner.fillArena(0xff);
            runner.keepLogits(true);
            TestingSequences sequences =
                    new RecordingModelRunner(runner, runner::lastLogits).sequences(MAX_TOKENS, 3);
            List<float[]> logits = new ArrayList<>();
            for (int tokens : TOKENS) {
                int[] ids = TestingSequences.randomTokens(tokens, folder.vocabularySize(), tokens);
                int sequence = sequences.add(ids);
                sequences.feed(sequence, tokens);
                logits.add(sequences.byPosition.get(sequence).get(tokens - 1));
            }
            return logits;
        }
    }
}

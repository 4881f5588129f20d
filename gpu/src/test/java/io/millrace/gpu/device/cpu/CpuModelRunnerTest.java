package io.millrace.gpu.device.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.LoadProgress;
import io.millrace.gpu.api.SamplingParameters;
import io.millrace.gpu.model.ModelFolder;
import io.millrace.gpu.model.TinyModels;
import io.millrace.gpu.program.StepBatch;
import io.millrace.gpu.program.StepOutput;
import io.millrace.gpu.sampling.SamplingRow;
import io.millrace.gpu.tensor.InvalidModelException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CpuModelRunnerTest {
    private static final EngineOptions OPTIONS =
            EngineOptions.of("tiny").withMaxBatchedTokens(8).withMaxSequences(2);

    @TempDir Path dir;

    @Test
    void saysWhichOptionsToTurnWhenTheHeapIsTooSmallForTheCache() {
        EngineOptions huge =
                OPTIONS.withKvCacheBytes(1L << 40).withMaxSequences(40_000).withBlockSize(256);
        assertRefused(
                huge,
                "needs a heap of",
                "for the KV cache (--kv-cache-memory)",
                "MILLRACE_OPTS=-Xmx",
                "or give --kv-cache-memory at most");
    }

    @Test
    void refusesABlockThatNoArrayHolds() {
        assertRefused(OPTIONS.withBlockSize(1 << 30).withKvCacheBytes(1L << 50), "1073741824");
    }

    @Test
    void refusesAContextLongerThanTheModels() {
        assertRefused(OPTIONS.withMaxModelLen(257), "257", "256");
        assertRefused(OPTIONS.withBlockSize(0), "--block-size is 0");
    }

    @Test
    void refusesWeightsThatAreNotFiniteByName() throws IOException {
        Path folder = TinyModels.llama().write(dir);
        try (RandomAccessFile file =
                new RandomAccessFile(folder.resolve("model.safetensors").toFile(), "rw")) {
            // The last number of the last tensor becomes NaN.
            file.seek(file.length() - 4);
            file.writeInt(-1);
        }
        assertThatThrownBy(() -> open(folder, OPTIONS))
                .isInstanceOf(InvalidModelException.class)
                .hasMessageContaining("lm_head.weight")
                .hasMessageContaining("not finite");
    }

    @Test
    void refusesAMissingOrMisshapenTensorByName() {
        assertUnloadable(c -> c.put("num_hidden_layers", 3), "model.layers.2.input_layernorm");
        assertUnloadable(c -> c.put("intermediate_size", 49), "gate_proj", "[48, 32]");
    }

    @Test
    void refusesTensorsThatItWouldLeaveOut() {
        // A second layer, and Qwen's biases in what calls itself a Llama.
        assertUnloadable(c -> c.put("num_hidden_layers", 1), "model.layers.1.input_layernorm");
        TinyModels biased =
                TinyModels.qwen2().config(c -> c.putArray("architectures").add("LlamaForCausalLM"));
        assertUnloadable(biased, "model.layers.0.self_attn.k_proj.bias");
        assertUnloadable(TinyModels.llama().extra("score.weight"), "score.weight");
        assertUnloadable(TinyModels.gpt2().extra("transformer.h.0.attn.c_attn.lora_A"), "lora_A");
    }

    @Test
    void takesFilesWithTensorsThatFollowFromTheOthers() throws IOException {
        List<TinyModels> models =
                List.of(
                        TinyModels.llama().extra("model.layers.0.self_attn.rotary_emb.inv_freq"),
                        TinyModels.gpt2()
                                .extra("transformer.h.0.attn.bias")
                                .extra("transformer.h.1.attn.masked_bias"));
        for (int i = 0; i < models.size(); i++) {
            open(models.get(i).write(dir.resolve("m" + i)), OPTIONS).close();
        }
    }

    @Test
    void tellsTheProgressOfLoading() throws IOException {
        List<String> told = new ArrayList<>();
        ModelFolder folder = ModelFolder.open(TinyModels.llama().write(dir));
        LoadProgress progress =
                (phase, done, total) -> {
                    assertThat(done).isBetween(0L, total);
                    told.add(phase + (done == total ? " ends" : ""));
                };
        CpuModelRunner.open(folder, OPTIONS, progress).close();
        assertThat(told).startsWith("weights").endsWith("KV cache", "KV cache ends");
        assertThat(told).contains("weights ends");
    }

    @Test
    void samplesOnlyWhereAskedForWithLogprobsWhereAskedFor() throws IOException {
        try (CpuModelRunner runner = open(TinyModels.llama().write(dir), OPTIONS)) {
            StepBatch batch = batch();
            StepOutput output = new StepOutput(2);
            SamplingRow second = batch.sampling[1];
            batch.sample(0, 0, null);
            batch.sample(1, 1, second);
            output.tokenIds[1] = -77;
            runner.run(batch, output);
            assertThat(output.tokenIds[0]).isBetween(0, 319);
            assertThat(output.tokenIds[1]).as("there is one sample").isEqualTo(-77);
            assertThat(output.logprobs[0].topIds()).hasSize(3);
            assertThat(output.logprobs[0].tokenId()).isEqualTo(output.tokenIds[0]);
            assertThat(output.logprobs[1]).isNull();
        }
    }

    @Test
    void refusesStepsOutsideOfItsLimits() throws IOException {
        try (CpuModelRunner runner = open(TinyModels.llama().write(dir), OPTIONS)) {
            StepOutput output = new StepOutput(2);
            StepBatch badToken = batch();
            badToken.tokenIds[2] = 320;
            assertThatThrownBy(() -> runner.run(badToken, output))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("320");
            StepBatch badPosition = batch();
            badPosition.positions[0] = 256;
            assertThatThrownBy(() -> runner.run(badPosition, output))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("256");
            runner.run(batch(), output);
        }
    }

    @Test
    void aRowWithBadLogitsLeavesItsNeighbourAlone() throws IOException {
        try (CpuModelRunner runner = open(TinyModels.llama().write(dir), OPTIONS)) {
            StepOutput good = new StepOutput(2);
            runner.run(batch(), good);
            StepBatch second = batch();
            second.positions[0] = 2;
            second.positions[1] = 3;
            KvCache cache = runner.backend.cache;
            // Row 0 has block 1: its values become NaN, as an overflow would leave them.
            cache.array(1)[cache.valueOffset(0, 1, 0)] = Float.NaN;
            StepOutput output = new StepOutput(2);
            runner.run(second, output);
            assertThat(output.tokenIds[0]).isEqualTo(StepOutput.BAD_LOGITS);
            assertThat(output.tokenIds[1]).isEqualTo(good.tokenIds[1]);
        }
    }

    /** Two tokens of row 0 in block 1, two of row 1 in block 2, both sampled. */
    private static StepBatch batch() {
        StepBatch batch = new StepBatch(8, 2);
        batch.rows = 2;
        batch.tokens = 4;
        SamplingParameters greedy = SamplingParameters.greedy(1);
        for (int row = 0; row < 2; row++) {
            batch.rowStart[row] = 2 * row;
            batch.blockTables[row] = new int[] {row + 1};
            for (int i = 0; i < 2; i++) {
                batch.tokenIds[2 * row + i] = 7 * row + i;
                batch.positions[2 * row + i] = i;
            }
            SamplingParameters parameters = greedy.toBuilder().logprobs(3).build();
            batch.sample(
                    row, 1, new SamplingRow(parameters, 0, 0, new int[] {7 * row, 7 * row + 1}));
        }
        batch.rowStart[2] = 4;
        return batch;
    }

    private void assertRefused(EngineOptions options, String... parts) {
        assertThatThrownBy(() -> open(TinyModels.llama().write(dir), options))
                .isInstanceOf(InvalidModelException.class)
                .hasMessageContainingAll(parts);
    }

    private void assertUnloadable(Consumer<ObjectNode> change, String... parts) {
        assertUnloadable(TinyModels.llama().config(change), parts);
    }

    private void assertUnloadable(TinyModels model, String... parts) {
        assertThatThrownBy(() -> open(model.write(dir), OPTIONS))
                .isInstanceOf(InvalidModelException.class)
                .hasMessageContainingAll(parts);
    }

    private static CpuModelRunner open(Path folder, EngineOptions options) throws IOException {
        return CpuModelRunner.open(ModelFolder.open(folder), options, LoadProgress.NONE);
    }
}

package io.millrace.gpu.model.folder;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.gpu.model.ModelFolder;
import io.millrace.gpu.model.TinyModels;
import io.millrace.gpu.tensor.InvalidModelException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class WeightFilesTest {
    private static final String SINGLE = "model.safetensors";
    private static final String INDEX = "model.safetensors.index.json";
    private static final String SHARD = "model-00002-of-00002.safetensors";

    @TempDir Path dir;

    /** One set of weights in a single file, another in two shards with their index. */
    private Path both(long single, long sharded) {
        TinyModels.llama().seed(single).write(dir);
        return TinyModels.llama().seed(sharded).shards(2).write(dir);
    }

    @Test
    void aStaleIndexLosesToTheSingleFile() throws IOException {
        String alone = ModelFolder.open(TinyModels.llama().write(dir.resolve("1"))).fingerprint();
        Path folder = both(1, 2);
        Files.delete(folder.resolve(SHARD));
        assertSingle(folder, alone, SHARD);
        Files.writeString(
                folder.resolve(INDEX), "{\"weight_map\":{\"absent\":\"" + SINGLE + "\"}}");
        assertSingle(folder, alone, "absent");
        Files.writeString(folder.resolve(INDEX), "{}");
        assertSingle(folder, alone, "weight_map");
    }

    private static void assertSingle(Path folder, String fingerprint, String reason)
            throws IOException {
        ModelFolder opened = ModelFolder.open(folder);
        assertThat(opened.fingerprint()).isEqualTo(fingerprint);
        assertThat(opened.remarks()).singleElement().asString().contains(SINGLE, INDEX, reason);
    }

    @Test
    void twoSetsThatDifferAreRefused() {
        Path folder = both(1, 2);
        assertThatThrownBy(() -> ModelFolder.open(folder))
                .isInstanceOf(InvalidModelException.class)
                .hasMessageContainingAll(SINGLE, INDEX, "differ", "Delete");
    }

    @Test
    void twoSetsThatAreEqualAreOne() throws IOException {
        // The same seed, shard by shard, gives the same numbers.
        Path folder = both(1, 1);
        assertThat(ModelFolder.open(folder).remarks()).isEmpty();
        String both = ModelFolder.open(folder).fingerprint();
        Files.delete(folder.resolve(INDEX));
        assertThat(ModelFolder.open(folder).fingerprint()).isEqualTo(both);
    }

    @Test
    void twoSetsOfOtherNamesDiffer() {
        TinyModels.llama().extra("one.more").write(dir);
        Path folder = TinyModels.llama().shards(2).write(dir);
        assertThatThrownBy(() -> ModelFolder.open(folder))
                .isInstanceOf(InvalidModelException.class)
                .hasMessageContainingAll(SINGLE, INDEX, "differ");
    }

    /** Names that the tools themselves wrote. */
    @ParameterizedTest
    @CsvSource({
        "self_attn.q_proj.g_idx, GPTQ",
        "self_attn.q_proj.qweight, AWQ",
        "self_attn.q_proj.weight_packed, compressed-tensors",
        "self_attn.q_proj.weight_scale, compressed-tensors",
        "self_attn.q_proj.weight_global_scale, NVFP4",
        "self_attn.q_proj.weight_scale_inv, FP8",
        "self_attn.q_proj.SCB, bitsandbytes",
        "self_attn.q_proj.weight.quant_map, bitsandbytes",
        "self_attn.q_proj.W_q, HQQ",
        "mlp.experts.gate_up_proj_blocks, MXFP4"
    })
    void quantizedWeightsAreRecognizedByTheirNames(String name, String method) {
        Path folder = TinyModels.llama().extra("model.layers.0." + name).write(dir);
        assertThatThrownBy(() -> ModelFolder.open(folder))
                .isInstanceOf(InvalidModelException.class)
                .hasMessageContainingAll("quantized by ", method, name, "BF16");
    }

    @ParameterizedTest
    @ValueSource(strings = {SINGLE, SHARD, "tokenizer.json", "config.json"})
    void aGitLfsPointerHasARemedy(String file) throws IOException {
        Path folder = TinyModels.llama().shards(file.equals(SHARD) ? 2 : 1).write(dir);
        Files.writeString(
                folder.resolve(file),
                "version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize 2471645608\n"
                        .formatted("1754".repeat(16)));
        assertThatThrownBy(() -> ModelFolder.open(folder))
                .isInstanceOf(InvalidModelException.class)
                .hasMessageContainingAll(file, "git lfs pull", folder.toString());
    }
}

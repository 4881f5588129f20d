package io.millrace.gpu.device.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.gpu.api.EngineOptions.Weights;
import io.millrace.gpu.model.EditedWeights;
import io.millrace.gpu.model.ModelFolder;
import io.millrace.gpu.model.RetypedModel;
import io.millrace.gpu.model.TinyModels;
import io.millrace.gpu.tensor.DType;
import io.millrace.gpu.tensor.SafeTensors;
import io.millrace.gpu.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Which head computes logits where config.json ties it to the embedding. */
class TiedHeadTest {
    private static final String HEAD = "lm_head.weight";

    @TempDir Path dir;

    @ParameterizedTest
    @CsvSource({"llama", "qwen3", "gpt2"})
    void aHeadThatDiffersIsUsedAsItIs(String family) throws IOException {
        Path own = model(family).tied(false).write(dir.resolve("own"));
        Path tied =
                model(family)
                        .tied(false)
                        .config(c -> c.put("tie_word_embeddings", true))
                        .write(dir.resolve("tied"));
        assertThat(digest(tied)).isEqualTo(digest(own));
        ModelFolder folder = ModelFolder.open(tied);
        assertThat(folder.remarks()).singleElement().asString().contains(HEAD, "differs");
        assertThat(folder.stepBytes()).isEqualTo(ModelFolder.open(own).stepBytes());
        assertThat(folder.int8StepBytes()).isEqualTo(ModelFolder.open(own).int8StepBytes());
    }

    @ParameterizedTest
    @CsvSource({
        "llama, model.embed_tokens.weight",
        "qwen3, model.embed_tokens.weight",
        "gpt2, transformer.wte.weight"
    })
    void aHeadThatIsEqualIsTied(String family, String embedding) throws IOException {
        Path without = model(family).tied(true).write(dir.resolve("without"));
        Path with = model(family).tied(true).write(dir.resolve("with"));
        EditedWeights.copy(with, embedding, HEAD);
        assertThat(digest(with)).isEqualTo(digest(without));
        ModelFolder folder = ModelFolder.open(with);
        assertThat(folder.remarks()).isEmpty();
        assertThat(folder.stepBytes()).isEqualTo(ModelFolder.open(without).stepBytes());
    }

    @ParameterizedTest
    @CsvSource({
        "llama, model.embed_tokens.weight, lm_head.weight",
        "qwen3, model.embed_tokens.weight, lm_head.weight",
        "gpt2, transformer.wte.weight, lm_head.weight",
        "gpt2, transformer.wte.weight, wte.weight"
    })
    void oneTensorHasTwoNames(String family, String embedding, String alias) throws IOException {
        Path usual = model(family).tied(true).write(dir.resolve("usual"));
        Path renamed = model(family).tied(true).write(dir.resolve("renamed"));
        EditedWeights.rename(renamed, embedding, alias);
        assertThat(digest(renamed)).isEqualTo(digest(usual));
        ModelFolder folder = ModelFolder.open(renamed);
        assertThat(folder.stepBytes()).isEqualTo(ModelFolder.open(usual).stepBytes());
        assertThat(folder.weightBytes()).isEqualTo(ModelFolder.open(usual).weightBytes());
    }

    @Test
    void numbersAreEqualWhateverTheirTypes() throws IOException {
        Path halves = TinyModels.llama().dtype(DType.BF16).write(dir.resolve("halves"));
        Path floats = RetypedModel.write(halves, DType.F32, dir.resolve("floats"));
        Map<String, Tensor> a = SafeTensors.open(halves.resolve("model.safetensors"));
        Map<String, Tensor> b = SafeTensors.open(floats.resolve("model.safetensors"));
        for (String name : a.keySet()) {
            assertThat(a.get(name).equalNumbers(b.get(name))).as(name).isTrue();
            assertThat(b.get(name).equalNumbers(a.get(name))).as(name).isTrue();
        }
        String up = "model.layers.0.mlp.up_proj.weight";
        assertThat(a.get(up).equalNumbers(b.get("model.layers.1.mlp.up_proj.weight"))).isFalse();
        assertThat(a.get(up).equalNumbers(b.get("model.layers.0.mlp.down_proj.weight"))).isFalse();
    }

    private static TinyModels model(String family) {
        return switch (family) {
            case "qwen3" -> TinyModels.qwen3();
            case "gpt2" -> TinyModels.gpt2();
            default -> TinyModels.llama();
        };
    }

    private static String digest(Path folder) throws IOException {
        return LogitDigest.digest(new LogitDigest.Model(folder, Weights.MODEL), 1);
    }
}

package io.millrace.gpu.model;

import static org.assertj.core.api.Assertions.assertThat;

import io.millrace.gpu.api.LoadProgress;
import io.millrace.gpu.device.AttentionShape;
import io.millrace.gpu.device.ReferenceBackend;
import io.millrace.gpu.device.RotaryTable;
import io.millrace.gpu.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Each family loads as such what is added to the residual stream, and nothing else. */
class AddedWeightsTest {
    private static final int HIDDEN = 48;
    private static final int LAYERS = 3;
    private static final int INNER = 80;

    private static final Map<String, TinyModels> FAMILIES =
            Map.of(
                    "llama", TinyModels.llama(),
                    "qwen2", TinyModels.qwen2(),
                    "qwen3", TinyModels.qwen3(),
                    "mistral", TinyModels.mistral(null),
                    "phi3", TinyModels.phi3(17),
                    "starcoder2", TinyModels.starcoder2(17),
                    "gpt2", TinyModels.gpt2());

    @TempDir Path dir;

    @ParameterizedTest
    @ValueSource(strings = {"llama", "qwen2", "qwen3", "mistral", "phi3", "starcoder2", "gpt2"})
    void outputAndDownOfEachLayerAreAdded(String family) throws IOException {
        TinyModels model = FAMILIES.get(family).hidden(HIDDEN).heads(6, 6, 8);
        model.layers(LAYERS).intermediate(INNER);
        Added added = new Added();
        Decoder.load(ModelFolder.open(model.write(dir)), added, LoadProgress.NONE);
        assertThat(added.widths).containsExactly(HIDDEN, INNER, HIDDEN, INNER, HIDDEN, INNER);
        assertThat(added.rows).hasSize(2 * LAYERS).containsOnly(HIDDEN);
    }

    /** Notes the shapes of what it is to add. */
    private static final class Added extends ReferenceBackend {
        final List<Integer> rows = new ArrayList<>();
        final List<Integer> widths = new ArrayList<>();

        Added() {
            super(new AttentionShape(1, 1, 1, 8), new RotaryTable(new double[4], 1), 1, 1, false);
        }

        @Override
        public Matrix addedMatrix(List<Tensor> parts) throws IOException {
            assertThat(parts).hasSize(1);
            rows.add((int) parts.get(0).dim(0));
            widths.add((int) parts.get(0).dim(1));
            return super.addedMatrix(parts);
        }
    }
}

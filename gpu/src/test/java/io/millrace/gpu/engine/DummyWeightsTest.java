package io.millrace.gpu.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.EngineOptions.Device;
import io.millrace.gpu.api.EngineOptions.LoadFormat;
import io.millrace.gpu.api.EngineOptions.Weights;
import io.millrace.gpu.api.FingerprintParts;
import io.millrace.gpu.api.GenerationRequest;
import io.millrace.gpu.api.GenerationResult;
import io.millrace.gpu.api.GenerationResult.Completion;
import io.millrace.gpu.api.SamplingParameters;
import io.millrace.gpu.model.TinyModels;
import io.millrace.gpu.tensor.InvalidModelException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Engines whose weights are dummy, here on the CPU. Other devices extend it. */
class DummyWeightsTest {
    @TempDir Path folders;

    /** What is asked of options in common. */
    EngineOptions on(EngineOptions options) {
        return options.withDevice(Device.CPU);
    }

    static TinyModels model(String name) {
        return switch (name) {
            // Whole tiles of a GPU, but for the rows of embedding and head.
            case "llama" ->
                    TinyModels.llama()
                            .hidden(128)
                            .heads(4, 2, 64)
                            .intermediate(192)
                            .vocabulary(331);
            case "tied" ->
                    TinyModels.qwen2()
                            .hidden(64)
                            .heads(2, 1, 64)
                            .intermediate(320)
                            .vocabulary(320)
                            .tied(true);
            case "odd" -> TinyModels.qwen3().hidden(54).heads(3, 1, 24).intermediate(97);
            case "joined" -> TinyModels.phi3(17).hidden(64).heads(2, 1, 64).intermediate(192);
            case "gpt2" -> TinyModels.gpt2().hidden(64).heads(4, 4, 16).intermediate(192);
            default -> throw new AssertionError(name);
        };
    }

    /** A folder with config.json, tokenizer.json and generation_config.json alone. */
    private Path withoutWeights(TinyModels model, String name) throws IOException {
        Path folder =
                model.config(c -> c.put("torch_dtype", "bfloat16")).write(folders.resolve(name));
        Files.delete(folder.resolve("model.safetensors"));
        return folder;
    }

    private EngineOptions options(Path folder) {
        return on(EngineOptions.of(folder.toString()).withLoadFormat(LoadFormat.DUMMY));
    }

    private static List<GenerationRequest> requests() {
        List<GenerationRequest> requests = new ArrayList<>();
        int[] lengths = {1, 17, 54, 97};
        for (int i = 0; i < lengths.length; i++) {
            int[] prompt = new int[lengths[i]];
            for (int at = 0; at < prompt.length; at++) {
                prompt[at] = (at * 31 + i * 7) % 256;
            }
            SamplingParameters sampling =
                    SamplingParameters.builder()
                            .maxTokens(17)
                            .temperature(i % 2 * 0.7)
                            .ignoreEos(true)
                            .logprobs(1)
                            .build();
            requests.add(GenerationRequest.of("request " + i, prompt, sampling));
        }
        return requests;
    }

    private static List<String> answers(Engine engine, List<GenerationRequest> requests)
            throws Exception {
        List<String> answers = new ArrayList<>();
        for (GenerationResult result : engine.complete(requests)) {
            Completion completion = result.completions().get(0);
            assertThat(completion.tokenIds()).hasSize(17);
            answers.add(Answers.describe(result));
        }
        return answers;
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama", "tied", "odd", "joined", "gpt2"})
    void answersAreTheSameEachTimeAndAlone(String name) throws Exception {
        EngineOptions options = options(withoutWeights(model(name), name));
        List<GenerationRequest> requests = requests();
        List<String> first;
        String fingerprint;
        try (Engine engine = Engine.open(options)) {
            fingerprint = engine.model().fingerprint();
            first = answers(engine, requests);
            for (int i = 0; i < requests.size(); i++) {
                assertThat(answers(engine, List.of(requests.get(i)))).containsExactly(first.get(i));
            }
        }
        assertThat(first).doesNotHaveDuplicates();
        try (Engine again = Engine.open(options.withMaxBatchedTokens(97))) {
            assertThat(answers(again, requests)).isEqualTo(first);
            assertThat(again.model().fingerprint()).isEqualTo(fingerprint);
        }
    }

    @Test
    void theFingerprintSaysSoAndFollowsTheConfig() throws Exception {
        Path folder = withoutWeights(model("tied"), "m");
        String dummy = fingerprint(options(folder));
        assertThat(dummy).matches("dummy-[0-9a-f]{24}");
        Path copy = withoutWeights(model("tied"), "copy");
        assertThat(fingerprint(options(copy))).isEqualTo(dummy);
        Path other = withoutWeights(model("tied").config(c -> c.put("rope_theta", 97)), "other");
        assertThat(fingerprint(options(other))).isNotEqualTo(dummy);
        Path real =
                model("tied")
                        .config(c -> c.put("torch_dtype", "bfloat16"))
                        .write(folders.resolve("real"));
        EngineOptions options = on(EngineOptions.of(real.toString()));
        assertThat(fingerprint(options)).matches("[0-9a-f]{24}").isNotEqualTo(dummy);
        // Weights that lie there are not looked at.
        Files.write(real.resolve("model.safetensors"), new byte[17]);
        assertThat(fingerprint(options(real))).isEqualTo(dummy);
    }

    private static String fingerprint(EngineOptions options) throws IOException {
        try (Engine engine = Engine.open(options)) {
            FingerprintParts parts = engine.model().parts();
            assertThat(parts.model().startsWith("dummy-"))
                    .isEqualTo(options.loadFormat() == LoadFormat.DUMMY);
            return engine.model().fingerprint();
        }
    }

    @Test
    void theyAreRoundedToInt8AsOthersAre() throws Exception {
        EngineOptions options =
                options(withoutWeights(model("tied"), "m"))
                        .withDevice(Device.CPU)
                        .withWeights(Weights.INT8);
        List<GenerationRequest> requests = requests();
        List<String> first;
        try (Engine engine = Engine.open(options)) {
            first = answers(engine, requests);
        }
        try (Engine engine = Engine.open(options)) {
            assertThat(answers(engine, requests)).isEqualTo(first);
        }
        try (Engine engine = Engine.open(options.withWeights(Weights.MODEL))) {
            assertThat(answers(engine, requests)).isNotEqualTo(first);
        }
    }

    @Test
    void withoutWeightsAnEngineThatReadsThemIsRefused() throws IOException {
        Path folder = withoutWeights(model("tied"), "m");
        assertThatThrownBy(() -> Engine.open(options(folder).withLoadFormat(LoadFormat.AUTO)))
                .isInstanceOf(InvalidModelException.class)
                .hasMessage(
                        "The model folder %s has neither model.safetensors nor model.safetensors.index.json."
                                .formatted(folder));
    }
}

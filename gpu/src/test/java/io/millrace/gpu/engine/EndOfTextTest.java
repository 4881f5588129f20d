package io.millrace.gpu.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.EngineOptions.Device;
import io.millrace.gpu.api.FinishReason;
import io.millrace.gpu.api.GenerationRequest;
import io.millrace.gpu.api.GenerationResult.Completion;
import io.millrace.gpu.api.ModelInfo;
import io.millrace.gpu.api.SamplingParameters;
import io.millrace.gpu.model.TinyModels;
import io.millrace.gpu.tensor.InvalidModelException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Where the files of a model disagree about what ends a completion. */
class EndOfTextTest {
    @TempDir Path dir;
    private Path folder;
    private ModelInfo model;

    @BeforeEach
    void write() {
        folder = TinyModels.llama().write(dir);
    }

    private Completion complete(SamplingParameters sampling) throws Exception {
        EngineOptions options = EngineOptions.of(folder.toString()).withDevice(Device.CPU);
        try (Engine engine = Engine.open(options)) {
            model = engine.model();
            int[] prompt = engine.tokenizer().encode("once upon a time");
            GenerationRequest request = GenerationRequest.of("r", prompt, sampling);
            return engine.complete(List.of(request)).get(0).completions().get(0);
        }
    }

    private String token(int id) throws Exception {
        JsonNode json = new ObjectMapper().readTree(folder.resolve("tokenizer.json").toFile());
        return json.path("model").path("vocab").properties().stream()
                .filter(entry -> entry.getValue().asInt() == id)
                .map(Map.Entry::getKey)
                .findFirst()
                .orElseThrow();
    }

    private void tokenizerConfig(Object eos) throws Exception {
        Files.writeString(
                folder.resolve("tokenizer_config.json"),
                new ObjectMapper().writeValueAsString(Map.of("eos_token", eos)));
    }

    @Test
    void theTokenizersEndOfTextEndsACompletionThatGenerationConfigWouldGoOnWith() throws Exception {
        Completion whole = complete(SamplingParameters.greedy(20));
        String before = model.fingerprint();
        String tokens = model.parts().tokenizer();
        assertThat(whole.tokenIds()).hasSize(20);
        int end = whole.tokenIds()[7];
        int at = 0;
        while (whole.tokenIds()[at] != end) {
            at++;
        }

        tokenizerConfig(token(end));
        Completion ended = complete(SamplingParameters.greedy(20));

        assertThat(ended.tokenIds()).isEqualTo(Arrays.copyOf(whole.tokenIds(), at + 1));
        assertThat(ended.finishReason()).isEqualTo(FinishReason.STOP);
        assertThat(model.fingerprint()).isNotEqualTo(before);
        assertThat(model.parts().tokenizer()).isNotEqualTo(tokens);
        SamplingParameters on = SamplingParameters.builder().maxTokens(20).ignoreEos(true).build();
        assertThat(complete(on).tokenIds()).isEqualTo(whole.tokenIds());
    }

    @Test
    void stopStringsOfGenerationConfigEndACompletionBesidesTheRequestsOwn() throws Exception {
        Completion whole = complete(SamplingParameters.greedy(40));
        // Texts that come once, so that it is known which ends the answer.
        String early = whole.text().substring(8, 14);
        String late = whole.text().substring(24, 30);
        generation("[\"" + late + "\"]");
        assertThat(complete(SamplingParameters.greedy(40)).text())
                .isEqualTo(whole.text().substring(0, whole.text().indexOf(late)));
        SamplingParameters own =
                SamplingParameters.builder().maxTokens(40).stop(List.of(early)).build();
        assertThat(complete(own).text())
                .isEqualTo(whole.text().substring(0, whole.text().indexOf(early)));
        generation("\"" + early + "\"");
        SamplingParameters other =
                SamplingParameters.builder().maxTokens(40).stop(List.of(late)).build();
        Completion ended = complete(other);
        assertThat(ended.text()).isEqualTo(whole.text().substring(0, whole.text().indexOf(early)));
        assertThat(ended.finishReason()).isEqualTo(FinishReason.STOP);
        SamplingParameters on = SamplingParameters.builder().maxTokens(40).ignoreEos(true).build();
        assertThat(complete(on).text()).isEqualTo(whole.text());
    }

    @Test
    void aStopStringOfGenerationConfigIsNotShownAsItComes() throws Exception {
        Completion whole = complete(SamplingParameters.greedy(40));
        String stop = whole.text().substring(8, 20);
        generation("\"" + stop + "\"");
        SamplingParameters sampling = SamplingParameters.greedy(40);
        Completion ended = complete(sampling);
        StringBuilder shown = new StringBuilder();
        EngineOptions options = EngineOptions.of(folder.toString()).withDevice(Device.CPU);
        try (Engine engine = Engine.open(options)) {
            StreamedText text = engine.streamText(sampling, shown::append);
            for (int token : ended.tokenIds()) {
                text.add(token);
            }
            assertThat(ended.text()).startsWith(shown);
            text.finish(ended.text());
        }
        assertThat(shown).hasToString(ended.text());
    }

    @Test
    void stopStringsThatAreNoTextsAreRefused() {
        for (String wrong : new String[] {"17", "[\"\"]", "[[\"a\"]]"}) {
            assertThatThrownBy(
                            () -> {
                                generation(wrong);
                                complete(SamplingParameters.greedy(1));
                            })
                    .isInstanceOf(InvalidModelException.class)
                    .hasMessageContaining("generation_config.json has stop_strings = ");
        }
    }

    private void generation(String stopStrings) throws Exception {
        Files.writeString(
                folder.resolve("generation_config.json"),
                "{\"do_sample\": false, \"stop_strings\": %s}".formatted(stopStrings));
    }

    @Test
    void oneThatGenerationConfigHasAsWellChangesNothing() throws Exception {
        complete(SamplingParameters.greedy(1));
        String before = model.fingerprint();
        tokenizerConfig("<|end_of_text|>");
        complete(SamplingParameters.greedy(1));
        assertThat(model.fingerprint()).isEqualTo(before);
    }
}

package io.millrace.gpu.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.EngineOptions.LoadFormat;
import io.millrace.gpu.api.LoadProgress;
import io.millrace.gpu.api.SamplingParameters;
import io.millrace.gpu.device.Backend;
import io.millrace.gpu.device.ReferenceBackend;
import io.millrace.gpu.model.family.DecoderShape;
import io.millrace.gpu.model.family.LlamaFamily;
import io.millrace.gpu.model.family.Qwen2Family;
import io.millrace.gpu.model.family.RopeScaling;
import io.millrace.gpu.tensor.DType;
import io.millrace.gpu.tensor.InvalidModelException;
import io.millrace.gpu.tensor.SafeTensors;
import io.millrace.gpu.tensor.Tensor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class ModelFolderTest {
    @TempDir Path dir;

    @ParameterizedTest
    @EnumSource(value = DType.class, mode = EnumSource.Mode.EXCLUDE, names = "INT8")
    void opensALlamaFolder(DType dtype) throws IOException {
        ModelFolder folder = ModelFolder.open(TinyModels.llama().dtype(dtype).write(dir));
        assertThat(folder.vocabularySize()).isEqualTo(320);
        assertThat(folder.maxPositions()).isEqualTo(256);
        assertThat(folder.endOfTextIds()).containsExactly(TinyModels.END_OF_TEXT);
        assertThat(folder.family()).isInstanceOf(LlamaFamily.class);
        assertThat(folder.tensor("lm_head.weight", 320, 32).dtype()).isEqualTo(dtype);
    }

    @Test
    void opensAQwen2Folder() throws IOException {
        ModelFolder folder = ModelFolder.open(TinyModels.qwen2().tied(true).write(dir));
        assertThat(folder.family()).isInstanceOf(Qwen2Family.class);
        assertThat(folder.shape().tiedEmbedding()).isTrue();
        folder.tensor("model.layers.1.self_attn.k_proj.bias", 16);
    }

    @Test
    void aShardedModelIsTheSameModel() throws IOException {
        ModelFolder whole = ModelFolder.open(TinyModels.llama().write(dir.resolve("whole")));
        ModelFolder sharded =
                ModelFolder.open(TinyModels.llama().shards(3).write(dir.resolve("sharded")));
        assertThat(sharded.fingerprint()).isEqualTo(whole.fingerprint()).matches("[0-9a-f]{24}");
        assertThat(sharded.weightBytes()).isEqualTo(whole.weightBytes());
    }

    @Test
    void theFingerprintChangesWithWeightsAndConfig() throws IOException {
        String one = ModelFolder.open(TinyModels.llama().write(dir.resolve("1"))).fingerprint();
        assertThat(
                        ModelFolder.open(TinyModels.llama().seed(2).write(dir.resolve("2")))
                                .fingerprint())
                .isNotEqualTo(one);
        TinyModels other = TinyModels.llama().config(c -> c.put("rope_theta", 20000.0));
        assertThat(ModelFolder.open(other.write(dir.resolve("3"))).fingerprint()).isNotEqualTo(one);
    }

    @ParameterizedTest
    @ValueSource(strings = {"llama", "mistral", "phi3", "qwen2", "qwen3", "starcoder2", "gpt2"})
    void aDummyModelHasTheTensorsOfARealOne(String name) throws IOException {
        for (boolean tied : new boolean[] {true, false}) {
            TinyModels model =
                    switch (name) {
                        case "mistral" -> TinyModels.mistral(17);
                        case "phi3" -> TinyModels.phi3(17);
                        case "qwen2" -> TinyModels.qwen2();
                        case "qwen3" -> TinyModels.qwen3();
                        case "starcoder2" -> TinyModels.starcoder2(17);
                        case "gpt2" -> TinyModels.gpt2();
                        default -> TinyModels.llama();
                    };
            Path folder =
                    model.dtype(DType.F16)
                            .tied(tied)
                            .config(c -> c.put("torch_dtype", "float16"))
                            .write(dir.resolve(name + tied));
            ModelFolder real = ModelFolder.open(folder);
            ModelFolder dummy = dummy(folder);
            assertThat(dummy.isDummy()).isTrue();
            assertThat(dummy.weightBytes()).isEqualTo(real.weightBytes());
            assertThat(dummy.stepBytes()).isEqualTo(real.stepBytes());
            assertThat(dummy.int8WeightBytes()).isEqualTo(real.int8WeightBytes());
            for (String tensor : SafeTensors.open(folder.resolve("model.safetensors")).keySet()) {
                assertThat(dummy.hasTensor(tensor)).as(tensor).isTrue();
            }
            assertThat(dummy.fingerprint()).startsWith("dummy-").isNotEqualTo(real.fingerprint());
        }
    }

    @ParameterizedTest
    @CsvSource({
        "torch_dtype, float16, F16",
        "torch_dtype, float32, F32",
        "dtype, bfloat16, BF16",
        "other, float32, BF16"
    })
    void aDummyModelHasTheTypeThatItsConfigSays(String key, String value, DType type)
            throws IOException {
        Path folder = TinyModels.llama().config(c -> c.put(key, value)).write(dir);
        assertThat(dummy(folder).tensor("lm_head.weight", 320, 32).dtype()).isEqualTo(type);
    }

    @Test
    void aDummyModelOfAnotherTypeIsRefused() {
        Path folder = TinyModels.llama().config(c -> c.put("dtype", "float64")).write(dir);
        assertThatThrownBy(() -> dummy(folder))
                .isInstanceOf(InvalidModelException.class)
                .hasMessageContainingAll("dtype = float64", "bfloat16, float16, float32");
    }

    private static ModelFolder dummy(Path folder) throws IOException {
        return ModelFolder.open(
                EngineOptions.of(folder.toString()).withLoadFormat(LoadFormat.DUMMY));
    }

    @Test
    void theTokenizerLoadsAndMakesTheRoundTrip() throws IOException {
        Path tokenizer = ModelFolder.open(TinyModels.llama().write(dir)).tokenizerFile();
        try (HuggingFaceTokenizer loaded = HuggingFaceTokenizer.newInstance(tokenizer)) {
            String text = "the weather, été 1999 \uD83D\uDE00\n";
            long[] ids = loaded.encode(text, false, false).getIds();
            assertThat(loaded.decode(ids)).isEqualTo(text);
            assertThat(Arrays.stream(ids).max().orElseThrow()).isLessThan(320);
            assertThat(ids.length).isLessThan(text.getBytes(StandardCharsets.UTF_8).length);
            assertThat(loaded.encode("<|end_of_text|>", false, false).getIds())
                    .containsExactly(TinyModels.END_OF_TEXT);
        }
    }

    @Test
    void greedyUnlessGenerationConfigSamples() throws IOException {
        SamplingParameters greedy =
                ModelFolder.open(TinyModels.llama().write(dir.resolve("g"))).defaultSampling();
        assertThat(greedy.temperature()).isZero();
        assertThat(greedy.maxTokens()).isEqualTo(256);
        SamplingParameters sampled =
                open(TinyModels.llama()
                                .generation(
                                        g ->
                                                g.put("do_sample", true)
                                                        .put("temperature", 0.7)
                                                        .put("top_p", 0.8)
                                                        .put("top_k", 20)
                                                        .put("repetition_penalty", 1.05)
                                                        .put("max_new_tokens", 17)))
                        .defaultSampling();
        assertThat(sampled.temperature()).isEqualTo(0.7);
        assertThat(sampled.topP()).isEqualTo(0.8);
        assertThat(sampled.topK()).isEqualTo(20);
        assertThat(sampled.repetitionPenalty()).isEqualTo(1.05);
        assertThat(sampled.maxTokens()).isEqualTo(17);
    }

    @Test
    void tokensThatGenerationConfigHoldsBackAreDefaults() throws IOException {
        SamplingParameters p =
                open(TinyModels.llama()
                                .generation(
                                        g -> {
                                            g.putArray("eos_token_id").add(5).add(3);
                                            g.put("min_new_tokens", 17);
                                            g.putArray("suppress_tokens").add(54).add(97).add(54);
                                            ArrayNode words = g.putArray("bad_words_ids");
                                            words.addArray().add(1);
                                            // As in transformers: what ends a completion stays.
                                            words.addArray().add(5);
                                            ArrayNode bias = g.putArray("sequence_bias").addArray();
                                            bias.addArray().add(3);
                                            bias.add(-2.5);
                                        }))
                        .defaultSampling();
        assertThat(p.minTokens()).isEqualTo(17);
        assertThat(p.suppressTokens()).containsExactly(54, 97, 1);
        assertThat(p.logitBias()).isEqualTo(Map.of("3", -2.5));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "bad_words_ids; [[17],[17,54]]; entries of one token each",
                "bad_words_ids; [17]; entries of one token each",
                "bad_words_ids; [[]]; entries of one token each",
                "bad_words_ids; [[320]]; a token id below 320",
                "suppress_tokens; [-1]; a token id below 320",
                "suppress_tokens; [0.5]; a token id below 320",
                "suppress_tokens; 17; a list",
                "sequence_bias; [[[17,54],1]]; entries of one token each",
                "sequence_bias; [[[17],101]]; it must be from -100 to 100",
                "sequence_bias; [[[320],1]]; a token id below 320",
                "sequence_bias; [[[17]]]; a list of tokens and a number",
                "min_new_tokens; -1; must be at least 0",
                "min_new_tokens; 1.5; a whole number"
            })
    void refusesTokensThatItCannotHoldBack(String key, String value, String expected)
            throws IOException {
        JsonNode node = new ObjectMapper().readTree(value);
        assertRefused(TinyModels.llama().generation(g -> g.set(key, node)), key, expected);
    }

    @Test
    void samplesAtTemperatureOneWithoutGenerationConfig() throws IOException {
        Path folder = TinyModels.llama().write(dir);
        Files.delete(folder.resolve("generation_config.json"));
        ModelFolder opened = ModelFolder.open(folder);
        assertThat(opened.defaultSampling().temperature()).isEqualTo(1);
        assertThat(opened.endOfTextIds()).containsExactly(TinyModels.END_OF_TEXT);
    }

    @Test
    void endOfTextIdsMayBeAListAndPreferGenerationConfig() throws IOException {
        ModelFolder folder =
                open(TinyModels.llama().generation(g -> g.putArray("eos_token_id").add(5).add(3)));
        assertThat(folder.endOfTextIds()).containsExactly(5, 3);
    }

    @ParameterizedTest
    @CsvSource({
        "temperature, -1",
        "temperature, 101",
        "top_p, 1.5",
        "top_k, 1.5",
        "repetition_penalty, 0"
    })
    void refusesAbsurdGenerationDefaults(String key, double value) {
        assertRefused(
                TinyModels.llama().generation(g -> g.put("do_sample", true).put(key, value)),
                key,
                String.valueOf(value));
    }

    @ParameterizedTest
    @CsvSource({
        "hidden_act, gelu",
        "hidden_size, wide",
        "num_hidden_layers, 0",
        "attention_bias, maybe"
    })
    void refusesConfigValuesByName(String key, String value) {
        assertRefused(TinyModels.llama().config(c -> c.put(key, value)), key, value);
    }

    @Test
    void refusesWhatTheLlamaFamilyDoesNotCompute() {
        assertRefused(
                TinyModels.llama().config(c -> c.put("attention_bias", true)), "attention_bias");
        assertRefused(TinyModels.llama().config(c -> c.put("mlp_bias", true)), "mlp_bias");
        assertRefused(TinyModels.llama().config(c -> c.put("head_dim", 12)), "head_dim", "12");
        assertRefused(
                TinyModels.llama().config(c -> c.put("num_key_value_heads", 3)),
                "num_key_value_heads");
    }

    @Test
    void refusesAnUnknownArchitectureByName() {
        assertRefused(
                TinyModels.llama().config(c -> c.putArray("architectures").add("MambaForCausalLM")),
                "MambaForCausalLM",
                "LlamaForCausalLM",
                "Qwen2ForCausalLM");
        for (String gemma :
                new String[] {
                    "GemmaForCausalLM", "Gemma2ForCausalLM", "Gemma3ForConditionalGeneration"
                }) {
            assertRefused(
                    TinyModels.llama().config(c -> c.putArray("architectures").add(gemma)),
                    gemma,
                    "LlamaForCausalLM");
        }
        assertRefused(TinyModels.llama().config(c -> c.remove("architectures")), "architectures");
    }

    @Test
    void whatIsToBeToldOnceComesWithTheFolder() throws IOException {
        TinyModels model = TinyModels.llama().config(c -> c.put("unsloth_version", "2026.11"));
        assertThat(open(model).remarks()).singleElement().asString().contains("unsloth_version");
        assertThat(open(TinyModels.llama()).remarks()).isEmpty();
        assertRefused(TinyModels.llama().config(c -> c.put("is_causal", false)), "is_causal");
    }

    @Test
    void refusesQuantizedWeightsByName() {
        assertRefused(
                TinyModels.llama()
                        .config(
                                c ->
                                        c.putObject("quantization_config")
                                                .put("quant_method", "bitsandbytes")),
                "quantization_config",
                "bitsandbytes");
        assertRefused(
                TinyModels.gpt2()
                        .config(
                                c ->
                                        c.putObject("quantization_config")
                                                .put("quant_method", "gptq")),
                "quantization_config",
                "gptq");
    }

    @ParameterizedTest
    @ValueSource(strings = {"yarn", "dynamic", "longrope"})
    void refusesUnknownRopeScalingByName(String type) {
        assertRefused(
                TinyModels.llama()
                        .config(
                                c ->
                                        c.putObject("rope_scaling")
                                                .put("type", type)
                                                .put("factor", 2)),
                "rope_scaling",
                type);
    }

    @Test
    void refusesARopeOfItsOwnForAKindOfLayer() {
        assertRefused(
                TinyModels.qwen3()
                        .config(
                                c ->
                                        c.putObject("rope_parameters")
                                                .putObject("sliding_attention")
                                                .put("rope_theta", 20000.0)),
                "rope_parameters",
                "sliding_attention");
    }

    @Test
    void readsRopeInItsOlderAndNewerForms() throws IOException {
        TinyModels older =
                TinyModels.llama()
                        .config(
                                c ->
                                        c.putObject("rope_scaling")
                                                .put("type", "linear")
                                                .put("factor", 4.0));
        assertThat(ModelFolder.open(older.write(dir.resolve("o"))).shape().rope().frequency(0, 8))
                .isEqualTo(0.25);
        TinyModels newer =
                TinyModels.llama()
                        .config(
                                c -> {
                                    c.remove("rope_theta");
                                    c.putObject("rope_parameters")
                                            .put("rope_type", "llama3")
                                            .put("rope_theta", 500000.0)
                                            .put("factor", 8.0)
                                            .put("low_freq_factor", 1.0)
                                            .put("high_freq_factor", 4.0)
                                            .put("original_max_position_embeddings", 8192);
                                });
        RopeScaling rope = ModelFolder.open(newer.write(dir.resolve("n"))).shape().rope();
        // Llama 3.1: the first pairs are left alone, the last are 8 times slower, some lie between.
        assertThat(rope.frequency(0, 128)).isEqualTo(1);
        assertThat(rope.frequency(63, 128))
                .isCloseTo(StrictMath.pow(500000, -126.0 / 128) / 8, within(1e-15));
        double plain = StrictMath.pow(500000, -62.0 / 128);
        assertThat(rope.frequency(31, 128)).isLessThan(plain).isGreaterThan(plain / 8);
    }

    @Test
    void ropeScalingWinsOverRopeParameters() throws IOException {
        ModelFolder folder =
                open(
                        rope("{'rope_type':'linear','factor':4.0}")
                                .config(
                                        c -> {
                                            c.remove("rope_theta");
                                            c.putObject("rope_parameters")
                                                    .put("rope_type", "default")
                                                    .put("rope_theta", 1000000.0);
                                        }));
        RopeScaling rope = folder.shape().rope();
        assertThat(rope.type()).isEqualTo("linear");
        assertThat(rope.factor()).isEqualTo(4);
        assertThat(rope.theta()).isEqualTo(1000000);
        assertThat(folder.remarks()).singleElement().asString().contains("rope_scaling wins");
        assertRefused(
                rope("{'rope_type':'yarn','factor':4.0}")
                        .config(c -> c.putObject("rope_parameters").put("rope_type", "default")),
                "rope_scaling",
                "yarn");
        ModelFolder empty =
                open(
                        rope("{}")
                                .config(
                                        c ->
                                                c.putObject("rope_parameters")
                                                        .put("rope_type", "linear")
                                                        .put("factor", 2.0)));
        assertThat(empty.shape().rope().factor()).isEqualTo(2);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "{'factor':4.0}; factor = 4.0",
                "{'rope_type':'default','factor':4.0}; factor = 4.0",
                "{'rope_type':'linear','factor':4.0,'low_freq_factor':2}; low_freq_factor = 2",
                "{'type':'linear','rope_type':'default','factor':4.0}; type = linear",
                "{'type':'default','rope_type':'linear','factor':4.0}; rope_type",
                "{'rope_type':'linear','factor':4.0,'attention_factor':0.5}; attention_factor = 0.5",
                "{'rope_type':'linear','factor':4.0,'partial_rotary_factor':0.5}; partial_rotary",
                "{'rope_type':'linear'}; no factor",
                "4; an object"
            })
    void refusesAScalingThatItWouldIgnore(String scaling, String message) {
        assertRefused(rope(scaling), "rope_scaling", message);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "64; {'type':'linear','factor':4.0}; 256",
                "64; {'type':'linear','factor':2.5}; 160",
                "64; {'type':'linear','factor':4.0,'original_max_position_embeddings':32}; 128",
                "64; {'type':'linear','factor':4.0,'original_max_position_embeddings':8}; 64",
                "64; {'rope_type':'default'}; 64",
                "256; {'rope_type':'llama3','factor':8.0,'low_freq_factor':1,'high_freq_factor':4,'original_max_position_embeddings':64}; 256"
            })
    void linearStretchingMakesTheContextLonger(int positions, String scaling, int context)
            throws IOException {
        assertThat(open(rope(scaling).context(positions)).maxPositions()).isEqualTo(context);
    }

    @Test
    void llama3StretchesFromTheContextBefore() throws IOException {
        String llama3 = "{'rope_type':'llama3','factor':8,'low_freq_factor':1,'high_freq_factor':4";
        assertThat(open(rope(llama3 + "}")).shape().rope().originalPositions()).isEqualTo(256);
        TinyModels inside = rope(llama3 + ",'original_max_position_embeddings':64}");
        assertThat(open(inside).shape().rope().originalPositions()).isEqualTo(64);
        inside.config(c -> c.put("original_max_position_embeddings", 128));
        assertThat(open(inside).shape().rope().originalPositions()).isEqualTo(128);
    }

    /** A Llama with a rope_scaling, written with single quotes. */
    private static TinyModels rope(String scaling) {
        return TinyModels.llama()
                .config(
                        c -> {
                            try {
                                String json = scaling.replace('\'', '"');
                                c.set("rope_scaling", new ObjectMapper().readTree(json));
                            } catch (IOException e) {
                                throw new UncheckedIOException(e);
                            }
                        });
    }

    @Test
    void qwenHasAWindowOnlyWhereItIsSwitchedOn() throws IOException {
        assertThat(windows(TinyModels.qwen2(), false, null)).containsOnly(Backend.NO_WINDOW);
        assertThat(windows(TinyModels.qwen2(), true, null)).containsExactly(Backend.NO_WINDOW, 64);
        assertThat(windows(TinyModels.qwen3(), true, "full_attention"))
                .containsOnly(Backend.NO_WINDOW);
        assertThat(windows(TinyModels.qwen3(), true, "sliding_attention")).containsExactly(64, 64);
    }

    private List<Integer> windows(TinyModels model, boolean used, String type) throws IOException {
        return open(withWindow(model, used, type)).shape().windows();
    }

    private static TinyModels withWindow(TinyModels model, boolean used, String type) {
        return model.config(
                c -> {
                    c.put("use_sliding_window", used).put("sliding_window", 64);
                    c.put("max_window_layers", 1);
                    if (type != null) {
                        c.putArray("layer_types").add(type).add(type);
                    }
                });
    }

    @Test
    void refusesLayerTypesThatItDoesNotCompute() {
        assertRefused(
                withWindow(TinyModels.qwen3(), true, "linear_attention"),
                "layer_types",
                "linear_attention");
        assertRefused(
                withWindow(TinyModels.qwen3(), false, "sliding_attention"),
                "layer_types",
                "use_sliding_window");
        assertRefused(
                TinyModels.qwen2().config(c -> c.putArray("layer_types").add("full_attention")),
                "layer_types",
                "2 types");
    }

    @Test
    void mistralHasAWindowUnlessItIsNull() throws IOException {
        assertThat(open(TinyModels.mistral(17)).shape().windows()).containsExactly(17, 17);
        assertThat(open(TinyModels.mistral(null)).shape().windows())
                .containsOnly(Backend.NO_WINDOW);
        TinyModels unsaid = TinyModels.mistral(null).config(c -> c.remove("sliding_window"));
        assertThat(open(unsaid).shape().windows()).containsOnly(4096);
        assertRefused(TinyModels.mistral(0), "sliding_window", "0");
    }

    @Test
    void starcoder2HasAWindowOnlyWhereItIsNamed() throws IOException {
        assertThat(open(TinyModels.starcoder2(17)).shape().windows()).containsExactly(17, 17);
        TinyModels unsaid =
                TinyModels.starcoder2(null)
                        .config(
                                c -> {
                                    c.remove("sliding_window");
                                    c.remove("num_key_value_heads");
                                    c.remove("tie_word_embeddings");
                                });
        assertThat(open(unsaid).shape().windows()).containsOnly(Backend.NO_WINDOW);
        assertThat(open(unsaid).shape().kvHeads()).isEqualTo(2);
        assertThat(open(unsaid).shape().tiedEmbedding()).isTrue();
        // As in the files on the Hub.
        assertThat(
                        open(TinyModels.starcoder2(17)
                                        .config(
                                                c -> {
                                                    c.put("norm_type", "layer_norm");
                                                    c.put("mlp_type", "default");
                                                }))
                                .shape()
                                .windows())
                .containsExactly(17, 17);
        assertRefused(
                TinyModels.starcoder2(null).config(c -> c.put("norm_type", "rms_norm")),
                "norm_type",
                "rms_norm");
        assertRefused(
                TinyModels.starcoder2(null).config(c -> c.put("use_bias", false)),
                "use_bias",
                "false");
        assertRefused(
                TinyModels.starcoder2(null).config(c -> c.put("hidden_act", "gelu")),
                "hidden_act",
                "gelu");
    }

    @Test
    void phi3HasTheDefaultsOfTransformersAndAWindowOnlyWhereItIsNamed() throws IOException {
        assertThat(open(TinyModels.phi3(17)).shape().windows()).containsExactly(17, 17);
        TinyModels unsaid =
                TinyModels.phi3(null)
                        .config(
                                c -> {
                                    c.remove("sliding_window");
                                    c.remove("num_key_value_heads");
                                    c.remove("tie_word_embeddings");
                                    c.remove("rms_norm_eps");
                                    c.remove("rope_theta");
                                    c.remove("head_dim");
                                });
        DecoderShape shape = open(unsaid).shape();
        assertThat(shape.windows()).containsOnly(Backend.NO_WINDOW);
        assertThat(shape.kvHeads()).isEqualTo(4);
        assertThat(shape.headSize()).isEqualTo(8);
        assertThat(shape.normEpsilon()).isEqualTo(1e-5f);
        assertThat(shape.rope().theta()).isEqualTo(10000);
        assertThat(shape.tiedEmbedding()).isFalse();
        // As in the files on the Hub.
        TinyModels published =
                TinyModels.phi3(17)
                        .config(
                                c ->
                                        c.put("attention_bias", false)
                                                .put("embd_pdrop", 0.0)
                                                .put("resid_pdrop", 0.0)
                                                .put("original_max_position_embeddings", 128)
                                                .putNull("rope_scaling"));
        assertThat(open(published).maxPositions()).isEqualTo(256);
    }

    @Test
    void refusesAPhi3ThatIsStretchedOrRotatedInPart() {
        assertRefused(
                TinyModels.phi3(null)
                        .config(
                                c ->
                                        c.putObject("rope_scaling")
                                                .put("type", "longrope")
                                                .putArray("long_factor")
                                                .add(1.5)),
                "rope_scaling",
                "long");
        assertRefused(
                TinyModels.phi3(null).config(c -> c.put("partial_rotary_factor", 0.75)),
                "partial_rotary_factor",
                "0.75");
        assertRefused(
                TinyModels.phi3(null)
                        .config(
                                c ->
                                        c.putObject("rope_parameters")
                                                .put("rope_type", "linear")
                                                .put("factor", 2.0)),
                "rope_type = linear",
                "supported: default");
    }

    @Test
    void aModelWithJoinedWeightsIsHashedByThePassThatLoadsIt() throws IOException {
        // Rows of 128 bytes: a piece has 2048.
        Path folder = TinyModels.phi3(null).intermediate(2048).write(dir);
        String fingerprint = ModelFolder.open(folder).fingerprint();
        ModelFolder loaded = ModelFolder.open(folder);
        var backend =
                new ReferenceBackend(loaded.attentionShape(), loaded.rotary(256), 1, 1, false);
        Decoder.load(loaded, backend, LoadProgress.NONE);
        Files.delete(folder.resolve("model.safetensors"));
        assertThat(loaded.fingerprint()).isEqualTo(fingerprint);
    }

    @Test
    void aMistralWithLayerTypesHasTheWindowInTurn() throws IOException {
        for (String name : new String[] {"MistralForCausalLM", "MinistralForCausalLM"}) {
            assertThat(open(inTurn(name, 17)).shape().windows())
                    .containsExactly(17, Backend.NO_WINDOW);
        }
        assertRefused(inTurn("MistralForCausalLM", null), "layer_types", "sliding_window is null");
    }

    private static TinyModels inTurn(String architecture, Integer window) {
        return TinyModels.mistral(window)
                .config(
                        c -> {
                            c.putArray("architectures").add(architecture);
                            c.putArray("layer_types")
                                    .add("sliding_attention")
                                    .add("full_attention");
                        });
    }

    @Test
    void qwenHasNoWindowWhereItIsNull() throws IOException {
        for (TinyModels model : List.of(TinyModels.qwen2(), TinyModels.qwen3())) {
            TinyModels withNull = withWindow(model, true, null);
            assertThat(open(withNull.config(c -> c.putNull("sliding_window"))).shape().windows())
                    .containsOnly(Backend.NO_WINDOW);
        }
        assertRefused(
                withWindow(TinyModels.qwen3(), true, "sliding_attention")
                        .config(c -> c.putNull("sliding_window")),
                "layer_types",
                "sliding_window is null");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "attn_logit_softcapping",
                "final_logit_softcapping",
                "num_local_experts",
                "query_pre_attn_scalar",
                "logits_scaling"
            })
    void refusesEntriesOfRelatedModelsThatChangeTheAnswer(String key) {
        assertRefused(TinyModels.llama().config(c -> c.put(key, 8)), key, "8");
    }

    @Test
    void refusesWhatTheOtherFamiliesDoNotCompute() {
        assertRefused(
                TinyModels.qwen3().config(c -> c.put("attention_bias", true)), "attention_bias");
        assertRefused(
                TinyModels.gpt2().config(c -> c.put("activation_function", "gelu")),
                "activation_function",
                "gelu_new");
        assertRefused(
                TinyModels.gpt2().config(c -> c.put("scale_attn_weights", false)),
                "scale_attn_weights");
        assertRefused(
                TinyModels.gpt2().config(c -> c.put("scale_attn_by_inverse_layer_idx", true)),
                "scale_attn_by_inverse_layer_idx");
        assertRefused(TinyModels.gpt2().config(c -> c.put("n_head", 5)), "n_head", "5");
        assertRefused(TinyModels.gpt2().config(c -> c.put("n_head", 8)), "n_embd / n_head", "4");
    }

    @Test
    void gpt2WeightsAreTransposedAndItsHeadIsTied() throws IOException {
        ModelFolder folder = open(TinyModels.gpt2().config(c -> c.remove("tie_word_embeddings")));
        assertThat(folder.shape().tiedEmbedding()).isTrue();
        Tensor stored = folder.tensor("transformer.h.1.attn.c_attn.weight", 32, 96);
        float[] values = stored.readFloats();
        float[] exchanged = stored.transposed().expect(96, 32).readFloats();
        for (int in = 0; in < 32; in++) {
            for (int out = 0; out < 96; out++) {
                assertThat(exchanged[out * 32 + in]).isEqualTo(values[in * 96 + out]);
            }
        }
        assertThat(stored.transposed().digest()).isEqualTo(stored.digest());
    }

    @Test
    void namesMissingFilesAndFolders() throws IOException {
        assertThatThrownBy(() -> ModelFolder.open(dir.resolve("nowhere")))
                .isInstanceOf(InvalidModelException.class)
                .hasMessageContaining("nowhere");
        for (String file : new String[] {"config.json", "tokenizer.json", "model.safetensors"}) {
            Path folder = TinyModels.llama().write(dir.resolve("without-" + file));
            Files.delete(folder.resolve(file));
            assertThatThrownBy(() -> ModelFolder.open(folder))
                    .isInstanceOf(InvalidModelException.class)
                    .hasMessageContaining(file);
        }
    }

    @Test
    void namesAMissingShardAndAnIndexThatIsWrong() throws IOException {
        Path folder = TinyModels.llama().shards(2).write(dir.resolve("shards"));
        Files.delete(folder.resolve("model-00002-of-00002.safetensors"));
        assertThatThrownBy(() -> ModelFolder.open(folder))
                .isInstanceOf(InvalidModelException.class)
                .hasMessageContaining("model-00002-of-00002.safetensors");
        for (String wrong : new String[] {"../x.safetensors", "model-00001-of-00002.safetensors"}) {
            Path other = TinyModels.llama().shards(2).write(Files.createTempDirectory(dir, "m"));
            Files.writeString(
                    other.resolve("model.safetensors.index.json"),
                    "{\"weight_map\":{\"absent\":\"%s\"}}".formatted(wrong));
            assertThatThrownBy(() -> ModelFolder.open(other))
                    .isInstanceOf(InvalidModelException.class)
                    .hasMessageContaining(wrong);
        }
    }

    @Test
    void namesAMissingAndAMisshapenTensor() throws IOException {
        ModelFolder folder = ModelFolder.open(TinyModels.llama().write(dir));
        assertThatThrownBy(() -> folder.tensor("model.layers.9.mlp.up_proj.weight", 48, 32))
                .isInstanceOf(InvalidModelException.class)
                .hasMessageContaining("model.layers.9.mlp.up_proj.weight");
        assertThatThrownBy(() -> folder.tensor("model.layers.0.mlp.up_proj.weight", 48, 31))
                .isInstanceOf(InvalidModelException.class)
                .hasMessageContaining("[48, 32]")
                .hasMessageContaining("[48, 31]");
    }

    @Test
    void saysWhereConfigIsNotJson() throws IOException {
        Path folder = TinyModels.llama().write(dir);
        Files.writeString(folder.resolve("config.json"), "{\"architectures\": [");
        assertThatThrownBy(() -> ModelFolder.open(folder))
                .isInstanceOf(InvalidModelException.class)
                .hasMessageContaining("config.json")
                .hasMessageContaining("not JSON");
    }

    private ModelFolder open(TinyModels model) throws IOException {
        return ModelFolder.open(model.write(Files.createTempDirectory(dir, "m")));
    }

    private void assertRefused(TinyModels model, String... parts) {
        assertThatThrownBy(() -> open(model))
                .isInstanceOf(InvalidModelException.class)
                .hasMessageContainingAll(parts);
    }
}

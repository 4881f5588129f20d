package io.millrace.gpu.text;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import java.util.Map;

/**
 * The tokenizer class with which transformers 5.17 reads a folder, and its default special tokens.
 */
enum TokenizerClass {
    /** Reads tokenizer.json unchanged and has no default tokens. */
    BASE(Map.of()),
    GPT2(
            Map.of(
                    "bos_token", "<|endoftext|>",
                    "eos_token", "<|endoftext|>",
                    "unk_token", "<|endoftext|>")),
    QWEN2(
            Map.of(
                    "eos_token", "<|endoftext|>",
                    "unk_token", "<|endoftext|>",
                    "pad_token", "<|endoftext|>")),
    LLAMA(Map.of("bos_token", "<s>", "eos_token", "</s>", "unk_token", "<unk>"));

    private final Map<String, String> defaults;

    TokenizerClass(Map<String, String> defaults) {
        this.defaults = defaults;
    }

    /** Special tokens that apply if no file names one. */
    Map<String, String> defaults() {
        return defaults;
    }

    /**
     * The class of a model. The model type decides for Qwen2 and Phi-3, whose folders often name a
     * wrong class, and for Mistral; otherwise the files decide. Phi-3 and Mistral have BASE.
     *
     * @param tokenizerConfig tokenizer_config.json
     * @param config config.json
     */
    static TokenizerClass of(JsonNode tokenizerConfig, JsonNode config) {
        String type = config.path("model_type").asText();
        JsonNode own = tokenizerConfig.path("tokenizer_class");
        String name = (own.isTextual() ? own : config.path("tokenizer_class")).asText();
        if (type.equals("qwen2")) {
            return QWEN2;
        }
        if (List.of("mistral", "ministral", "phi3").contains(type)) {
            return BASE;
        }
        return switch (name.endsWith("Fast") ? name.substring(0, name.length() - 4) : name) {
            case "GPT2Tokenizer" -> GPT2;
            case "Qwen2Tokenizer" -> QWEN2;
            case "LlamaTokenizer" -> LLAMA;
            case "" -> ofType(type);
            default -> BASE;
        };
    }

    private static TokenizerClass ofType(String type) {
        return switch (type) {
            case "gpt2", "starcoder2" -> GPT2;
            case "qwen3" -> QWEN2;
            default -> BASE;
        };
    }
}

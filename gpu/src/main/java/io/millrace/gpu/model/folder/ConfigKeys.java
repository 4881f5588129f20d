package io.millrace.gpu.model.folder;

import static io.millrace.gpu.model.folder.FolderKey.honoured;
import static io.millrace.gpu.model.folder.FolderKey.noEffect;
import static io.millrace.gpu.model.folder.FolderKey.refused;
import static io.millrace.gpu.model.folder.FolderKey.refusedUnless;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The rules for the keys of config.json. */
final class ConfigKeys {
    private static final Set<String> GPT2 = Set.of("GPT2LMHeadModel");
    private static final Set<String> LLAMA = Set.of("LlamaForCausalLM");
    private static final Set<String> MISTRAL = Set.of("MinistralForCausalLM", "MistralForCausalLM");
    private static final Set<String> PHI3 = Set.of("Phi3ForCausalLM");
    private static final Set<String> QWEN = Set.of("Qwen2ForCausalLM", "Qwen3ForCausalLM");
    private static final Set<String> STARCODER2 = Set.of("Starcoder2ForCausalLM");
    private static final Set<String> LLAMA_LIKE =
            Set.of(
                    "LlamaForCausalLM",
                    "MinistralForCausalLM",
                    "MistralForCausalLM",
                    "Phi3ForCausalLM",
                    "Qwen2ForCausalLM",
                    "Qwen3ForCausalLM");

    private static final Set<String> WITH_ROPE = union(LLAMA_LIKE, STARCODER2);

    private ConfigKeys() {}

    private static Set<String> union(Set<String> some, Set<String> others) {
        return Stream.concat(some.stream(), others.stream())
                .collect(Collectors.toUnmodifiableSet());
    }

    private static Set<String> without(Set<String> some, Set<String> others) {
        return some.stream()
                .filter(name -> !others.contains(name))
                .collect(Collectors.toUnmodifiableSet());
    }

    static List<FolderKey> all() {
        List<FolderKey> keys = new ArrayList<>();
        keys.addAll(ofAll());
        keys.addAll(quantization());
        withRope().forEach(key -> keys.add(key.of(WITH_ROPE)));
        llamaLike().forEach(key -> keys.add(key.of(LLAMA_LIKE)));
        keys.addAll(windows());
        keys.addAll(unlikePhi3());
        phi3().forEach(key -> keys.add(key.of(PHI3)));
        starcoder2().forEach(key -> keys.add(key.of(STARCODER2)));
        gpt2().forEach(key -> keys.add(key.of(GPT2)));
        keys.addAll(withoutEffect());
        return List.copyOf(keys);
    }

    private static List<FolderKey> ofAll() {
        return List.of(
                honoured("architectures", "names the family, one of those in this table"),
                honoured("vocab_size", "number of logits"),
                honoured("eos_token_id", "ends completions if generation_config.json has none"),
                honoured(
                        "tie_word_embeddings",
                        "whether the head's weight is the embedding's, but a head in the files that differs from it wins; GPT2, Starcoder2: true, others: false"),
                honoured(
                        "dtype",
                        "type of dummy weights and of unpacked ones; other weights have types of their own"),
                honoured("torch_dtype", "older name of `dtype`, which wins"),
                honoured("model_type", "names the tokenizer's class where no file does"),
                honoured("tokenizer_class", "the same; tokenizer_config.json goes before it"),
                refused("is_causal", "attention is causal", true),
                refused("is_encoder_decoder", "there is a decoder alone", false),
                refused("add_cross_attention", "there is nothing to attend across to", false),
                refusedUnless(
                        "pruned_heads",
                        "every head is computed",
                        "an empty object",
                        (value, file) -> value.isObject() && value.isEmpty()),
                refusedUnless(
                        "per_layer_config",
                        "layers differ in nothing but their window",
                        "an empty object",
                        (value, file) -> value.isObject() && value.isEmpty()));
    }

    private static List<FolderKey> quantization() {
        return List.of(
                honoured("quantization_config", "format of the weights; its keys are below")
                        .of(WITH_ROPE),
                refusedUnless(
                                "quantization_config",
                                "its matrices lie the other way round",
                                "",
                                (value, file) -> false)
                        .of(GPT2));
    }

    private static List<FolderKey> withRope() {
        return List.of(
                honoured("hidden_size", "width of the residual stream"),
                honoured("intermediate_size", "width inside the feed-forward part"),
                honoured("num_hidden_layers", "decoder layers"),
                honoured("num_attention_heads", "query heads"),
                honoured("head_dim", "width of a head; `hidden_size / num_attention_heads`"),
                honoured(
                        "max_position_embeddings",
                        "longest context; linear stretching makes it as much longer"),
                honoured("rope_theta", "base of the rotary frequencies; 10000"),
                honoured("rope_scaling", "the older form of `rope_parameters`, over which it wins"),
                honoured("rope_parameters", "rotary frequencies; its keys are below"),
                refused("partial_rotary_factor", "heads are rotated whole", 1.0),
                noEffect("attention_dropout", "dropout is for training"));
    }

    private static List<FolderKey> llamaLike() {
        return List.of(
                honoured("num_key_value_heads", "key and value heads; as many as query heads"),
                refused("hidden_act", "the gate is SiLU", "silu", "swish"),
                refused("attention_bias", "biases are the family's: of Qwen2 on q, k, v", false),
                refused("mlp_bias", "the feed-forward part has no biases", false),
                refused("rope_interleaved", "pairs are (i, i + half a head)", false),
                refused("use_qk_norm", "Qwen3 alone norms its heads, and always", false),
                noEffect("pretraining_tp", "how training split its products"));
    }

    private static List<FolderKey> windows() {
        return List.of(
                honoured("sliding_window", "positions that a token sees; 4096; null: no window")
                        .of(MISTRAL),
                honoured("sliding_window", "the window of layers that have one; 4096; null: none")
                        .of(QWEN),
                refusedUnless(
                                "sliding_window",
                                "a Llama has no window: transformers ignores it, others apply it",
                                "max_position_embeddings or more, or use_sliding_window = false",
                                ConfigKeys::isNoWindow)
                        .of(LLAMA),
                honoured("sliding_window", "positions that a token sees; absent or null: no window")
                        .of(union(PHI3, STARCODER2)),
                honoured("use_sliding_window", "false: no layer has a window; false").of(QWEN),
                refused("use_sliding_window", "a Llama has no window", false).of(LLAMA),
                noEffect("use_sliding_window", "`sliding_window` alone decides, as in transformers")
                        .of(MISTRAL),
                honoured("max_window_layers", "first layer with a window; 28").of(QWEN),
                noEffect("max_window_layers", "Qwen's alone").of(LLAMA),
                noEffect("max_window_layers", "Qwen's alone").of(MISTRAL),
                honoured("layer_types", "which layers have the window; from `max_window_layers` on")
                        .of(QWEN),
                refusedUnless(
                                "layer_types",
                                "layers do not differ",
                                "full_attention for all layers",
                                ConfigKeys::isFullAttention)
                        .of(LLAMA),
                honoured("layer_types", "which layers have the window; all").of(MISTRAL));
    }

    private static List<FolderKey> unlikePhi3() {
        return List.of(
                honoured(
                                "original_max_position_embeddings",
                                "of llama3, wins over the one in `rope_parameters`")
                        .of(without(WITH_ROPE, PHI3)),
                honoured("rms_norm_eps", "added to the mean square in a norm; 1e-6")
                        .of(without(LLAMA_LIKE, PHI3)));
    }

    private static List<FolderKey> phi3() {
        return List.of(
                honoured("rms_norm_eps", "added to the mean square in a norm; 1e-5"),
                noEffect("original_max_position_embeddings", "of longrope, which is refused"),
                noEffect("resid_pdrop", "dropout is for training"),
                noEffect("embd_pdrop", "dropout is for training"));
    }

    private static boolean isNoWindow(JsonNode window, ConfigFile file) {
        JsonNode used = file.get("use_sliding_window");
        JsonNode context = file.get("max_position_embeddings");
        return used != null && used.isBoolean() && !used.booleanValue()
                || context != null && window.isNumber() && window.asLong() >= context.asLong();
    }

    private static boolean isFullAttention(JsonNode types, ConfigFile file) {
        for (JsonNode type : types) {
            if (!type.asText().equals("full_attention")) {
                return false;
            }
        }
        return types.isArray();
    }

    private static List<FolderKey> starcoder2() {
        return List.of(
                honoured("num_key_value_heads", "key and value heads; 2"),
                honoured("norm_epsilon", "added to the variance in a norm; 1e-5"),
                refused(
                        "hidden_act",
                        "the feed-forward part has GELU by tanh",
                        "gelu_pytorch_tanh",
                        "gelu_new"),
                refused("use_bias", "every matrix of a layer has a bias", true),
                refused("norm_type", "norms are LayerNorm", "layer_norm"),
                noEffect("residual_dropout", "dropout is for training"),
                noEffect("embedding_dropout", "dropout is for training"));
    }

    private static List<FolderKey> gpt2() {
        return List.of(
                honoured("n_embd", "width of the residual stream"),
                honoured("n_layer", "decoder layers"),
                honoured("n_head", "heads"),
                honoured("n_inner", "width inside the feed-forward part; `4 * n_embd`"),
                honoured("n_positions", "longest context"),
                honoured("layer_norm_epsilon", "added to the variance in a norm; 1e-5"),
                refused(
                        "activation_function",
                        "the feed-forward part has GELU by tanh",
                        "gelu_new",
                        "gelu_pytorch_tanh"),
                refused("scale_attn_weights", "scores are divided by √(head size)", true),
                refused("scale_attn_by_inverse_layer_idx", "no layer scales its scores", false),
                noEffect("reorder_and_upcast_attn", "the order of a product in F32"),
                noEffect("n_ctx", "older name of `n_positions`, which older files have too"),
                noEffect("attn_pdrop", "dropout is for training"),
                noEffect("embd_pdrop", "dropout is for training"),
                noEffect("resid_pdrop", "dropout is for training"),
                noEffect("summary_activation", "of a head for classification"),
                noEffect("summary_first_dropout", "of a head for classification"),
                noEffect("summary_proj_to_labels", "of a head for classification"),
                noEffect("summary_type", "of a head for classification"),
                noEffect("summary_use_proj", "of a head for classification"));
    }

    private static List<FolderKey> withoutEffect() {
        List<FolderKey> keys = new ArrayList<>();
        add(keys, "no code of a folder is run", "auto_map");
        add(keys, "the tokenizer's file adds tokens", "bos_token_id", "prefix");
        add(keys, "nothing is padded", "pad_token_id", "sep_token_id");
        add(keys, "of models with an encoder", "decoder_start_token_id", "tie_encoder_decoder");
        add(keys, "all models here are decoders", "is_decoder");
        add(keys, "the version that wrote the file", "transformers_version");
        add(keys, "for training", "initializer_range", "gradient_checkpointing");
        add(
                keys,
                "of a head for classification",
                "finetuning_task",
                "id2label",
                "label2id",
                "num_labels",
                "problem_type");
        add(
                keys,
                "how transformers computes and returns, not what",
                "attn_implementation",
                "experts_implementation",
                "_attn_implementation",
                "_attn_implementation_internal",
                "chunk_size_feed_forward",
                "output_attentions",
                "output_hidden_states",
                "output_past",
                "return_dict",
                "use_return_dict",
                "use_cache",
                "tf_legacy_loss",
                "torchscript",
                "use_bfloat16",
                "name_or_path");
        add(keys, "for transformers' pipelines", "task_specific_params");
        add(
                keys,
                "transformers 5 takes it from generation_config.json alone",
                "max_length",
                "min_length",
                "do_sample",
                "early_stopping",
                "num_beams",
                "temperature",
                "top_k",
                "top_p",
                "typical_p",
                "repetition_penalty",
                "length_penalty",
                "no_repeat_ngram_size",
                "encoder_no_repeat_ngram_size",
                "bad_words_ids",
                "num_return_sequences",
                "output_scores",
                "return_dict_in_generate",
                "forced_bos_token_id",
                "forced_eos_token_id",
                "remove_invalid_values",
                "exponential_decay_length_penalty",
                "suppress_tokens",
                "begin_suppress_tokens",
                "epsilon_cutoff",
                "eta_cutoff",
                "encoder_repetition_penalty",
                "num_assistant_tokens",
                "num_assistant_tokens_schedule",
                "assistant_confidence_threshold",
                "assistant_lookbehind",
                "target_lookbehind",
                "num_beam_groups",
                "diversity_penalty");
        return keys;
    }

    private static void add(List<FolderKey> keys, String why, String... names) {
        for (String name : names) {
            keys.add(noEffect(name, why));
        }
    }
}

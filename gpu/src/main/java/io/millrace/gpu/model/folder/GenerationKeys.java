package io.millrace.gpu.model.folder;

import static io.millrace.gpu.model.folder.FolderKey.honoured;
import static io.millrace.gpu.model.folder.FolderKey.noEffect;
import static io.millrace.gpu.model.folder.FolderKey.refused;
import static io.millrace.gpu.model.folder.FolderKey.refusedUnless;

import java.util.ArrayList;
import java.util.List;

/** The rules for the keys of generation_config.json. */
final class GenerationKeys {
    private static final String SAMPLES = "; where `do_sample` is true";

    private GenerationKeys() {}

    static List<FolderKey> all() {
        List<FolderKey> keys = new ArrayList<>();
        keys.addAll(honouredKeys());
        keys.addAll(lengths());
        keys.addAll(logits());
        keys.addAll(others());
        keys.addAll(withoutEffect());
        return List.copyOf(keys);
    }

    private static List<FolderKey> honouredKeys() {
        return List.of(
                honoured("max_new_tokens", "most tokens of a completion; 256"),
                honoured("eos_token_id", "an id or several that end completions; config.json's"),
                honoured("stop_strings", "a text or several that end completions; none"),
                honoured("min_new_tokens", "a request's `min_tokens`; 0"),
                honoured("suppress_tokens", "as in a request; none"),
                honoured(
                        "bad_words_ids",
                        "words of one token: `suppress_tokens` too, but for ids that end completions; longer ones are refused; none"),
                honoured(
                        "sequence_bias",
                        "a request's `logit_bias`, as pairs of a list and a number; sequences of more than one token are refused; none"),
                honoured("repetition_penalty", "as in a request; 1"),
                honoured("do_sample", "whether tokens are sampled; false: temperature 0"),
                honoured("temperature", "as in a request; 1" + SAMPLES),
                honoured("top_k", "as in a request; 0: all tokens, transformers' 50" + SAMPLES),
                honoured("top_p", "as in a request; 1" + SAMPLES),
                honoured("min_p", "as in a request; 0" + SAMPLES));
    }

    private static List<FolderKey> lengths() {
        return List.of(
                refused("min_length", "a completion may end at its first token", 0.0),
                refused("max_time", "an answer does not depend on a clock"),
                refused("num_return_sequences", "a request's `n` says how many", 1.0));
    }

    private static List<FolderKey> logits() {
        String notSampled = "tokens are not chosen by it";
        return List.of(
                refused("typical_p", notSampled, 1.0),
                refused("top_h", notSampled),
                refused("epsilon_cutoff", notSampled, 0.0),
                refused("eta_cutoff", notSampled, 0.0),
                refused("no_repeat_ngram_size", "tokens may be repeated", 0.0),
                refused("encoder_no_repeat_ngram_size", "the prompt may be repeated", 0.0),
                refused("encoder_repetition_penalty", "the prompt is not favoured", 1.0),
                emptyOnly("begin_suppress_tokens"),
                refused("exponential_decay_length_penalty", "no length is favoured"),
                refused("forced_bos_token_id", "no token is forced"),
                refused("forced_eos_token_id", "no token is forced"),
                refused("remove_invalid_values", "such logits fail the request", false),
                refused("guidance_scale", "a prompt is computed once", 1.0),
                refused("watermarking_config", "answers have no watermark"),
                refused("token_healing", "a prompt's tokens stay as they are", false));
    }

    private static FolderKey emptyOnly(String key) {
        return refusedUnless(
                key,
                "no token is kept out or favoured",
                "empty",
                (value, file) -> value.isContainerNode() && value.isEmpty());
    }

    private static List<FolderKey> others() {
        return List.of(
                refused("num_beams", "there is no beam search", 1.0),
                refused("num_beam_groups", "there is no beam search", 1.0),
                refused("constraints", "there is no beam search"),
                refused("force_words_ids", "there is no beam search"),
                refused("penalty_alpha", "there is no contrastive search", 0.0),
                refused("dola_layers", "the last layer alone decides"));
    }

    private static List<FolderKey> withoutEffect() {
        List<FolderKey> keys = new ArrayList<>();
        add(
                keys,
                "`max_new_tokens` and the context bound a completion; transformers' is 20 tokens with the prompt",
                "max_length");
        add(
                keys,
                "of beam search, which is refused",
                "early_stopping",
                "length_penalty",
                "diversity_penalty");
        add(keys, "of contrastive search, which is refused", "low_memory");
        add(keys, "a sum added to all logits changes no choice", "renormalize_logits");
        add(keys, "the tokenizer's file adds tokens", "bos_token_id");
        add(keys, "nothing is padded", "pad_token_id");
        add(keys, "of models with an encoder", "decoder_start_token_id");
        add(
                keys,
                "how transformers computes, not what",
                "use_cache",
                "cache_implementation",
                "cache_config",
                "max_cache_len",
                "prefill_chunk_size",
                "compile_config",
                "disable_compile",
                "continuous_batching_config");
        add(
                keys,
                "there is no model that runs ahead of this one",
                "use_mtp",
                "is_assistant",
                "num_assistant_tokens",
                "num_assistant_tokens_schedule",
                "assistant_confidence_threshold",
                "assistant_early_exit",
                "assistant_lookbehind",
                "assistant_ensemble_weight",
                "target_lookbehind",
                "prompt_lookup_num_tokens",
                "max_matching_ngram_size",
                "speculation_type");
        add(
                keys,
                "what transformers returns besides the answer",
                "output_attentions",
                "output_hidden_states",
                "output_scores",
                "output_logits",
                "return_dict_in_generate");
        add(
                keys,
                "of the file, not of the model",
                "transformers_version",
                "_from_model_config",
                "_commit_hash",
                "_original_object_hash");
        return keys;
    }

    private static void add(List<FolderKey> keys, String why, String... names) {
        for (String name : names) {
            keys.add(noEffect(name, why));
        }
    }
}

package io.millrace.gpu.model.folder;

import static io.millrace.gpu.model.folder.FolderKey.honoured;
import static io.millrace.gpu.model.folder.FolderKey.noEffect;
import static io.millrace.gpu.model.folder.FolderKey.refused;

import java.util.ArrayList;
import java.util.List;

/** The rules for the keys of tokenizer_config.json. */
final class TokenizerKeys {
    private TokenizerKeys() {}

    static List<FolderKey> all() {
        List<FolderKey> keys = new ArrayList<>();
        keys.addAll(honouredKeys());
        keys.add(
                refused(
                        "split_special_tokens",
                        "special tokens in a prompt are always tokens",
                        false));
        keys.add(
                refused(
                        "clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output",
                        "spaces of an answer stay as they are",
                        false));
        keys.add(
                refused("fix_mistral_regex", "tokenizer.json's own pre-tokenizer is taken", false));
        keys.addAll(withoutEffect());
        return List.copyOf(keys);
    }

    private static List<FolderKey> honouredKeys() {
        String special = "a special token, for chat templates too; the class's";
        return List.of(
                honoured(
                        "tokenizer_class",
                        "GPT2Tokenizer, Qwen2Tokenizer and LlamaTokenizer have special tokens by default; `model_type`'s class"),
                honoured("bos_token", special),
                honoured(
                        "eos_token",
                        "the same; it ends completions besides generation_config.json's"),
                honoured("unk_token", special),
                honoured("sep_token", special),
                honoured("pad_token", special),
                honoured("cls_token", special),
                honoured("mask_token", special),
                honoured(
                        "added_tokens_decoder",
                        "tokens besides tokenizer.json's; special_tokens_map.json and added_tokens.json count where it is absent"),
                honoured("extra_special_tokens", "special tokens, a list or an object of names"),
                honoured(
                        "additional_special_tokens",
                        "older name of `extra_special_tokens`, which wins"),
                honoured("model_specific_special_tokens", "special tokens by name"),
                honoured(
                        "chat_template",
                        "writes conversations; chat_template.jinja goes before it"),
                honoured(
                        "add_bos_token",
                        "tokenizer.json's post-processor decides, as in transformers 5; a line in the log where it says otherwise; `--add-bos`"),
                honoured("add_eos_token", "the same, without an option"),
                // Comes after the names that end in _token but have their own rule.
                honoured(
                        "*_token",
                        "any other text under such a key: a special token of that name"));
    }

    private static List<FolderKey> withoutEffect() {
        List<FolderKey> keys = new ArrayList<>();
        String json = "tokenizer.json decides, as in transformers 5";
        add(keys, json + "; a line in the log where it says otherwise", "add_prefix_space");
        add(
                keys,
                json,
                "legacy",
                "errors",
                "vocab",
                "merges",
                "vocab_file",
                "merges_file",
                "tokenizer_file",
                "tokenizer",
                "tokenizer_object",
                "gguf_file",
                "special_tokens_map_file",
                "sp_model_kwargs",
                "unk_id",
                "use_fast",
                "backend");
        add(
                keys,
                "answers are not cleaned up, as in transformers 5 for BPE",
                "clean_up_tokenization_spaces");
        add(keys, "the model's context bounds a prompt", "model_max_length", "max_len");
        add(
                keys,
                "nothing is cut or padded",
                "max_length",
                "stride",
                "truncation_side",
                "truncation_strategy",
                "tokenizer_truncation",
                "padding_side",
                "pad_token_type_id",
                "pad_to_multiple_of",
                "tokenizer_padding");
        add(keys, "no code of a folder is run", "auto_map");
        add(keys, "of a template that older versions had", "use_default_system_prompt");
        add(keys, "answers are not taken apart", "response_schema", "response_template");
        add(
                keys,
                "of the file, or of transformers' own classes",
                "files_loaded",
                "init_inputs",
                "is_local",
                "local_files_only",
                "model_input_names",
                "name_or_path",
                "post_processor",
                "processor_class",
                "transformers_version",
                "verbose");
        return keys;
    }

    private static void add(List<FolderKey> keys, String why, String... names) {
        for (String name : names) {
            keys.add(noEffect(name, why));
        }
    }
}

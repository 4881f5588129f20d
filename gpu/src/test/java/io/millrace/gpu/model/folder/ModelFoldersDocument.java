package io.millrace.gpu.model.folder;

import io.millrace.gpu.model.folder.FolderKey.Rule;
import java.util.List;

/** Writes {@code docs/model-folders.md} from the table of keys. */
final class ModelFoldersDocument {
    private static final String HEAD =
            """
            # Model folders

            Made from `FolderKeys` by `ModelFoldersDocTest`; do not edit by hand:
            `mvn -pl gpu -am test -Dtest=ModelFoldersDocTest -Dsurefire.failIfNoSpecifiedTests=false -Dmillrace.update=true`.

            A model is a folder in Hugging Face form. Nothing in it that changes an answer is ignored: each key of its files is
            honoured, or refused by name, or has no effect here for the reason given. The reference is transformers 5.17.0.

            - A key that is null is as one that is absent, unless its row says otherwise.
            - A key of transformers, of whatever model, that no row names is refused by name.
            - A key that transformers does not know either (`_name_or_path`, `unsloth_version`) has no effect there: one line
              in the log names such keys when the model is loaded.
            - A value that a row does not allow is refused, with the file, the key and the value.
            """;

    private static final String WEIGHTS =
            """

            ## Weights

            - `model.safetensors` beside `model.safetensors.index.json`: the single file, if the index does not fit the shards
              that are there (a log line says so) or they hold the same numbers. Shards that are whole and differ are refused.
            - A tensor that the model does not use is refused by name, but for what follows from the others: a head equal to
              a tied embedding, rotary frequencies, causal masks.
            - Tied models: a head that differs from the embedding is used as it is; the embedding may stand under the head's name
              alone, and GPT-2's with or without `transformer.`.
            - A Git LFS pointer in place of a file is refused with the remedy, `git lfs pull`.

            ## Quantized weights

            Read as their tools write them:

            - GPTQ: 4 and 8 bits, `gptq` and `gptq_v2`, groups of any size or whole columns, in any order;
            - AWQ in the order of its GEMM kernel;
            - compressed-tensors: packed INT4 and INT8, INT8, FP8; one scale a tensor, channel, group or block; `weight_g_idx`;
            - FP8 in blocks of any size (`quant_method: fp8`, `weight_scale_inv`).

            What is computed:

            - The value of a weight is T(S((code - zero) * scale)), as the tools unpack it: the product rounded to the scales' type S,
              then to T, the type of config.json, which must be there.
            - Weights are unpacked while they are loaded and take the memory and the time of unquantized ones: nothing is gained
              yet but the smaller files. `--weights int8` quantizes the unpacked weights again, as any others.
            - Layers are quantized or not as their tensors say. The fingerprint has the format and the rule of unpacking.
            - Activations are not quantized. Where config.json asks for FP8 activations with scales found anew, answers are those of
              the quantized weights alone (as those of transformers on a CPU for `fp8`) and a log line says so. Activations in INT8, or with
              an `input_scale` in the file, are refused, and so is `kv_cache_scheme`: put null in its place in config.json to
              compute with the quantized weights alone.
            - A weight that is not in FP8 is taken as it is, even if a `weight_scale_inv` is beside it.
            - GPTQ: a zero point of 0 in a file of AutoGPTQ, or of GPTQModel before 0.9.0, is refused when the weight is read: such
              writers lose the zero points beside it.
            - Other formats (bitsandbytes, HQQ, NVFP4, MXFP4, MXFP8, GGUF and the like) are recognized by config.json or by the names of
              their tensors, and refused with what to take instead.
            """;

    private ModelFoldersDocument() {}

    static String text() {
        StringBuilder text = new StringBuilder(HEAD);
        for (FolderFile file : FolderFile.values()) {
            text.append("\n## ").append(file.title()).append('\n');
            List<FolderKey> keys = FolderKeys.of(file);
            table(text, keys, Rule.HONOURED, "Honoured", "what it is; value where absent");
            table(text, keys, Rule.REFUSED, "Refused by name", "why");
            table(text, keys, Rule.NO_EFFECT, "Without effect here", "why");
        }
        return text.append(WEIGHTS).toString();
    }

    private static void table(
            StringBuilder text, List<FolderKey> keys, Rule rule, String title, String meaning) {
        List<FolderKey> rows = keys.stream().filter(key -> key.rule() == rule).toList();
        if (rows.isEmpty()) {
            return;
        }
        boolean refused = rule == Rule.REFUSED;
        text.append("\n### ").append(title).append("\n\n| key | models | ");
        text.append(refused ? "unless it is | " : "").append(meaning).append(" |\n|---|---|---|");
        text.append(refused ? "---|\n" : "\n");
        for (FolderKey row : rows) {
            text.append("| `").append(row.key()).append("` | ").append(models(row)).append(" | ");
            text.append(refused ? row.harmless() + " | " : "").append(row.why()).append(" |\n");
        }
    }

    private static String models(FolderKey row) {
        return row.models().isEmpty()
                ? "all"
                : String.join(
                        ", ",
                        row.models().stream()
                                .map(name -> name.replaceFirst("(LMHeadModel|ForCausalLM)$", ""))
                                .toList());
    }
}

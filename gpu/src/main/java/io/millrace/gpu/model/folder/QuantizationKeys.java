package io.millrace.gpu.model.folder;

import static io.millrace.gpu.model.folder.FolderKey.honoured;
import static io.millrace.gpu.model.folder.FolderKey.noEffect;
import static io.millrace.gpu.model.folder.FolderKey.refused;
import static io.millrace.gpu.model.folder.FolderKey.refusedUnless;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** The rules for the keys of quantization_config, by {@code quant_method}. */
final class QuantizationKeys {
    private static final String BY_TENSORS = "the tensors tell which layers are quantized";
    private static final String MAKING = "how the tool found the codes";
    private static final String RUNNING = "how other engines compute, not what";

    private QuantizationKeys() {}

    static List<FolderKey> all() {
        List<FolderKey> keys = new ArrayList<>();
        keys.add(honoured("quant_method", "the format, one of those in this table"));
        keys.add(honoured("method", "the same, where there is no `quant_method`"));
        gptq().forEach(key -> keys.add(key.of(Set.of("gptq"))));
        awq().forEach(key -> keys.add(key.of(Set.of("awq"))));
        compressedTensors().forEach(key -> keys.add(key.of(Set.of("compressed-tensors"))));
        fp8().forEach(key -> keys.add(key.of(Set.of("fp8"))));
        return List.copyOf(keys);
    }

    private static List<FolderKey> gptq() {
        List<FolderKey> keys = new ArrayList<>();
        keys.add(honoured("bits", "4 or 8"));
        keys.add(
                honoured(
                        "group_size",
                        "inputs that share a scale where there is no g_idx; -1: all"));
        keys.add(
                honoured(
                        "desc_act",
                        "groups are in the order of g_idx, which must be there; false"));
        keys.add(
                honoured(
                        "checkpoint_format",
                        "zero points less 1 (gptq) or as they are (gptq_v2); `format`"));
        keys.add(honoured("format", "the same; gptq"));
        keys.add(honoured("meta", "its `quantizer` tells how zero points of 0 are stored"));
        keys.add(refused("pack_dtype", "codes are packed in words of 32 bits", "int32"));
        keys.add(refused("is_marlin_format", "codes are in the order of no kernel", false));
        keys.add(dynamic());
        keys.add(refusedUnless("rotation", "no rotation is computed", "", (value, file) -> false));
        add(keys, BY_TENSORS, "lm_head", "modules_to_not_convert");
        add(keys, "zero points are in the files", "sym");
        add(
                keys,
                MAKING,
                "damp_percent",
                "damp_auto_increment",
                "static_groups",
                "true_sequential",
                "act_group_aware",
                "mse",
                "dataset",
                "tokenizer",
                "batch_size",
                "pad_token_id",
                "max_input_length",
                "model_seqlen",
                "cache_block_outputs",
                "block_name_to_quantize",
                "module_name_preceding_first_block",
                "modules_in_block_to_quantize",
                "model_name_or_path",
                "model_file_base_name");
        add(
                keys,
                RUNNING,
                "backend",
                "use_cuda_fp16",
                "use_exllama",
                "disable_exllama",
                "exllama_config");
        return keys;
    }

    private static List<FolderKey> awq() {
        List<FolderKey> keys = new ArrayList<>();
        keys.add(honoured("bits", "4"));
        keys.add(honoured("group_size", "inputs that share a scale; -1: all"));
        keys.add(honoured("version", "order of the codes: gemm alone; gemm"));
        keys.add(honoured("format", "the same"));
        keys.add(honoured("checkpoint_format", "the same"));
        keys.add(refused("zero_point", "zero points are in the files", true));
        keys.add(refused("desc_act", "groups are of consecutive inputs", false));
        keys.add(refused("pack_dtype", "codes are packed in words of 32 bits", "int32"));
        keys.add(dynamic());
        add(keys, BY_TENSORS, "lm_head", "modules_to_not_convert");
        add(keys, "zero points are in the files", "sym");
        add(keys, MAKING, "meta");
        add(
                keys,
                RUNNING,
                "backend",
                "do_fuse",
                "fuse_max_seq_len",
                "modules_to_fuse",
                "exllama_config");
        return keys;
    }

    private static List<FolderKey> compressedTensors() {
        List<FolderKey> keys = new ArrayList<>();
        keys.add(
                honoured(
                        "config_groups",
                        "schemes: weights of 4 or 8 bits by tensor, channel, group or block. `input_activations` that are dynamic FP8 are not quantized (a log line says so); others are refused unless null"));
        keys.add(
                honoured(
                        "format",
                        "pack-quantized, int-quantized, float-quantized, naive-quantized; a group's own goes before it"));
        keys.add(
                refusedUnless(
                        "kv_cache_scheme",
                        "keys and values are not quantized",
                        "null, with which keys and values keep the model's type and k_scale and v_scale are left out",
                        (value, file) -> false));
        keys.add(
                refusedUnless(
                        "sparsity_config",
                        "weights are dense",
                        "empty, or of the format dense",
                        (value, file) ->
                                value.isEmpty() || value.path("format").asText().equals("dense")));
        keys.add(
                refusedUnless(
                        "transform_config",
                        "no rotation is computed",
                        "empty",
                        (value, file) -> value.isEmpty()));
        add(keys, BY_TENSORS, "ignore", "quantization_status");
        add(keys, "4 and 8 bits are the same in all versions", "version");
        add(keys, "a figure about the file", "global_compression_ratio");
        add(keys, RUNNING, "run_compressed", "dequantize");
        return keys;
    }

    private static List<FolderKey> fp8() {
        List<FolderKey> keys = new ArrayList<>();
        keys.add(honoured("weight_block_size", "rows and columns that share a scale"));
        keys.add(
                refused(
                        "activation_scheme",
                        "activations are not quantized (a log line says so), as transformers does on a CPU; static ones have scales in the file",
                        "dynamic"));
        keys.add(refused("fmt", "codes are E4M3", "e4m3"));
        add(keys, BY_TENSORS, "modules_to_not_convert", "modules_to_convert", "ignored_layers");
        add(keys, "of activations and experts", "scale_fmt", "expert_dtype");
        add(keys, RUNNING, "dequantize");
        return keys;
    }

    private static FolderKey dynamic() {
        return refusedUnless(
                "dynamic",
                "all quantized layers are alike",
                "an object whose keys begin with -: (layers left out)",
                QuantizationKeys::leavesOut);
    }

    private static boolean leavesOut(JsonNode overrides, ConfigFile file) {
        for (Map.Entry<String, JsonNode> override : overrides.properties()) {
            if (!override.getKey().startsWith("-:")) {
                return false;
            }
        }
        return overrides.isObject();
    }

    private static void add(List<FolderKey> keys, String why, String... names) {
        for (String name : names) {
            keys.add(noEffect(name, why));
        }
    }
}

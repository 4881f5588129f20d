package io.millrace.gpu.model.quantization;

import com.fasterxml.jackson.databind.JsonNode;
import io.millrace.gpu.model.folder.ConfigFile;
import io.millrace.gpu.tensor.InvalidModelException;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/**
 * One of the {@code config_groups} of compressed-tensors: how the weights of some layers are
 * quantized.
 *
 * @param targets names of layers, patterns after {@code re:}, or {@code Linear} for all
 * @param packed whether codes are packed into words
 * @param bits of a code
 * @param strategy which numbers share a scale
 * @param group columns that share a scale, of {@link Strategy#GROUP}
 * @param block of {@link Strategy#BLOCK}
 * @param symmetric whether there are no zero points
 * @param reordered whether groups need the order of weight_g_idx
 * @param activations whether activations are to be quantized, to FP8, too
 */
record CompressedScheme(
        List<String> targets,
        boolean packed,
        int bits,
        Strategy strategy,
        int group,
        BlockSize block,
        boolean symmetric,
        boolean reordered,
        boolean activations) {

    /** Which numbers of a matrix share a scale. */
    enum Strategy {
        TENSOR,
        CHANNEL,
        GROUP,
        BLOCK
    }

    /**
     * @param group one of config_groups
     * @param config quantization_config
     */
    static CompressedScheme read(ConfigFile group, ConfigFile config) throws InvalidModelException {
        String outer = config.text("format", "pack-quantized");
        String format = group.text("format", outer);
        ConfigFile weights = group.child("weights");
        boolean floats = weights.text("type", "int").equals("float");
        boolean packed =
                switch (format) {
                    case "pack-quantized" -> true;
                    case "int-quantized", "float-quantized", "naive-quantized" -> false;
                    default -> throw RefusedMethods.error(group, "format", format);
                };
        int bits = weights.positiveInt("num_bits");
        if (bits != 8 && (!packed || bits != 4)) {
            throw weights.unsupported("num_bits", bits, packed ? "4, 8" : "8");
        }
        if (packed && floats) {
            throw weights.unsupported("type", "float", "int in " + format);
        }
        boolean symmetric = weights.flag("symmetric", true);
        if (!packed && !symmetric) {
            throw weights.unsupported("symmetric", "false", "true in " + format);
        }
        if (group.has("output_activations")) {
            throw group.unsupported("output_activations", group.get("output_activations"), "null");
        }
        String order = weights.text("actorder", "weight");
        Strategy strategy = strategy(weights);
        return new CompressedScheme(
                targets(group),
                packed,
                bits,
                strategy,
                strategy == Strategy.GROUP ? weights.positiveInt("group_size") : 0,
                strategy == Strategy.BLOCK ? BlockSize.read(weights, "block_structure") : null,
                symmetric,
                !order.equals("weight") && !order.equals("static"),
                activations(group, floats));
    }

    private static Strategy strategy(ConfigFile weights) throws InvalidModelException {
        String strategy = weights.text("strategy", "tensor");
        return switch (strategy) {
            case "tensor" -> Strategy.TENSOR;
            case "channel" -> Strategy.CHANNEL;
            case "group" -> Strategy.GROUP;
            case "block" -> Strategy.BLOCK;
            default ->
                    throw weights.unsupported(
                            "strategy", strategy, "tensor, channel, group, block");
        };
    }

    private static List<String> targets(ConfigFile group) throws InvalidModelException {
        JsonNode targets = group.get("targets");
        if (targets == null || !targets.isArray() || targets.isEmpty()) {
            throw group.wrong("targets", targets, "a list of layers");
        }
        List<String> names = new ArrayList<>();
        targets.forEach(target -> names.add(target.asText()));
        return List.copyOf(names);
    }

    /** Activations in FP8 whose scales are found anew may be left as they are, others not. */
    private static boolean activations(ConfigFile group, boolean floats)
            throws InvalidModelException {
        if (!group.has("input_activations")) {
            return false;
        }
        ConfigFile inputs = group.child("input_activations");
        JsonNode dynamic = inputs.get("dynamic");
        if (!floats || dynamic == null || !dynamic.asBoolean()) {
            throw group.unsupported(
                    "input_activations",
                    group.get("input_activations"),
                    "dynamic ones of FP8, which are computed without being quantized; put null in its place to compute with the quantized weights alone, without input_scale: answers are then not those of the tool's own runtime");
        }
        return true;
    }

    /** Whether a layer is named, rather than one of all. */
    boolean names(String layer) {
        for (String target : targets) {
            boolean found =
                    target.startsWith("re:")
                            ? Pattern.compile(target.substring(3)).matcher(layer).lookingAt()
                            : target.equals(layer);
            if (found) {
                return true;
            }
        }
        return false;
    }

    /** Whether it is for all layers. */
    boolean isOfAll() {
        return targets.contains("Linear");
    }
}

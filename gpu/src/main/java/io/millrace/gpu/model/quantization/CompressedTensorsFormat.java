package io.millrace.gpu.model.quantization;

import com.fasterxml.jackson.databind.JsonNode;
import io.millrace.gpu.model.folder.ConfigFile;
import io.millrace.gpu.tensor.InvalidModelException;
import io.millrace.gpu.tensor.StoredNumbers;
import io.millrace.gpu.tensor.Tensor;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * compressed-tensors, as llmcompressor writes it: packed INT4 and INT8, INT8 and FP8.
 *
 * <pre>
 * weight_packed      I32 (outputs, words)   codes, packed along the inputs
 * weight_shape       I64 (2)                outputs, inputs
 * weight_zero_point  I32 (words, groups)    packed along the outputs; of asymmetric ones
 * weight_g_idx       I32 (inputs)           the group of each input, of older files
 * weight             I8 or F8_E4M3 (outputs, inputs), in place of the above
 * weight_scale       one, (outputs, groups) or (blocks of outputs, blocks of inputs)
 * </pre>
 */
final class CompressedTensorsFormat implements WeightFormat {
    private final List<CompressedScheme> schemes = new ArrayList<>();

    CompressedTensorsFormat(ConfigFile config) throws InvalidModelException {
        ConfigFile groups = config.child("config_groups");
        for (Map.Entry<String, JsonNode> group : groups.properties()) {
            schemes.add(CompressedScheme.read(groups.child(group.getKey()), config));
        }
        if (schemes.isEmpty()) {
            throw config.wrong("config_groups", config.get("config_groups"), "at least one group");
        }
    }

    @Override
    public String name() {
        return "compressed-tensors";
    }

    @Override
    public boolean isCodes(String suffix, Tensor tensor) {
        String type = tensor.storedType();
        return suffix.equals("weight_packed")
                || suffix.equals("weight") && (type.equals("I8") || type.equals(Float8.E4M3));
    }

    @Override
    public QuantizedMatrix matrix(LayerTensors layer) throws IOException {
        CompressedScheme scheme = scheme(layer.name());
        return scheme.packed() ? packed(layer, scheme) : whole(layer, scheme);
    }

    private CompressedScheme scheme(String layer) throws InvalidModelException {
        if (schemes.size() == 1) {
            return schemes.get(0);
        }
        List<CompressedScheme> named = schemes.stream().filter(s -> s.names(layer)).toList();
        List<CompressedScheme> found =
                named.isEmpty()
                        ? schemes.stream().filter(CompressedScheme::isOfAll).toList()
                        : named;
        if (found.size() != 1) {
            throw new InvalidModelException(
                    "The quantized layer %s is a target of %d of the config_groups; exactly one must say how it is quantized."
                            .formatted(layer, found.size()));
        }
        return found.get(0);
    }

    private static QuantizedMatrix packed(LayerTensors layer, CompressedScheme scheme)
            throws IOException {
        int[] shape = StoredNumbers.longs(layer.take("weight_shape", 1).expect(2));
        int rows = shape[0];
        int columns = shape[1];
        int bits = scheme.bits();
        Tensor codes = layer.take("weight_packed", 2).expect(rows, BitFields.words(columns, bits));
        ScaleLayout layout = ScaleLayout.of(scheme, rows, columns);
        Tensor scales = layout.take(layer);
        int groups = layout.groups();
        Tensor zeros =
                scheme.symmetric()
                        ? null
                        : layer.take("weight_zero_point", 2)
                                .expect(BitFields.words(layout.blocks(), bits), groups);
        Tensor order = scheme.reordered() ? layer.take("weight_g_idx", 1).expect(columns) : null;
        return new QuantizedMatrix(
                rows,
                columns,
                () -> StoredCodes.packed(codes, bits),
                () ->
                        new Grid(
                                scales.readFloats(),
                                zeros == null ? null : zeros(zeros, layout.blocks(), bits),
                                scales.dtype(),
                                layout.rowsPerBlock(),
                                order == null
                                        ? layout.groupOf()
                                        : Grid.checked(
                                                StoredNumbers.ints(order), groups, order.name()),
                                groups),
                codes.toString());
    }

    /** Row-major (rows, groups), as the scales. */
    private static float[] zeros(Tensor tensor, int rows, int bits) throws IOException {
        int[] words = StoredNumbers.ints(tensor);
        int groups = Math.toIntExact(tensor.dim(1));
        int perWord = BitFields.perWord(bits);
        float[] zeros = new float[rows * groups];
        for (int i = 0; i < zeros.length; i++) {
            int row = i / groups;
            int word = words[row / perWord * groups + i % groups];
            zeros[i] = BitFields.get(word, row % perWord, bits) - (1 << bits - 1);
        }
        return zeros;
    }

    private static QuantizedMatrix whole(LayerTensors layer, CompressedScheme scheme)
            throws IOException {
        Tensor codes = layer.take("weight", 2);
        int rows = Math.toIntExact(codes.dim(0));
        int columns = Math.toIntExact(codes.dim(1));
        ScaleLayout layout = ScaleLayout.of(scheme, rows, columns);
        Tensor scales = layout.take(layer);
        if (!scheme.activations()) {
            // Of a file whose activations the user decided not to quantize.
            layer.takeIfPresent("input_scale");
        }
        return new QuantizedMatrix(
                rows,
                columns,
                () -> StoredCodes.bytes(codes),
                () ->
                        new Grid(
                                scales.readFloats(),
                                null,
                                scales.dtype(),
                                layout.rowsPerBlock(),
                                layout.groupOf(),
                                layout.groups()),
                codes.toString());
    }

    /** Scales of a KV cache whose scheme is null, or else the folder is refused. */
    @Override
    public boolean isWithoutEffect(String suffix) {
        return suffix.equals("k_scale") || suffix.equals("v_scale");
    }

    @Override
    public List<String> remarks() {
        return schemes.stream().anyMatch(CompressedScheme::activations)
                ? List.of(ACTIVATIONS)
                : List.of();
    }
}

package io.millrace.gpu.model.quantization;

import com.fasterxml.jackson.databind.JsonNode;
import io.millrace.gpu.model.folder.ConfigFile;
import io.millrace.gpu.tensor.InvalidModelException;
import io.millrace.gpu.tensor.StoredNumbers;
import io.millrace.gpu.tensor.Tensor;
import java.io.IOException;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * GPTQ, as GPTQModel and AutoGPTQ write it.
 *
 * <pre>
 * qweight  I32 (inputs * bits / 32, outputs)   codes, packed along the inputs
 * qzeros   I32 (groups, outputs * bits / 32)   zero points, packed along the outputs
 * scales       (groups, outputs)
 * g_idx    I32 (inputs)                        the group of each input, in any order
 * </pre>
 *
 * <p>Version 1 has each zero point less 1. A zero point of 0 is then below 0: GPTQModel subtracts
 * from the whole word, so that the field borrows from the next one, and adding to the whole word
 * gives all fields back. Earlier writers lose the fields above it, and their own kernels do not
 * agree on what is left: a field of ones is refused in their files.
 */
final class GptqFormat implements WeightFormat {
    private static final Pattern GPTQMODEL = Pattern.compile("gptqmodel:(\\d+)\\.(\\d+).*");

    /** Of version 0, the first of GPTQModel whose zero points of 0 can be read. */
    private static final int FIRST_MINOR = 9;

    private final int bits;
    private final int groupSize;
    private final boolean reordered;

    /** Whether zero points are stored less 1. */
    private final boolean lessOne;

    /** Whether the whole word was subtracted from. */
    private final boolean borrows;

    GptqFormat(ConfigFile config) throws InvalidModelException {
        bits = config.positiveInt("bits");
        if (bits != 4 && bits != 8) {
            throw config.unsupported("bits", bits, "4, 8");
        }
        groupSize = Grid.groupSize(config);
        reordered = config.flag("desc_act", false);
        String key = config.has("checkpoint_format") ? "checkpoint_format" : "format";
        String version = config.text(key, "gptq");
        lessOne =
                switch (version) {
                    case "gptq" -> true;
                    case "gptq_v2" -> false;
                    default -> throw config.unsupported(key, version, "gptq, gptq_v2");
                };
        borrows = borrows(config);
    }

    /** Whether the tool that wrote the file subtracts 1 from a word of zero points as a whole. */
    private static boolean borrows(ConfigFile config) throws InvalidModelException {
        JsonNode writers = config.child("meta").get("quantizer");
        if (writers == null) {
            return false;
        }
        for (JsonNode writer : writers.isArray() ? writers : List.of(writers)) {
            Matcher matcher = GPTQMODEL.matcher(writer.asText());
            if (matcher.matches()) {
                return Integer.parseInt(matcher.group(1)) > 0
                        || Integer.parseInt(matcher.group(2)) >= FIRST_MINOR;
            }
        }
        return false;
    }

    @Override
    public String name() {
        return "GPTQ";
    }

    @Override
    public boolean isCodes(String suffix, Tensor tensor) {
        return suffix.equals("qweight");
    }

    @Override
    public QuantizedMatrix matrix(LayerTensors layer) throws IOException {
        Tensor codes = layer.take("qweight", 2);
        int outputs = Math.toIntExact(codes.dim(1));
        int inputs = Math.toIntExact(codes.dim(0) * BitFields.perWord(bits));
        Tensor scales = layer.take("scales", 2);
        int groups = Math.toIntExact(scales.dim(0));
        scales.expect(groups, outputs);
        Tensor zeros = layer.take("qzeros", 2).expect(groups, BitFields.words(outputs, bits));
        Tensor order = layer.takeIfPresent("g_idx");
        int size = groupSize == Grid.COLUMN ? inputs : groupSize;
        if (order != null) {
            order.expect(inputs);
        } else if (reordered || groups != (inputs + size - 1) / size) {
            throw new InvalidModelException(
                    "The quantized layer %s has no tensor %s.g_idx, and %d groups of %d inputs."
                            .formatted(layer.name(), layer.name(), groups, inputs));
        }
        return new QuantizedMatrix(
                outputs,
                inputs,
                () -> codes(StoredNumbers.ints(codes), outputs),
                () -> {
                    int[] groupOf =
                            order == null
                                    ? Grid.consecutive(inputs, size)
                                    : Grid.checked(StoredNumbers.ints(order), groups, order.name());
                    return new Grid(
                            Grid.transposed(scales.readFloats(), groups, outputs),
                            Grid.transposed(zeros(zeros, outputs), groups, outputs),
                            scales.dtype(),
                            1,
                            groupOf,
                            groups);
                },
                codes.toString());
    }

    private QuantizedMatrix.Codes codes(int[] words, int outputs) {
        int perWord = BitFields.perWord(bits);
        return (row, to) -> {
            for (int k = 0, at = (int) row; k < to.length; k += perWord, at += outputs) {
                for (int i = 0; i < perWord; i++) {
                    to[k + i] = BitFields.get(words[at], i, bits);
                }
            }
        };
    }

    /** Row-major (groups, outputs). */
    private float[] zeros(Tensor tensor, int outputs) throws IOException {
        int[] words = StoredNumbers.ints(tensor);
        int groups = Math.toIntExact(tensor.dim(0));
        // 1 in each field.
        int ones = bits == 4 ? 0x11111111 : 0x01010101;
        if (lessOne && borrows) {
            for (int i = 0; i < words.length; i++) {
                words[i] += ones;
            }
        }
        float[] zeros = BitFields.unpack(words, groups, outputs, bits);
        if (lessOne && !borrows) {
            for (int i = 0; i < zeros.length; i++) {
                if (zeros[i] == (1 << bits) - 1) {
                    throw new InvalidModelException(
                            "%s holds a zero point of 0 in group %d of output %d, which the tool that wrote it stores together with its neighbours as ones, so that they are lost: quantize the model again, with GPTQModel 0.9.0 or later."
                                    .formatted(tensor, i / outputs, i % outputs));
                }
                zeros[i]++;
            }
        }
        return zeros;
    }
}

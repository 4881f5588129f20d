package io.millrace.gpu.model.quantization;

import io.millrace.gpu.model.folder.ConfigFile;
import io.millrace.gpu.tensor.InvalidModelException;
import io.millrace.gpu.tensor.StoredNumbers;
import io.millrace.gpu.tensor.Tensor;
import java.io.IOException;

/**
 * AWQ in the order of its GEMM kernel, as AutoAWQ writes it.
 *
 * <pre>
 * qweight  I32 (inputs, outputs / 8)   codes
 * qzeros   I32 (groups, outputs / 8)   zero points
 * scales       (groups, outputs)
 * </pre>
 *
 * <p>A word has eight outputs, of even numbers first: from the lowest bits 0, 2, 4, 6, 1, 3, 5, 7.
 */
final class AwqFormat implements WeightFormat {
    private static final int BITS = 4;
    private static final int PER_WORD = 8;

    private final int groupSize;

    AwqFormat(ConfigFile config) throws InvalidModelException {
        if (config.positiveInt("bits") != BITS) {
            throw config.unsupported("bits", config.get("bits"), "4");
        }
        groupSize = Grid.groupSize(config);
        for (String key : new String[] {"version", "format", "checkpoint_format"}) {
            String order = config.text(key, "gemm");
            if (!order.equalsIgnoreCase("gemm")) {
                throw config.unsupported(key, order, "gemm");
            }
        }
    }

    @Override
    public String name() {
        return "AWQ";
    }

    @Override
    public boolean isCodes(String suffix, Tensor tensor) {
        return suffix.equals("qweight");
    }

    @Override
    public QuantizedMatrix matrix(LayerTensors layer) throws IOException {
        Tensor codes = layer.take("qweight", 2);
        int inputs = Math.toIntExact(codes.dim(0));
        int words = Math.toIntExact(codes.dim(1));
        int outputs = Math.multiplyExact(words, PER_WORD);
        int size = groupSize == Grid.COLUMN ? inputs : groupSize;
        int groups = (inputs + size - 1) / size;
        Tensor scales = layer.take("scales", 2).expect(groups, outputs);
        Tensor zeros = layer.take("qzeros", 2).expect(groups, words);
        return new QuantizedMatrix(
                outputs,
                inputs,
                () -> codes(StoredNumbers.ints(codes), words),
                () ->
                        new Grid(
                                Grid.transposed(scales.readFloats(), groups, outputs),
                                zeros(StoredNumbers.ints(zeros), words, groups),
                                scales.dtype(),
                                1,
                                Grid.consecutive(inputs, size),
                                groups),
                codes.toString());
    }

    private static QuantizedMatrix.Codes codes(int[] words, int rowWords) {
        return (row, to) -> {
            int field = field((int) (row % PER_WORD));
            for (int k = 0, at = (int) row / PER_WORD; k < to.length; k++, at += rowWords) {
                to[k] = BitFields.get(words[at], field, BITS);
            }
        };
    }

    /** Row-major (outputs, groups). */
    private static float[] zeros(int[] words, int rowWords, int groups) {
        float[] zeros = new float[words.length * PER_WORD];
        for (int output = 0; output < rowWords * PER_WORD; output++) {
            for (int group = 0; group < groups; group++) {
                int word = words[group * rowWords + output / PER_WORD];
                zeros[output * groups + group] =
                        BitFields.get(word, field(output % PER_WORD), BITS);
            }
        }
        return zeros;
    }

    /** Where the output of an index among eight is in its word. */
    private static int field(int output) {
        return output % 2 == 0 ? output / 2 : PER_WORD / 2 + output / 2;
    }
}

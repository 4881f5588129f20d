package io.millrace.gpu.model.quantization;

import io.millrace.gpu.tensor.InvalidModelException;
import io.millrace.gpu.tensor.Tensor;

/**
 * Which numbers of a matrix share a scale in compressed-tensors.
 *
 * @param blocks of rows
 * @param rowsPerBlock rows that share their scales
 * @param columns of the matrix
 * @param width columns that share a scale
 * @param single whether the file has one scale, of one dimension
 */
record ScaleLayout(int blocks, int rowsPerBlock, int columns, int width, boolean single) {

    static ScaleLayout of(CompressedScheme scheme, int rows, int columns) {
        return switch (scheme.strategy()) {
            case TENSOR -> new ScaleLayout(1, rows, columns, columns, true);
            case CHANNEL -> new ScaleLayout(rows, 1, columns, columns, false);
            case GROUP -> new ScaleLayout(rows, 1, columns, scheme.group(), false);
            case BLOCK -> {
                int height = scheme.block().rows();
                int blocks = (rows + height - 1) / height;
                yield new ScaleLayout(blocks, height, columns, scheme.block().columns(), false);
            }
        };
    }

    /** Scales of a block of rows. */
    int groups() {
        return (columns + width - 1) / width;
    }

    /** The group of each column. */
    int[] groupOf() {
        return Grid.consecutive(columns, width);
    }

    /** Takes a layer's scales. */
    Tensor take(LayerTensors layer) throws InvalidModelException {
        return single
                ? layer.takeOne("weight_scale")
                : layer.take("weight_scale", 2).expect(blocks, groups());
    }
}

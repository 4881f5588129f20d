package io.millrace.gpu.model.quantization;

import io.millrace.gpu.model.folder.ConfigFile;
import io.millrace.gpu.tensor.DType;
import io.millrace.gpu.tensor.InvalidModelException;
import io.millrace.gpu.tensor.Tensor;
import java.io.IOException;
import java.util.List;

/**
 * FP8 with a scale for each block of a matrix, as transformers and DeepSeek write it.
 *
 * <pre>
 * weight            F8_E4M3 (outputs, inputs)
 * weight_scale_inv  (blocks of outputs, blocks of inputs); multiplied, despite its name
 * </pre>
 *
 * <p>The product is rounded to T alone. A matrix that the block does not divide may be there in
 * another type beside a scale that holds nothing: the type of the weight decides.
 */
final class Fp8BlockFormat implements WeightFormat {
    private static final String SCALE = "weight_scale_inv";

    private final BlockSize block;

    Fp8BlockFormat(ConfigFile config) throws InvalidModelException {
        block = BlockSize.read(config, "weight_block_size");
    }

    @Override
    public String name() {
        return "FP8 in blocks";
    }

    @Override
    public boolean isCodes(String suffix, Tensor tensor) {
        return suffix.equals("weight") && tensor.storedType().equals(Float8.E4M3);
    }

    @Override
    public QuantizedMatrix matrix(LayerTensors layer) throws IOException {
        Tensor codes = layer.take("weight", 2);
        int rows = Math.toIntExact(codes.dim(0));
        int columns = Math.toIntExact(codes.dim(1));
        Tensor scales = layer.take(SCALE, 2);
        int groups = (columns + block.columns() - 1) / block.columns();
        scales.expect((rows + block.rows() - 1) / block.rows(), groups);
        return new QuantizedMatrix(
                rows,
                columns,
                () -> StoredCodes.bytes(codes),
                () ->
                        new Grid(
                                scales.readFloats(),
                                null,
                                DType.F32,
                                block.rows(),
                                Grid.consecutive(columns, block.columns()),
                                groups),
                codes.toString());
    }

    @Override
    public boolean isWithoutEffect(String suffix) {
        return suffix.equals(SCALE);
    }

    @Override
    public List<String> remarks() {
        return List.of(ACTIVATIONS);
    }
}

package io.millrace.gpu.model;

import io.millrace.gpu.model.family.DecoderShape;
import io.millrace.gpu.model.family.Family;
import io.millrace.gpu.model.family.WeightReader;
import io.millrace.gpu.tensor.DType;
import io.millrace.gpu.tensor.Noise;
import io.millrace.gpu.tensor.Tensor;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The tensors of a dummy model, recorded from the calls of its family. Matrices and biases are
 * noise, the weights of norms 1.
 */
final class DummyTensors implements WeightReader<Object, Object> {
    /** Stands for a loaded weight. */
    private static final Object NOTHING = new Object();

    private final Map<String, Tensor> tensors = new LinkedHashMap<>();
    private final DType type;
    private final Noise noise;

    private DummyTensors(DType type) {
        this.type = type;
        noise = new Noise(type);
    }

    /** By name, in order of their use. */
    static Map<String, Tensor> of(Family family, DecoderShape shape, DType type)
            throws IOException {
        DummyTensors dummy = new DummyTensors(type);
        family.weights(shape, dummy);
        return dummy.tensors;
    }

    @Override
    public Tensor tensor(String name, long... dims) {
        boolean norm = dims.length == 1 && name.endsWith(".weight");
        Tensor tensor = norm ? Tensor.ones(name, type, dims) : noise.tensor(name, dims);
        tensors.put(name, tensor);
        return tensor;
    }

    @Override
    public boolean has(String name) {
        return false;
    }

    @Override
    public Object matrix(Tensor... parts) {
        return NOTHING;
    }

    @Override
    public Object table(Tensor tensor) {
        return NOTHING;
    }

    @Override
    public Object tiedHead(Object table, Tensor tensor) {
        return NOTHING;
    }

    @Override
    public Object addedMatrix(Tensor tensor) {
        return NOTHING;
    }

    @Override
    public Object gatedMatrix(Tensor gate, Tensor up) {
        return NOTHING;
    }

    @Override
    public Object vector(Tensor... parts) {
        return NOTHING;
    }
}

package io.millrace.gpu.device.cuda;

import io.millrace.gpu.api.KernelTiming.Op;
import io.millrace.gpu.device.AttentionShape;
import io.millrace.gpu.device.Norm;
import io.millrace.gpu.device.QkvProjection;
import io.millrace.gpu.device.cuda.driver.CudaContext;
import io.millrace.gpu.device.cuda.driver.DeviceMemory;
import io.millrace.gpu.device.cuda.driver.KernelLaunch;
import io.millrace.gpu.device.cuda.kernel.CudaMatrix;
import io.millrace.gpu.device.cuda.kernel.KernelIndex;
import io.millrace.gpu.device.cuda.kernel.Numerics;
import io.millrace.gpu.device.cuda.kernel.Segmentation;
import io.millrace.gpu.device.cuda.kernel.TileLayout;
import io.millrace.gpu.device.cuda.struct.KernelParams;
import java.io.IOException;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * The CUDA backend with a filter that leaves out all ops but one: the calls of a whole step then
 * queue that op's kernels alone, layer after layer with each layer's weights, K and V, by the
 * launches of a step.
 */
public final class OneOpBackend extends CudaBackend {
    private static final int POISON = 0xff;

    private final AttentionShape shape;

    /** The weight of each op that was used last. */
    private final Map<Op, CudaMatrix> weights = new EnumMap<>(Op.class);

    /** Activations of which a step writes every byte that it reads. */
    private final List<Activation> written = new ArrayList<>();

    /** Window of each layer, in positions. */
    private final int[] windows;

    /** The op that is not left out; null: all ops. */
    private Op only;

    /** The op that is being called; null for one that cannot be chosen. */
    private Op present;

    /** See the constructor of {@link CudaBackend}. */
    public OneOpBackend(
            CudaContext context,
            KernelIndex index,
            ModelSizes model,
            StepLimits limits,
            Segmentation segmentation)
            throws IOException {
        super(context, index, model, limits, segmentation);
        this.shape = model.attention();
        this.windows = new int[shape.layers()];
    }

    /** Leaves out all ops but this one; null leaves out none. */
    public void only(Op op) {
        only = op;
    }

    /** The weight of an op; null if the model does not have the op. */
    public CudaMatrix weight(Op op) {
        return weights.get(op);
    }

    /** Window of a layer, in positions; known after the first step. */
    public int window(int layer) {
        return windows[layer];
    }

    /** Fills the outputs of the next step with NaN. */
    public void poison() {
        written.forEach(each -> each.fill(POISON));
        fillRows(POISON);
    }

    @Override
    public Activation activation(Use use, int width) {
        Activation made = super.activation(use, width);
        // The zeros that pad a matmul's input are read, and never written again.
        boolean padded =
                use == Use.QUERIES
                        ? TileLayout.paddedHead(shape.headSize()) != shape.headSize()
                        : use == Use.INPUT && Numerics.pad(width) != width;
        if (!padded) {
            written.add(made);
        }
        return made;
    }

    @Override
    void launch(String op, KernelLaunch launch, KernelParams with) {
        if (only == null || only == present) {
            super.launch(op, launch, with);
        }
    }

    private void begin(Op op, CudaMatrix weight) {
        present = op;
        weights.put(op, weight);
    }

    @Override
    void resolve() {
        present = null;
        super.resolve();
    }

    @Override
    public void embed(CudaMatrix table, CudaMatrix positions, Activation out) {
        present = null;
        super.embed(table, positions, out);
    }

    @Override
    public void norm(Activation x, Norm<DeviceMemory> norm, Activation out) {
        present = Op.NORM;
        super.norm(x, norm, out);
    }

    @Override
    public void qkvProjectRopeStoreKv(
            Activation x, QkvProjection<CudaMatrix, DeviceMemory> qkv, int layer, Activation q) {
        begin(Op.QKV, qkv.matrix());
        super.qkvProjectRopeStoreKv(x, qkv, layer, q);
    }

    @Override
    public void attention(Activation q, int layer, int window, Activation out) {
        present = isDecode() ? Op.DECODE_ATTENTION : Op.PREFILL_ATTENTION;
        windows[layer] = window;
        super.attention(q, layer, window, out);
    }

    @Override
    public void matmulAdd(Activation x, CudaMatrix weight, DeviceMemory bias, Activation residual) {
        boolean attended = present == Op.DECODE_ATTENTION || present == Op.PREFILL_ATTENTION;
        begin(attended ? Op.OUTPUT : Op.DOWN, weight);
        super.matmulAdd(x, weight, bias, residual);
    }

    @Override
    public void matmulGated(Activation x, CudaMatrix gateUp, Activation out) {
        begin(Op.GATED_UP, gateUp);
        super.matmulGated(x, gateUp, out);
    }

    @Override
    public void matmulGelu(Activation x, CudaMatrix weight, DeviceMemory bias, Activation out) {
        begin(Op.UP, weight);
        super.matmulGelu(x, weight, bias, out);
    }

    @Override
    public void logits(Activation x, Norm<DeviceMemory> norm, CudaMatrix head) {
        begin(Op.HEAD, head);
        super.logits(x, norm, head);
    }
}

package io.millrace.gpu.device.cuda.kernel;

import io.millrace.gpu.device.AttentionShape;
import io.millrace.gpu.device.Norm;
import io.millrace.gpu.device.QkvProjection;
import io.millrace.gpu.device.cuda.driver.DeviceMemory;
import java.util.List;

/** Writes each struct of {@code params.h}, field after field; a test compares the two. */
public final class OpParams {
    /** Of MatmulParams. */
    public enum Epilogue {
        STORE,
        ADD,
        GATED,
        GELU
    }

    /** Where the tables of a step begin, as kernels see them. */
    public record Step(
            long header,
            long tokenIds,
            long positions,
            long rowOf,
            long rowStart,
            long rowTable,
            long gather,
            long slots,
            long blocks) {}

    /**
     * What the device keeps of what it drew, as kernels see it.
     *
     * @param lastTokens (slots)
     * @param ended (slots)
     * @param began when the last step began
     */
    public record Drawn(long lastTokens, long ended, long began) {}

    /**
     * Where things lie that stay the same from step to step.
     *
     * @param cos (positions, pairs)
     * @param sin (positions, pairs)
     * @param partials scratch of products
     * @param arrivals counters of products
     */
    public record Fixed(
            Step step,
            AttentionShape shape,
            int blockSize,
            DeviceMemory cos,
            DeviceMemory sin,
            DeviceMemory partials,
            DeviceMemory arrivals) {}

    /**
     * Work lists of attention for one window, and what all windows share.
     *
     * @param places scratch of what makes the lists
     * @param arrivals counters of chunks that are computed
     */
    public record Plan(
            DeviceMemory work,
            DeviceMemory decode,
            DeviceMemory shared,
            DeviceMemory members,
            DeviceMemory places,
            DeviceMemory prefill,
            DeviceMemory partials,
            DeviceMemory arrivals) {
        /** What is made anew at each step's beginning. */
        public List<DeviceMemory> lists() {
            return List.of(work, decode, shared, members, places, prefill);
        }
    }

    /**
     * What weights are multiplied with.
     *
     * @param tiles (tokens, k)
     * @param inverse (tokens) what the sums of each row are multiplied by: of an RMSNorm whose
     *     scale comes behind the product; or null
     */
    public record Input(DeviceMemory tiles, DeviceMemory inverse) {}

    private final Fixed fixed;
    private final Step step;
    private final KernelParams params;

    public OpParams(Fixed fixed, KernelParams params) {
        this.fixed = fixed;
        this.params = params;
        step = fixed.step;
    }

    /** ResolveParams. */
    public KernelParams resolve(Drawn drawn) {
        return params.begin()
                .pointer(step.header())
                .pointer(step.gather())
                .pointer(step.slots())
                .pointer(step.rowOf())
                .pointer(step.rowTable())
                .pointer(drawn.lastTokens())
                .pointer(drawn.ended())
                .pointer(step.tokenIds())
                .pointer(step.positions())
                .pointer(step.blocks())
                .pointer(drawn.began());
    }

    /** EmbedParams. */
    public KernelParams embed(CudaMatrix table, CudaMatrix positions, DeviceMemory residual) {
        return params.begin()
                .pointer(table.memory())
                .pointer(positions == null ? null : positions.memory())
                .pointer(residual)
                .pointer(step.header())
                .pointer(step.tokenIds())
                .pointer(step.positions())
                .word(table.k())
                .word(0);
    }

    /**
     * NormParams.
     *
     * @param sampledOnly whether only tokens are normed whose logits are wanted
     */
    public KernelParams norm(
            DeviceMemory x, Norm<DeviceMemory> norm, Input out, boolean sampledOnly, int width) {
        return params.begin()
                .pointer(x)
                .pointer(norm.weight())
                .pointer(norm.bias())
                .pointer(out.tiles)
                .pointer(out.inverse)
                .pointer(step.header())
                .pointer(sampledOnly ? step.gather() : 0)
                .word(width)
                .word(norm.epsilon());
    }

    /** MatmulParams. */
    public KernelParams matmul(
            CudaMatrix weight,
            Input x,
            DeviceMemory bias,
            DeviceMemory out,
            Epilogue epilogue,
            boolean sampledOnly) {
        boolean rows = epilogue == Epilogue.STORE || epilogue == Epilogue.ADD;
        return params.begin()
                .pointer(weight.memory())
                .pointer(x.tiles)
                .pointer(bias)
                .pointer(x.inverse)
                .pointer(rows ? out : null)
                .pointer(rows ? null : out)
                .pointer(fixed.partials)
                .pointer(fixed.arrivals)
                .pointer(step.header())
                .word(weight.rows())
                .word(weight.k())
                .word(epilogue == Epilogue.GATED ? weight.rows() / 2 : weight.rows())
                .word(weight.segments())
                .word(epilogue.ordinal())
                .word(sampledOnly ? 1 : 0);
    }

    /**
     * QkvFinishParams.
     *
     * @param kv where the layer's arena begins
     */
    public KernelParams qkvFinish(
            DeviceMemory projected,
            QkvProjection<CudaMatrix, DeviceMemory> qkv,
            DeviceMemory q,
            long kv) {
        params.begin();
        return finishHeads(projected, qkv, q, kv);
    }

    /**
     * QkvParams.
     *
     * @param kv where the layer's arena begins
     */
    public KernelParams qkv(
            CudaMatrix weight,
            Input x,
            QkvProjection<CudaMatrix, DeviceMemory> qkv,
            DeviceMemory q,
            long kv) {
        matmul(weight, x, null, null, Epilogue.STORE, false);
        return finishHeads(null, qkv, q, kv);
    }

    private KernelParams finishHeads(
            DeviceMemory projected,
            QkvProjection<CudaMatrix, DeviceMemory> qkv,
            DeviceMemory q,
            long kv) {
        Norm<DeviceMemory> queryNorm = qkv.queryNorm();
        Norm<DeviceMemory> keyNorm = qkv.keyNorm();
        return params.pointer(projected)
                .pointer(qkv.bias())
                .pointer(queryNorm == null ? null : queryNorm.weight())
                .pointer(keyNorm == null ? null : keyNorm.weight())
                .pointer(fixed.cos)
                .pointer(fixed.sin)
                .pointer(q)
                .pointer(kv)
                .pointer(step.header())
                .pointer(step.positions())
                .pointer(step.rowOf())
                .pointer(step.rowTable())
                .pointer(step.blocks())
                .word(fixed.shape.heads())
                .word(fixed.shape.kvHeads())
                .word(fixed.shape.headSize())
                .word(fixed.shape.headSize() / 2)
                .word(fixed.blockSize)
                .word(1) // tables lie without gaps: rowTable counts single block ids
                .word(queryNorm == null ? 0 : queryNorm.epsilon())
                .word(keyNorm == null ? 0 : keyNorm.epsilon());
    }

    /**
     * AttentionPlanParams.
     *
     * @param share whether chunks are looked for that rows share
     * @param prefillPairs of an item of the prefill kernel
     */
    public KernelParams attentionPlan(Plan plan, int window, boolean share, int prefillPairs) {
        return params.begin()
                .pointer(step.header())
                .pointer(step.rowStart())
                .pointer(step.positions())
                .pointer(step.rowTable())
                .pointer(step.blocks())
                .pointer(plan.work)
                .pointer(plan.decode)
                .pointer(plan.shared)
                .pointer(plan.members)
                .pointer(plan.places)
                .pointer(plan.prefill)
                .word(fixed.shape.group())
                .word(window)
                .word(fixed.blockSize)
                .word(1)
                .word(share ? 1 : 0)
                .word(prefillPairs);
    }

    /**
     * AttentionParams.
     *
     * @param plan null for F32, which needs none
     * @param early whether the kernel may begin before the one before it has ended
     */
    public KernelParams attention(
            DeviceMemory q,
            long kv,
            DeviceMemory out,
            Plan plan,
            int window,
            float scale,
            boolean early) {
        return params.begin()
                .pointer(q)
                .pointer(kv)
                .pointer(out)
                .pointer(plan == null ? null : plan.partials)
                .pointer(plan == null ? null : plan.arrivals)
                .pointer(step.header())
                .pointer(step.rowStart())
                .pointer(step.positions())
                .pointer(step.rowOf())
                .pointer(step.rowTable())
                .pointer(step.blocks())
                .pointer(plan == null ? null : plan.work)
                .pointer(plan == null ? null : plan.decode)
                .pointer(plan == null ? null : plan.shared)
                .pointer(plan == null ? null : plan.members)
                .pointer(plan == null ? null : plan.prefill)
                .word(fixed.shape.heads())
                .word(fixed.shape.kvHeads())
                .word(fixed.shape.headSize())
                .word(fixed.blockSize)
                .word(1)
                .word(window)
                .word(scale)
                .word(early ? 1 : 0);
    }
}

package io.millrace.gpu.device.cuda.kernel;

import io.millrace.gpu.device.AttentionShape;
import io.millrace.gpu.device.Norm;
import io.millrace.gpu.device.QkvProjection;
import io.millrace.gpu.device.cuda.driver.DeviceMemory;
import io.millrace.gpu.device.cuda.struct.ParamsHeader;
import io.millrace.gpu.device.cuda.struct.ParamsHeader.AttentionParams;
import io.millrace.gpu.device.cuda.struct.ParamsHeader.AttentionPlanParams;
import io.millrace.gpu.device.cuda.struct.ParamsHeader.EmbedParams;
import io.millrace.gpu.device.cuda.struct.ParamsHeader.MatmulParams;
import io.millrace.gpu.device.cuda.struct.ParamsHeader.NormParams;
import io.millrace.gpu.device.cuda.struct.ParamsHeader.QkvFinishParams;
import io.millrace.gpu.device.cuda.struct.ParamsHeader.QkvParams;
import io.millrace.gpu.device.cuda.struct.ParamsHeader.ResolveParams;
import java.util.List;

/**
 * Fills the parameters of each op's kernels. A call overwrites the result of the last one for that
 * kernel.
 */
public final class OpParams {
    /** What a matmul does with its sums. */
    public enum Epilogue {
        STORE(ParamsHeader.EPILOGUE_STORE),
        ADD(ParamsHeader.EPILOGUE_ADD),
        GATED(ParamsHeader.EPILOGUE_GATED),
        GELU(ParamsHeader.EPILOGUE_GELU);

        private final int number;

        Epilogue(int number) {
            this.number = number;
        }
    }

    /** Device addresses of a step's tables. */
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
     * Device addresses of what the sampler keeps for the next step.
     *
     * @param lastTokens (slots)
     * @param ended (slots)
     * @param began start of the last step
     * @param last LastStep of the last step that was delivered
     */
    public record SamplerState(long lastTokens, long ended, long began, long last) {}

    /**
     * Host memory from which the first kernel of a step brings its tables. Offsets are in words.
     *
     * @param address device address of the first in-flight slot's tables
     * @param tables where they are brought to
     * @param words from one in-flight slot to the next
     * @param tokenWords from each table of tokens to the next
     */
    public record Staging(
            long address,
            long tables,
            int words,
            int header,
            int rowTable,
            int lastSamples,
            int tokenIds,
            int tokenWords) {}

    /**
     * Values that are the same for all steps.
     *
     * @param cos (positions, pairs)
     * @param sin (positions, pairs)
     * @param partials scratch of matmuls
     * @param arrivals counters of matmuls
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
     * Work lists of attention for one window, and scratch that all windows share.
     *
     * @param places scratch of attention_plan
     * @param arrivals counters of computed chunks
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
        /** The lists that attention_plan builds in each step. */
        public List<DeviceMemory> lists() {
            return List.of(work, decode, shared, members, places, prefill);
        }
    }

    /**
     * The input of a matmul.
     *
     * @param tiles (tokens, k)
     * @param inverse (tokens) factors of each token's sums, if an RMSNorm left its scale to the
     *     matmul; otherwise null
     */
    public record Input(DeviceMemory tiles, DeviceMemory inverse) {}

    /** Block ids of all rows are contiguous, so {@code rowTable} counts single ids. */
    private static final int TABLE_STRIDE = 1;

    private final Fixed fixed;
    private final Step step;
    private final ResolveParams resolve = new ResolveParams();
    private final EmbedParams embed = new EmbedParams();
    private final NormParams norm = new NormParams();
    private final MatmulParams matmul = new MatmulParams();
    private final QkvFinishParams qkvFinish = new QkvFinishParams();
    private final QkvParams qkv = new QkvParams();
    private final AttentionPlanParams attentionPlan = new AttentionPlanParams();
    private final AttentionParams attention = new AttentionParams();

    public OpParams(Fixed fixed) {
        this.fixed = fixed;
        step = fixed.step;
    }

    /**
     * ResolveParams.
     *
     * @param tokens that the launch is made for
     * @param again whether the tables are those of the last step that was delivered
     */
    public ResolveParams resolve(SamplerState state, Staging staging, int tokens, boolean again) {
        return resolve.begin()
                .places(staging.address())
                .last(state.last())
                .lastTokens(state.lastTokens())
                .ended(state.ended())
                .tables(staging.tables())
                .began(state.began())
                .placeWords(staging.words())
                .header(staging.header())
                .rowTable(staging.rowTable())
                .lastSamples(staging.lastSamples())
                .tokenIds(staging.tokenIds())
                .tokenWords(staging.tokenWords())
                .tokens(tokens)
                .again(again ? 1 : 0);
    }

    /**
     * @param positions null if the model has no table of positions
     */
    public EmbedParams embed(CudaMatrix table, CudaMatrix positions, DeviceMemory residual) {
        return embed.begin()
                .table(table.memory())
                .positionTable(positions == null ? null : positions.memory())
                .residual(residual)
                .step(step.header())
                .tokenIds(step.tokenIds())
                .positions(step.positions())
                .hidden(table.k());
    }

    /**
     * @param sampledOnly whether only the sampled tokens are normed
     */
    public NormParams norm(
            DeviceMemory x, Norm<DeviceMemory> with, Input out, boolean sampledOnly, int width) {
        return norm.begin()
                .x(x)
                .weight(with.weight())
                .bias(with.bias())
                .out(out.tiles)
                .inverse(out.inverse)
                .step(step.header())
                .gather(sampledOnly ? step.gather() : 0)
                .width(width)
                .epsilon(with.epsilon());
    }

    /** A matmul of all tokens of the step. */
    public MatmulParams matmul(
            CudaMatrix weight, Input x, DeviceMemory bias, DeviceMemory out, Epilogue epilogue) {
        boolean rows = epilogue == Epilogue.STORE || epilogue == Epilogue.ADD;
        return operands(matmul, weight, x)
                .bias(bias)
                .outRows(rows ? out : null)
                .outTiles(rows ? null : out)
                .columns(epilogue == Epilogue.GATED ? weight.rows() / 2 : weight.rows())
                .epilogue(epilogue.number)
                .sampledOnly(0);
    }

    /** The matmul that computes the logits of the sampled tokens. */
    public MatmulParams logits(CudaMatrix weight, Input x, DeviceMemory logits) {
        return logits(matmul, weight, x, logits);
    }

    /** The same, as a part of other parameters. */
    public MatmulParams logits(MatmulParams to, CudaMatrix weight, Input x, DeviceMemory logits) {
        return stored(to, weight, x, logits).sampledOnly(1);
    }

    private MatmulParams stored(MatmulParams to, CudaMatrix weight, Input x, DeviceMemory out) {
        return operands(to, weight, x)
                .bias(null)
                .outRows(out)
                .outTiles(null)
                .columns(weight.rows())
                .epilogue(Epilogue.STORE.number);
    }

    private MatmulParams operands(MatmulParams to, CudaMatrix weight, Input x) {
        return to.begin()
                .weight(weight.memory())
                .x(x.tiles)
                .inverse(x.inverse)
                .partials(fixed.partials)
                .arrivals(fixed.arrivals)
                .step(step.header())
                .rows(weight.rows())
                .k(weight.k())
                .segments(weight.segments());
    }

    /**
     * @param kv where the layer's arena begins
     */
    public QkvFinishParams qkvFinish(
            DeviceMemory projected,
            QkvProjection<CudaMatrix, DeviceMemory> projection,
            DeviceMemory q,
            long kv) {
        return heads(qkvFinish.begin(), projection, q, kv).projected(projected);
    }

    /**
     * The matmul of queries, keys and values, and what {@link #qkvFinish} does.
     *
     * @param kv where the layer's arena begins
     */
    public QkvParams qkv(
            CudaMatrix weight,
            Input x,
            QkvProjection<CudaMatrix, DeviceMemory> projection,
            DeviceMemory q,
            long kv) {
        qkv.begin();
        stored(qkv.matmul, weight, x, null).sampledOnly(0);
        heads(qkv.heads.begin(), projection, q, kv).projected(null);
        return qkv;
    }

    private QkvFinishParams heads(
            QkvFinishParams to,
            QkvProjection<CudaMatrix, DeviceMemory> projection,
            DeviceMemory q,
            long kv) {
        Norm<DeviceMemory> queryNorm = projection.queryNorm();
        Norm<DeviceMemory> keyNorm = projection.keyNorm();
        return to.bias(projection.bias())
                .queryNorm(queryNorm == null ? null : queryNorm.weight())
                .keyNorm(keyNorm == null ? null : keyNorm.weight())
                .cos(fixed.cos)
                .sin(fixed.sin)
                .q(q)
                .kv(kv)
                .step(step.header())
                .positions(step.positions())
                .rowOf(step.rowOf())
                .rowTable(step.rowTable())
                .blocks(step.blocks())
                .heads(fixed.shape.heads())
                .kvHeads(fixed.shape.kvHeads())
                .headSize(fixed.shape.headSize())
                .pairs(fixed.shape.headSize() / 2)
                .blockSize(fixed.blockSize)
                .tableStride(TABLE_STRIDE)
                .queryEpsilon(queryNorm == null ? 0 : queryNorm.epsilon())
                .keyEpsilon(keyNorm == null ? 0 : keyNorm.epsilon());
    }

    /**
     * @param share whether to find chunks that rows share
     * @param prefillPairs pairs per item of the prefill kernel
     */
    public AttentionPlanParams attentionPlan(
            Plan plan, int window, boolean share, int prefillPairs) {
        return attentionPlan
                .begin()
                .step(step.header())
                .rowStart(step.rowStart())
                .positions(step.positions())
                .rowTable(step.rowTable())
                .blocks(step.blocks())
                .work(plan.work)
                .decode(plan.decode)
                .shared(plan.shared)
                .members(plan.members)
                .places(plan.places)
                .prefill(plan.prefill)
                .group(fixed.shape.group())
                .window(window)
                .blockSize(fixed.blockSize)
                .tableStride(TABLE_STRIDE)
                .share(share ? 1 : 0)
                .prefillPairs(prefillPairs);
    }

    /**
     * @param plan null for F32, which needs none
     * @param early whether the kernel may begin before the one before it has ended
     */
    public AttentionParams attention(
            DeviceMemory q,
            long kv,
            DeviceMemory out,
            Plan plan,
            int window,
            float scale,
            boolean early) {
        return attention
                .begin()
                .q(q)
                .kv(kv)
                .out(out)
                .partials(plan == null ? null : plan.partials)
                .arrivals(plan == null ? null : plan.arrivals)
                .step(step.header())
                .rowStart(step.rowStart())
                .positions(step.positions())
                .rowOf(step.rowOf())
                .rowTable(step.rowTable())
                .blocks(step.blocks())
                .work(plan == null ? null : plan.work)
                .decode(plan == null ? null : plan.decode)
                .shared(plan == null ? null : plan.shared)
                .members(plan == null ? null : plan.members)
                .prefill(plan == null ? null : plan.prefill)
                .heads(fixed.shape.heads())
                .kvHeads(fixed.shape.kvHeads())
                .headSize(fixed.shape.headSize())
                .blockSize(fixed.blockSize)
                .tableStride(TABLE_STRIDE)
                .window(window)
                .scale(scale)
                .early(early ? 1 : 0);
    }
}

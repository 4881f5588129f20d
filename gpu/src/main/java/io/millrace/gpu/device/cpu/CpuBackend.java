package io.millrace.gpu.device.cpu;

import static io.millrace.gpu.device.cpu.StripKernels.LANES;
import static io.millrace.gpu.device.cpu.StripKernels.STRIP;
import static io.millrace.gpu.device.cpu.StripKernels.TILE;

import io.millrace.gpu.device.AttentionShape;
import io.millrace.gpu.device.Backend;
import io.millrace.gpu.device.Norm;
import io.millrace.gpu.device.QkvProjection;
import io.millrace.gpu.device.RotaryTable;
import io.millrace.gpu.program.StepBatch;
import io.millrace.gpu.program.StepOutput;
import io.millrace.gpu.sampling.SamplingRow;
import io.millrace.gpu.tensor.Tensor;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;

/**
 * The ops on the CPU. Weights, activations and KV blocks are on the Java heap. Engine thread only;
 * the ops share their work out to {@link Workers}.
 */
final class CpuBackend implements Backend<StripMatrix, float[], CpuBackend.Activation> {

    /** An activation: one row per token. (tokens, width) */
    record Activation(float[] values, int width) {}

    private final AttentionShape shape;
    private final RotaryTable rotary;
    private final Workers workers;
    private final StripMatmul matmul;
    private final WeightLoader loader;
    private final int maxTokens;
    private final int maxRows;
    private final int vocabulary;

    /** Whether matrices are made INT8. */
    final boolean int8;

    private final CpuSampler[] samplers;
    private final CpuAttention[] attentions;
    private final float[][] lanes;
    private final float[] projected;
    private final int[] rowOf;

    /** Row of each sample. */
    private final int[] sampleRow;

    private final int[] taskRow;
    private final int[] taskFirst;
    private float[] sampledHidden = new float[0];

    /** Of the last step; the i-th sample's begin at i * vocabulary. */
    float[] logits = new float[0];

    KvCache cache;
    private StepBatch batch;
    private int samples;

    /** Sampling of each sample. */
    private SamplingRow[] sampleHow = new SamplingRow[0];

    private int attentionTasks;

    /**
     * @param maxTokens most tokens of a step
     * @param maxRows most rows of a step
     * @param loader used until the weights are loaded
     * @param int8 whether matrices are made INT8
     */
    CpuBackend(
            AttentionShape shape,
            RotaryTable rotary,
            int vocabulary,
            int maxTokens,
            int maxRows,
            Workers workers,
            WeightLoader loader,
            boolean int8) {
        this.int8 = int8;
        this.shape = shape;
        this.rotary = rotary;
        this.workers = workers;
        this.loader = loader;
        this.vocabulary = vocabulary;
        this.maxTokens = maxTokens;
        this.maxRows = maxRows;
        matmul = new StripMatmul(workers);
        samplers = new CpuSampler[workers.size()];
        attentions = new CpuAttention[workers.size()];
        lanes = new float[workers.size()][VectorMath.SUM_LANES];
        projected = new float[maxTokens * (shape.heads() + 2 * shape.kvHeads()) * shape.headSize()];
        rowOf = new int[maxTokens];
        sampleRow = new int[maxTokens];
        taskRow = new int[maxTokens];
        taskFirst = new int[maxTokens];
    }

    /** Lays out the KV cache; called once, after the weights are loaded. */
    void allocate(int blocks, int blockSize) {
        cache = new KvCache(shape, blocks, blockSize);
        for (int i = 0; i < attentions.length; i++) {
            attentions[i] = new CpuAttention(shape, cache);
        }
    }

    @Override
    public StripMatrix matrix(List<Tensor> parts) throws IOException {
        return StripMatrix.load(parts, int8, loader);
    }

    @Override
    public StripMatrix table(Tensor tensor) throws IOException {
        return StripMatrix.load(List.of(tensor), false, loader);
    }

    @Override
    public StripMatrix tiedHead(StripMatrix table, Tensor tensor) throws IOException {
        return int8 ? matrix(List.of(tensor)) : table;
    }

    @Override
    public StripMatrix gatedMatrix(Tensor gate, Tensor up) throws IOException {
        return StripMatrix.loadGated(gate, up, int8, loader);
    }

    @Override
    public void finishLoading() throws IOException {
        loader.finish();
    }

    @Override
    public float[] vector(List<Tensor> parts) throws IOException {
        int length = 0;
        for (Tensor part : parts) {
            length += Math.toIntExact(part.dim(0));
        }
        float[] values = new float[length];
        int at = 0;
        for (Tensor part : parts) {
            float[] piece = part.readFloats();
            System.arraycopy(piece, 0, values, at, piece.length);
            at += piece.length;
        }
        return values;
    }

    @Override
    public Activation activation(Use use, int width) {
        return new Activation(new float[Math.multiplyExact(maxTokens, width)], width);
    }

    @Override
    public void begin(StepBatch step) {
        if (step.tokens > maxTokens || step.rows > maxRows) {
            throw new IllegalArgumentException(
                    "A step of %d tokens in %d rows is more than %d in %d."
                            .formatted(step.tokens, step.rows, maxTokens, maxRows));
        }
        batch = step;
        attentionTasks = 0;
        int perTask = CpuAttention.tokensPerTask(shape);
        for (int row = 0; row < step.rows; row++) {
            for (int token = step.rowStart[row]; token < step.rowStart[row + 1]; token++) {
                rowOf[token] = row;
                check(token);
                cache.back(step.blockTables[row][step.positions[token] / cache.blockSize]);
                if ((token - step.rowStart[row]) % perTask == 0) {
                    taskRow[attentionTasks] = row;
                    taskFirst[attentionTasks++] = token;
                }
            }
            checkSamples(row);
            Arrays.fill(sampleRow, step.sampleStart[row], step.sampleStart[row + 1], row);
        }
        samples = step.samples();
    }

    private void checkSamples(int row) {
        int count = batch.rowStart[row + 1] - batch.rowStart[row];
        if (batch.samples(row) > count) {
            throw new IllegalArgumentException(
                    "Row %d has %d samples but %d tokens."
                            .formatted(row, batch.samples(row), count));
        }
    }

    private void check(int token) {
        int id = batch.tokenIds[token];
        int position = batch.positions[token];
        if (id < 0 || id >= vocabulary || position < 0 || position >= rotary.positions()) {
            throw new IllegalArgumentException(
                    "Token %d at position %d is outside of %d tokens and %d positions."
                            .formatted(id, position, vocabulary, rotary.positions()));
        }
    }

    @Override
    public void embed(StripMatrix table, StripMatrix positions, Activation out) {
        workers.run(
                batch.tokens,
                (token, worker) -> {
                    table.row(batch.tokenIds[token], out.values, token * out.width);
                    if (positions != null) {
                        positions.addRow(batch.positions[token], out.values, token * out.width);
                    }
                });
    }

    @Override
    public void norm(Activation x, Norm<float[]> norm, Activation out) {
        int width = x.width;
        workers.run(
                chunks(batch.tokens),
                (chunk, worker) -> {
                    int end = Math.min(batch.tokens, (chunk + 1) * TILE);
                    for (int token = chunk * TILE; token < end; token++) {
                        int at = token * width;
                        VectorMath.norm(x.values, at, width, norm, out.values, at, lanes[worker]);
                    }
                });
    }

    private static int chunks(int tokens) {
        return (tokens + TILE - 1) / TILE;
    }

    @Override
    public void qkvProjectRopeStoreKv(
            Activation x, QkvProjection<StripMatrix, float[]> qkv, int layer, Activation q) {
        int width = qkv.matrix().outputs;
        matmul.run(
                x.values,
                batch.tokens,
                qkv.matrix(),
                (sums, at, token, column, n) ->
                        System.arraycopy(sums, at, projected, token * width + column, n));
        workers.run(
                chunks(batch.tokens),
                (chunk, worker) -> {
                    int end = Math.min(batch.tokens, (chunk + 1) * TILE);
                    for (int token = chunk * TILE; token < end; token++) {
                        finishProjection(token, qkv, layer, q.values, lanes[worker]);
                    }
                });
    }

    private void finishProjection(
            int token,
            QkvProjection<StripMatrix, float[]> qkv,
            int layer,
            float[] q,
            float[] laneSums) {
        int width = qkv.matrix().outputs;
        int at = token * width;
        if (qkv.bias() != null) {
            for (int i = 0; i < width; i++) {
                projected[at + i] += qkv.bias()[i];
            }
        }
        int size = shape.headSize();
        int turned = shape.heads() + shape.kvHeads();
        int position = batch.positions[token];
        for (int head = 0; head < turned; head++) {
            int from = at + head * size;
            Norm<float[]> norm = head < shape.heads() ? qkv.queryNorm() : qkv.keyNorm();
            if (norm != null) {
                VectorMath.norm(projected, from, size, norm, projected, from, laneSums);
            }
            turn(projected, from, position);
        }
        int queryWidth = shape.heads() * size;
        System.arraycopy(projected, at, q, token * queryWidth, queryWidth);
        int block = batch.blockTables[rowOf[token]][position / cache.blockSize];
        for (int head = 0; head < shape.kvHeads(); head++) {
            int k = at + queryWidth + head * size;
            int v = k + shape.kvHeads() * size;
            cache.store(layer, block, head, position % cache.blockSize, projected, k, v);
        }
    }

    /** Rotates the pairs (i, i + half) of a head; two products and a sum, each rounded. */
    private void turn(float[] x, int at, int position) {
        int half = rotary.pairs;
        int angle = position * half;
        for (int i = 0; i < half; i++) {
            float cos = rotary.cos[angle + i];
            float sin = rotary.sin[angle + i];
            float a = x[at + i];
            float b = x[at + half + i];
            x[at + i] = a * cos - b * sin;
            x[at + half + i] = b * cos + a * sin;
        }
    }

    @Override
    public void attention(Activation q, int layer, int window, Activation out) {
        int kvHeads = shape.kvHeads();
        int perTask = CpuAttention.tokensPerTask(shape);
        workers.run(
                attentionTasks * kvHeads,
                (task, worker) -> {
                    // Late chunks have the longest rows: they go first.
                    int chunk = attentionTasks - 1 - task / kvHeads;
                    int row = taskRow[chunk];
                    int first = taskFirst[chunk];
                    int count = Math.min(perTask, batch.rowStart[row + 1] - first);
                    attentions[worker].run(
                            batch,
                            row,
                            first,
                            count,
                            task % kvHeads,
                            layer,
                            window,
                            q.values,
                            out.values);
                });
    }

    @Override
    public void matmulAdd(Activation x, StripMatrix weight, float[] bias, Activation residual) {
        matmul.run(
                x.values,
                batch.tokens,
                weight,
                (sums, at, token, column, n) -> {
                    addBias(sums, at, bias, column, n);
                    int to = token * residual.width + column;
                    for (int i = 0; i < n; i++) {
                        residual.values[to + i] += sums[at + i];
                    }
                });
    }

    private static void addBias(float[] sums, int at, float[] bias, int column, int n) {
        if (bias != null) {
            for (int i = 0; i < n; i++) {
                sums[at + i] += bias[column + i];
            }
        }
    }

    @Override
    public void matmulGelu(Activation x, StripMatrix weight, float[] bias, Activation out) {
        matmul.run(
                x.values,
                batch.tokens,
                weight,
                (sums, at, token, column, n) -> {
                    addBias(sums, at, bias, column, n);
                    // The last strip may be wider than what is left; what it holds there is ours.
                    for (int i = 0; i < n; i += LANES) {
                        VectorMath.gelu(sums, at + i).intoArray(sums, at + i);
                    }
                    System.arraycopy(sums, at, out.values, token * out.width + column, n);
                });
    }

    @Override
    public void matmulGated(Activation x, StripMatrix gateUp, Activation out) {
        float[] values = out.values;
        int width = out.width;
        matmul.run(
                x.values,
                batch.tokens,
                gateUp,
                (sums, at, token, column, n) -> {
                    // Columns come by strips; a strip has LANES gates, then their LANES ups.
                    for (int i = 0; i < n; i += STRIP) {
                        int to = (column + i) / 2;
                        VectorMath.siluTimes(sums, at + i).intoArray(sums, at + i);
                        System.arraycopy(
                                sums,
                                at + i,
                                values,
                                token * width + to,
                                Math.min(LANES, width - to));
                    }
                });
    }

    @Override
    public void logits(Activation x, Norm<float[]> norm, StripMatrix head) {
        int width = x.width;
        if (sampledHidden.length < samples * width) {
            sampledHidden = new float[Math.max(maxRows, samples) * width];
        }
        // Grown when needed: few steps sample all rows, and a vocabulary is long.
        if (logits.length < samples * vocabulary) {
            int room = Math.max(samples, Math.min(maxRows, samples + 3));
            logits = new float[Math.multiplyExact(room, vocabulary)];
        }
        for (int i = 0; i < samples; i++) {
            int row = sampleRow[i];
            int token = batch.firstSampled(row) + i - batch.sampleStart[row];
            VectorMath.norm(
                    x.values, token * width, width, norm, sampledHidden, i * width, lanes[0]);
        }
        matmul.run(
                sampledHidden,
                samples,
                head,
                (sums, at, row, column, n) ->
                        System.arraycopy(sums, at, logits, row * vocabulary + column, n));
    }

    @Override
    public void sample(StepOutput output) {
        if (sampleHow.length < samples) {
            sampleHow = new SamplingRow[Math.max(maxRows, samples)];
        }
        // In turn, as each begins where the one before it has come to.
        for (int i = 0; i < samples; i++) {
            int row = sampleRow[i];
            int before = i - batch.sampleStart[row];
            sampleHow[i] =
                    before == 0
                            ? batch.sampling[row]
                            : sampleHow[i - 1].after(
                                    batch.tokenIds, batch.firstSampled(row) + before, 1);
        }
        workers.run(samples, (i, worker) -> sample(i, worker, output));
        Arrays.fill(sampleHow, 0, samples, null);
    }

    private void sample(int index, int worker, StepOutput output) {
        if (samplers[worker] == null) {
            samplers[worker] = new CpuSampler(vocabulary);
        }
        SamplingRow sampling = sampleHow[index];
        int offset = index * vocabulary;
        int token = samplers[worker].sample(logits, offset, sampling);
        output.tokenIds[index] = token;
        output.logprobs[index] =
                token >= 0 && sampling.features.logprobs()
                        ? samplers[worker].logprobs(
                                logits, offset, token, sampling.parameters.logprobs())
                        : null;
    }

    /** Logits of the last step's {@code index}-th sample begin at {@code index * vocabulary}. */
    float[] lastLogits() {
        return logits;
    }

    /** Any thread: has the op that runs end with an exception, and each after it. */
    void stop() {
        workers.stop();
    }

    @Override
    public void close() {
        workers.close();
    }
}

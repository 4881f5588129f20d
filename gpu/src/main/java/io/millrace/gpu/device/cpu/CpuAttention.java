package io.millrace.gpu.device.cpu;

import static io.millrace.gpu.device.cpu.KvCache.WIDTH;
import static io.millrace.gpu.device.cpu.StripKernels.TILE;

import io.millrace.gpu.device.AttentionShape;
import io.millrace.gpu.program.StepBatch;
import java.util.Arrays;

/**
 * Causal attention of one kv head and a few tokens of one row. One thread at a time: owns scratch.
 *
 * <p>A score is one accumulation chain over the head's elements, ascending; the softmax sums 16
 * virtual lanes, lane = absolute position % 16; an output is one chain over positions, ascending,
 * divided by the sum at the end. None of this depends on blocks or chunks, so neither do the bits.
 * Positions before a token's window are not read for it.
 *
 * <pre>
 * queries of (token, head in group), four to a tile:
 *   scores (queries, positions)   = tile of q, [element][4]      x  keys,   [element][16 positions]
 *   out    (queries, headSize)    = tile of p, [position][4]     x  values, [position][16 elements]
 * </pre>
 */
final class CpuAttention {
    /**
     * Queries per task: enough to use a key more than once, few enough to keep all threads busy.
     */
    private static final int QUERIES = 16;

    private final AttentionShape shape;
    private final KvCache cache;
    private final int group;
    private final int size;
    private final int paddedSize;
    private final float scale;
    private final float[] tiles;
    private final float[] sums;
    private final float[] lanes = new float[VectorMath.SUM_LANES];
    private final float[] outputs;
    private float[] scores = new float[0];
    private float[] weights = new float[0];

    CpuAttention(AttentionShape shape, KvCache cache) {
        this.shape = shape;
        this.cache = cache;
        group = shape.group();
        size = shape.headSize();
        paddedSize = (size + WIDTH - 1) / WIDTH * WIDTH;
        scale = (float) (1 / Math.sqrt(size));
        int queries = paddedQueries(tokensPerTask(shape) * group);
        sums = new float[queries];
        tiles = new float[queries * size];
        outputs = new float[queries * paddedSize];
    }

    /** Floats of scratch for rows of a number of positions. */
    static long floats(AttentionShape shape, long positions) {
        long padded = paddedQueries(tokensPerTask(shape) * shape.group());
        return padded * (positions + 2 * WIDTH + 3L * shape.headSize()) + positions * TILE;
    }

    /** Tokens per task. */
    static int tokensPerTask(AttentionShape shape) {
        return Math.max(1, QUERIES / shape.group());
    }

    private static int paddedQueries(int queries) {
        return (queries + TILE - 1) / TILE * TILE;
    }

    /**
     * Computes tokens {@code first} to {@code first + count - 1} of the batch, which belong to
     * {@code row}.
     *
     * @param window positions that a token sees, its own included
     */
    void run(
            StepBatch batch,
            int row,
            int first,
            int count,
            int kvHead,
            int layer,
            int window,
            float[] q,
            float[] out) {
        int queries = count * group;
        int padded = paddedQueries(queries);
        int positions = batch.positions[first + count - 1] + 1;
        // The last block and the last vector are computed whole, so there is room for both.
        int stride = positions + cache.blockSize + 2 * WIDTH;
        if (scores.length < padded * stride) {
            scores = new float[padded * stride];
        }
        if (weights.length < positions * TILE) {
            weights = new float[positions * TILE];
        }
        packQueries(q, first, queries, padded, kvHead);
        int seen = firstSeen(batch.positions[first], window);
        score(batch.blockTables[row], kvHead, layer, padded, seen, positions, stride);
        for (int i = 0; i < queries; i++) {
            int position = batch.positions[first + i / group];
            int start = firstSeen(position, window);
            // The loop begins at a multiple of 16, so that the lane is that of the absolute
            // position.
            int aligned = start / WIDTH * WIDTH;
            int at = i * stride;
            Arrays.fill(scores, at + aligned, at + start, Float.NEGATIVE_INFINITY);
            sums[i] =
                    VectorMath.softmax(scores, at + aligned, position + 1 - aligned, scale, lanes);
        }
        Arrays.fill(outputs, 0, padded * paddedSize, 0);
        for (int tile = 0; tile < queries; tile += TILE) {
            int live = Math.min(TILE, queries - tile);
            accumulate(batch, row, first, kvHead, layer, window, tile, live, stride);
        }
        for (int i = 0; i < queries; i++) {
            int to = ((first + i / group) * shape.heads() + kvHead * group + i % group) * size;
            for (int e = 0; e < size; e++) {
                out[to + e] = outputs[i * paddedSize + e] / sums[i];
            }
        }
    }

    private static int firstSeen(int position, int window) {
        return Math.max(0, position - window + 1);
    }

    private void packQueries(float[] q, int first, int queries, int padded, int kvHead) {
        Arrays.fill(tiles, 0, padded * size, 0);
        for (int i = 0; i < queries; i++) {
            int from = ((first + i / group) * shape.heads() + kvHead * group + i % group) * size;
            int to = i / TILE * TILE * size + i % TILE;
            for (int e = 0; e < size; e++) {
                tiles[to + e * TILE] = q[from + e];
            }
        }
    }

    private void score(
            int[] blockTable,
            int kvHead,
            int layer,
            int padded,
            int seen,
            int positions,
            int stride) {
        int block = seen / cache.blockSize;
        for (int at = block * cache.blockSize; at < positions; block++, at += cache.blockSize) {
            float[] keys = cache.array(blockTable[block]);
            int from = cache.keyOffset(layer, blockTable[block], kvHead);
            int end = Math.min(cache.blockSize, positions - at);
            for (int position = 0; position < end; position += WIDTH) {
                int group16 = from + position * size;
                for (int i = 0; i < padded; i++) {
                    int to = i * stride + at + position;
                    Arrays.fill(scores, to, to + WIDTH, 0);
                }
                for (int tile = 0; tile < padded; tile += TILE) {
                    int to = tile * stride + at + position;
                    StripKernels.tile16(
                            keys, group16, size, tiles, tile * size, scores, to, stride);
                }
            }
        }
    }

    // A tile's queries may have different positions. Positions that all of them see are computed
    // together, the others for each query alone: a weight of zero does not cancel a value of NaN.
    private void accumulate(
            StepBatch batch,
            int row,
            int first,
            int kvHead,
            int layer,
            int window,
            int tile,
            int live,
            int stride) {
        int firstPosition = batch.positions[first + tile / group];
        int lastPosition = batch.positions[first + (tile + live - 1) / group];
        int begin = Math.min(firstSeen(lastPosition, window), firstPosition + 1);
        int end = firstPosition + 1;
        for (int p = firstSeen(firstPosition, window); p <= lastPosition; p++) {
            for (int i = 0; i < TILE; i++) {
                weights[p * TILE + i] = i < live ? scores[(tile + i) * stride + p] : 0;
            }
        }
        int[] blockTable = batch.blockTables[row];
        for (int i = 0; i < live; i++) {
            int start = firstSeen(batch.positions[first + (tile + i) / group], window);
            alone(blockTable, kvHead, layer, tile, i, start, begin);
        }
        int blockSize = cache.blockSize;
        for (int at = begin, next; at < end; at = next) {
            next = Math.min(end, (at / blockSize + 1) * blockSize);
            int block = blockTable[at / blockSize];
            float[] values = cache.array(block);
            int from = cache.valueOffset(layer, block, kvHead) + at % blockSize * WIDTH;
            for (int e = 0; e < paddedSize; e += WIDTH) {
                StripKernels.tile16(
                        values,
                        from + e * blockSize,
                        next - at,
                        weights,
                        at * TILE,
                        outputs,
                        tile * paddedSize + e,
                        paddedSize);
            }
        }
        for (int i = 0; i < live; i++) {
            int position = batch.positions[first + (tile + i) / group];
            int start = Math.max(end, firstSeen(position, window));
            alone(blockTable, kvHead, layer, tile, i, start, position + 1);
        }
    }

    /** Continues the chains of a tile's {@code i}-th query over some positions. */
    private void alone(
            int[] blockTable, int kvHead, int layer, int tile, int i, int begin, int end) {
        int blockSize = cache.blockSize;
        int to = (tile + i) * paddedSize;
        for (int p = begin; p < end; p++) {
            int block = blockTable[p / blockSize];
            float[] values = cache.array(block);
            int from = cache.valueOffset(layer, block, kvHead) + p % blockSize * WIDTH;
            float weight = weights[p * TILE + i];
            for (int e = 0; e < paddedSize; e++) {
                float value = values[from + e / WIDTH * WIDTH * blockSize + e % WIDTH];
                outputs[to + e] = Math.fma(weight, value, outputs[to + e]);
            }
        }
    }
}

package io.millrace.gpu.device.cpu;

import static io.millrace.gpu.device.cpu.StripKernels.LANES;
import static io.millrace.gpu.device.cpu.StripKernels.STRIP;
import static io.millrace.gpu.device.cpu.StripKernels.TILE;
import static io.millrace.gpu.device.cpu.WideKernels.WIDE;

import io.millrace.gpu.tensor.DType;
import java.util.Arrays;

/**
 * Matmul of token rows with a {@link StripMatrix}. Owns scratch for all workers; one matmul at a
 * time. Work is split over workers by strips, never by k.
 *
 * <pre>
 * one token     for each four strips       one pass over their weights, 64 k of each in turn
 * to four       for each two strips        one pass over their weights, 64 k of each in turn
 * more          for each strip
 *                 for each block of k      whose weights the first tile loads into the cache
 *                   for each tile          sums in registers, kept in c between blocks: of four
 *                                          tokens, or of eight if a machine has the registers
 * </pre>
 *
 * <p>The first tile of a block is bound by memory. The others compute from the cache, while memory
 * is idle but for the hardware prefetch of about 2 KB. Tiles of four tokens compute for a short
 * time, so blocks are short if there are few tiles. They are longer if there are many, since saving
 * and loading sums takes an eighth of the time of a block of 64. A wide tile computes on a line of
 * weights for as long as memory takes to deliver the next one, so its blocks are long.
 */
final class StripMatmul {
    private static final int SHORT_BLOCK = 64;
    private static final int LONG_BLOCK = 512;

    /** Block of wide tiles: 128 KB of BF16 weights, which fit into the L2 cache. */
    private static final int WIDE_BLOCK = 2048;

    /** Block of INT8, which is unpacked into the L1 cache, two strips at a time. */
    private static final int INT8_BLOCK = 256;

    /** Block of INT8 with few wide tiles. */
    private static final int SHORT_INT8_BLOCK = 128;

    /** Up to this many tokens, waiting for memory costs more than short blocks. */
    private static final int FEW = 24;

    /** Below this many multiplications, waking other workers costs more time than they save. */
    private static final long ALONE = 1 << 15;

    static final int MAX_STRIPS = 4;

    private final Workers workers;
    private final float[][] sums;
    private final int[][] unpacked;
    private float[] tiles = new float[0];

    /** Consumes finished sums. Called by any worker, once for each column of a token. */
    @FunctionalInterface
    public interface Epilogue {

        /**
         * @param sums {@code n} sums from {@code at} on; may be overwritten there
         * @param token row of the input
         * @param column first output column
         */
        void accept(float[] sums, int at, int token, int column, int n);
    }

    StripMatmul(Workers workers) {
        this.workers = workers;
        sums = new float[workers.size()][MAX_STRIPS * STRIP];
        unpacked = new int[workers.size()][];
    }

    /** Multiplies {@code tokens} rows of {@code x}, each as long as the matrix has inputs. */
    void run(float[] x, int tokens, StripMatrix w, Epilogue epilogue) {
        if (tokens == 0) {
            return;
        }
        boolean alone = (long) w.strips * STRIP * w.inputs * tokens < ALONE;
        int perTask = w.strips >= 16 * workers.size() ? MAX_STRIPS : 2;
        int tasks = (w.strips + perTask - 1) / perTask;
        if (tokens > 1) {
            packTiles(x, tokens, w.inputs);
        }
        Workers.Task task =
                (index, worker) -> {
                    int first = index * perTask;
                    int count = Math.min(perTask, w.strips - first);
                    if (tokens == 1) {
                        dot(x, w, first, count, sums[worker], epilogue);
                    } else {
                        multiply(tokens, w, first, count, worker, epilogue);
                    }
                };
        if (alone) {
            for (int i = 0; i < tasks; i++) {
                task.run(i, 0);
            }
        } else {
            workers.run(tasks, task);
        }
    }

    private void packTiles(float[] x, int tokens, int inputs) {
        int padded = padded(tokens);
        if (tiles.length < padded * inputs) {
            tiles = new float[padded * inputs];
        }
        float[] to = tiles;
        int widest = width(0, padded);
        Workers.Task pack =
                (tile, worker) -> {
                    int first = tile * widest;
                    int width = width(first, padded);
                    for (int i = 0; i < width; i++) {
                        int token = first + i;
                        int at = first * inputs + i;
                        for (int k = 0; k < inputs; k++) {
                            to[at + k * width] = token < tokens ? x[token * inputs + k] : 0;
                        }
                    }
                };
        int count = (padded + widest - 1) / widest;
        if (padded * (long) inputs < ALONE) {
            for (int tile = 0; tile < count; tile++) {
                pack.run(tile, 0);
            }
        } else {
            workers.run(count, pack);
        }
    }

    private static int padded(int tokens) {
        return (tokens + TILE - 1) / TILE * TILE;
    }

    /** Tokens of the tile that begins with a token: wide ones first, then at most one other. */
    private static int width(int token, int padded) {
        return WideKernels.AVAILABLE && padded - token >= WIDE ? WIDE : TILE;
    }

    // Strips take turns so that the hardware prefetcher follows all of them, not two.
    private static void dot(
            float[] x, StripMatrix w, int first, int count, float[] c, Epilogue epilogue) {
        Arrays.fill(c, 0, MAX_STRIPS * STRIP, 0);
        for (int k = 0; k < w.inputs; k += SHORT_BLOCK) {
            int n = Math.min(SHORT_BLOCK, w.inputs - k);
            for (int i = 0; i < count; i += 2) {
                int s0 = w.offset(first + i);
                // An odd last strip is computed twice.
                int s1 = w.offset(first + Math.min(i + 1, count - 1));
                int co = i * STRIP;
                switch (w.type) {
                    case F32 -> {
                        int at = k * STRIP;
                        StripKernels.dotF32(w.floats, s0 + at, s1 + at, n, x, k, c, co);
                    }
                    case BF16 -> {
                        int at = k * LANES;
                        StripKernels.dotBf16(w.pairs, s0 + at, s1 + at, n, x, k, c, co);
                    }
                    case F16 -> {
                        int at = k * LANES;
                        StripKernels.dotF16(w.pairs, s0 + at, s1 + at, n, x, k, c, co);
                    }
                    case INT8 -> StripKernels.dotInt8(w.bytes, s0 + k * 2 * STRIP, n, x, k, c, co);
                }
            }
        }
        finish(w, first, count, c, 0, 0, epilogue);
    }

    private void multiply(
            int tokens, StripMatrix w, int first, int count, int worker, Epilogue epilogue) {
        int padded = padded(tokens);
        int stride = count * STRIP;
        if (sums[worker].length < padded * stride) {
            sums[worker] = new float[padded * MAX_STRIPS * STRIP];
        }
        float[] c = sums[worker];
        Arrays.fill(c, 0, padded * stride, 0);
        boolean int8 = w.type == DType.INT8;
        int abreast = int8 || padded == TILE ? 2 : 1;
        int blockK = blockK(padded, int8);
        for (int i = 0; i < count; i += abreast) {
            int end = Math.min(i + abreast, count);
            for (int k = 0; k < w.inputs; k += blockK) {
                int n = Math.min(blockK, w.inputs - k);
                if (int8) {
                    unpack(w, first + i, k, n, worker);
                }
                for (int tile = 0; tile < padded; tile += width(tile, padded)) {
                    boolean wide = width(tile, padded) == WIDE;
                    int x = tile * w.inputs + k * (wide ? WIDE : TILE);
                    for (int j = i; j < end; j++) {
                        int co = tile * stride + j * STRIP;
                        int[] two = unpacked[worker];
                        if (wide) {
                            wideTile(w, first + j, k, n, x, c, co, stride, two);
                        } else {
                            tile(w, first + j, k, n, x, c, co, stride, two);
                        }
                    }
                }
            }
        }
        for (int token = 0; token < tokens; token++) {
            finish(w, first, count, c, token * stride, token, epilogue);
        }
    }

    private static int blockK(int padded, boolean int8) {
        boolean wide = WideKernels.AVAILABLE && padded >= WIDE;
        if (wide && !int8) {
            return WIDE_BLOCK;
        }
        if (padded <= FEW) {
            return wide ? SHORT_INT8_BLOCK : SHORT_BLOCK;
        }
        return int8 ? INT8_BLOCK : LONG_BLOCK;
    }

    private void unpack(StripMatrix w, int strip, int k, int n, int worker) {
        if (unpacked[worker] == null) {
            unpacked[worker] = new int[2 * INT8_BLOCK * LANES];
        }
        int s = w.offset(strip) + k * 2 * STRIP;
        StripKernels.unpackInt8(w.bytes, s, n, unpacked[worker]);
    }

    private void tile(
            StripMatrix w,
            int strip,
            int k,
            int n,
            int x,
            float[] c,
            int co,
            int stride,
            int[] two) {
        int s = w.offset(strip);
        switch (w.type) {
            case F32 -> StripKernels.tileF32(w.floats, s + k * STRIP, n, tiles, x, c, co, stride);
            case BF16 -> StripKernels.tileBf16(w.pairs, s + k * LANES, n, tiles, x, c, co, stride);
            case F16 -> StripKernels.tileF16(w.pairs, s + k * LANES, n, tiles, x, c, co, stride);
            case INT8 ->
                    StripKernels.tileBf16(two, strip % 2 * n * LANES, n, tiles, x, c, co, stride);
        }
    }

    private void wideTile(
            StripMatrix w,
            int strip,
            int k,
            int n,
            int x,
            float[] c,
            int co,
            int stride,
            int[] two) {
        int s = w.offset(strip);
        switch (w.type) {
            case F32 -> WideKernels.tileF32(w.floats, s + k * STRIP, n, tiles, x, c, co, stride);
            case BF16 -> WideKernels.tileBf16(w.pairs, s + k * LANES, n, tiles, x, c, co, stride);
            case F16 -> WideKernels.tileF16(w.pairs, s + k * LANES, n, tiles, x, c, co, stride);
            case INT8 ->
                    WideKernels.tileBf16(two, strip % 2 * n * LANES, n, tiles, x, c, co, stride);
        }
    }

    private static void finish(
            StripMatrix w, int strip, int count, float[] c, int at, int token, Epilogue epilogue) {
        int column = strip * STRIP;
        int n = Math.min(count * STRIP, w.columns - column);
        if (w.scales != null) {
            for (int i = 0; i < n; i++) {
                c[at + i] *= w.scales[column + i];
            }
        }
        epilogue.accept(c, at, token, column, n);
    }
}

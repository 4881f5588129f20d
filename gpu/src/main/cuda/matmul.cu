// matmul: sum[token][row] = x[token] . weight[row], segment sums added by halves, then an epilogue (epilogue.h)
//
// Shapes   weight tiles (rows, k), x tiles (tokens, k); out rows or tiles (tokens, columns)
// Order    inside a split-K segment one accumulation chain of mma, 16 of k at a time; segment sums are added ascending within each half,
//          then the halves (docs/numerics.md). Tiles, stages and the number of CTAs change no bit.
// Mapping  rows of the weight are the M dimension of the mma, tokens its N dimension. A CTA has ROWS x TOKENS outputs; its warps split
//          these, never k. A stage is 64 k of both operands: plain copies of 8 KB blocks, which ldmatrix reads in their layout.
//
//   _16 .. _128   64 rows, 4 warps of 16 rows. blockIdx = (token tile, row tile, segment).
//   x2, x4, x8    the same for a weight of 2, 4 or 8 segments: the CTAs of a tile are a cluster; each stores its sums in shared memory
//                 and finishes a share of the tile. Before sm_90 there are no clusters: sums go to `partials`, and the last CTA of a
//                 tile to arrive adds them.
//   _large        128 x 128, 8 warps of 64 x 32; segments one after the other, the chain and both halves in registers. Token tiles are
//                 the fastest index, so that all tokens use a row tile's weights while they are in L2.
//
// Registers: at most 255.
// Roofline Qwen2.5-0.5B at 3.0 TB/s, 64 tokens: gate+up 17.4 MB 5.8 us, down 8.7 MB 2.9 us, head 272 MB 91 us; see docs/kernels.md.
#include "matmul.h"

/** The oracle: one warp per 16 rows x 8 tokens, fragments gathered one element at a time. */
template <class T>
__device__ __forceinline__ void oracleMatmul(const MatmulParams& p) {
    beginWithInputs();
    int firstToken = blockIdx.x * 8;
    int firstRow = blockIdx.y * 16;
    int tokens = matmulTokens(p);
    if (firstToken >= tokens || firstRow >= pad64(p.rows)) {
        return;
    }
    int g = threadIdx.x >> 2;
    int c = threadIdx.x & 3;
    int columns = pad64(p.k);
    auto pair = [&](const void* from, int row, int k) {
        const T* at = (const T*)((const char*)from + tileOffset(row, k, columns, sizeof(T)));
        return (uint32_t)at[0].bits | (uint32_t)at[1].bits << 16;
    };
    int token = min(firstToken + g, tokens - 1);
    float halves[2][4];
    for (int segment = 0; segment < p.segments; segment++) {
        int half = segment < (p.segments + 1) / 2 ? 0 : 1;
        float acc[4] = {0.0f, 0.0f, 0.0f, 0.0f};
        for (int k = segmentStart(p, segment) * 64; k < segmentStart(p, segment + 1) * 64; k += 16) {
            uint32_t a[4];
            for (int i = 0; i < 4; i++) {
                a[i] = pair(p.weight, firstRow + g + (i & 1) * 8, k + 2 * c + (i >> 1) * 8);
            }
            mma<T>(acc, a, pair(p.x, token, k + 2 * c), pair(p.x, token, k + 2 * c + 8));
        }
        bool begins = segment == 0 || segment == p.segments / 2;
        for (int i = 0; i < 4; i++) {
            halves[half][i] = begins ? acc[i] : halves[half][i] + acc[i];
        }
    }
    float sum[4];
    for (int i = 0; i < 4; i++) {
        sum[i] = p.segments > 1 ? halves[0][i] + halves[1][i] : halves[0][i];
    }
    for (int i = 0; i < 2; i++) {
        if (firstToken + 2 * c + i < tokens) {
            finishSums<T>(p, firstToken + 2 * c + i, firstRow + g, sum[i], sum[i + 2]);
        }
    }
}

/** FP32: one chain of fmaf per output, 64 rows x 16 tokens per CTA; thread t has row t % 64 and eight tokens. */
__device__ __forceinline__ void matmulF32(const MatmulParams& p) {
    beginWithInputs();
    __shared__ float xs[16][33];
    __shared__ float ws[64][33];
    int tokens = matmulTokens(p);
    int firstToken = blockIdx.x * 16;
    if (firstToken >= tokens) {
        return;
    }
    int firstRow = blockIdx.y * 64;
    int columns = pad64(p.k);
    int row = threadIdx.x & 63;
    int half = threadIdx.x >> 6;
    float acc[8] = {};
    for (int k = 0; k < columns; k += 32) {
        __syncthreads();
        for (int i = threadIdx.x; i < 64 * 32; i += 128) {
            ws[i >> 5][i & 31] = *(const float*)((const char*)p.weight + tileOffset(firstRow + (i >> 5), k + (i & 31), columns, 4));
        }
        for (int i = threadIdx.x; i < 16 * 32; i += 128) {
            int token = min(firstToken + (i >> 5), tokens - 1);
            xs[i >> 5][i & 31] = *(const float*)((const char*)p.x + tileOffset(token, k + (i & 31), columns, 4));
        }
        __syncthreads();
        for (int i = 0; i < 32; i++) {
#pragma unroll
            for (int j = 0; j < 8; j++) {
                acc[j] = fmaf(xs[half * 8 + j][i], ws[row][i], acc[j]);
            }
        }
    }
    // finishSums takes rows in pairs r, r + 8: the second row's sums are in the lane 8 higher.
#pragma unroll
    for (int j = 0; j < 8; j++) {
        float high = __shfl_down_sync(ALL_LANES, acc[j], 8);
        int token = firstToken + half * 8 + j;
        if ((row & 8) == 0 && token < tokens) {
            finishSums<float>(p, token, firstRow + row, acc[j], high);
        }
    }
}

#define MATMUL(NAME, CLUSTERS, T, THREADS, CTAS, ...)                                                                            \
    extern "C" __global__ void __launch_bounds__(THREADS, CTAS) CLUSTERS matmul_##NAME(const __grid_constant__ MatmulParams p) { \
        Matmul<T, __VA_ARGS__> matmul{p};                                                                                        \
        matmul.run(Store());                                                                                                     \
    }
#define SPLIT_MATMUL(TYPE, T, TOKENS, STAGES)                                       \
    MATMUL(TYPE##_##TOKENS, , T, 128, 2, 64, TOKENS, 4, 1, STAGES, 1)               \
    MATMUL(TYPE##_##TOKENS##x2, CLUSTER(2), T, 128, 2, 64, TOKENS, 4, 1, STAGES, 2) \
    MATMUL(TYPE##_##TOKENS##x4, CLUSTER(4), T, 128, 2, 64, TOKENS, 4, 1, STAGES, 4) \
    MATMUL(TYPE##_##TOKENS##x8, CLUSTER(8), T, 128, 2, 64, TOKENS, 4, 1, STAGES, 8)
#define MATMULS(TYPE, T)          \
    SPLIT_MATMUL(TYPE, T, 16, 8)  \
    SPLIT_MATMUL(TYPE, T, 32, 6)  \
    SPLIT_MATMUL(TYPE, T, 64, 6)  \
    SPLIT_MATMUL(TYPE, T, 128, 4) \
    MATMUL(TYPE##_large, , T, 256, 1, 128, 128, 2, 4, 3, 0)

MATMULS(bf16, Bf16)
MATMULS(f16, F16)

extern "C" __global__ void __launch_bounds__(128) matmul_f32(const __grid_constant__ MatmulParams p) { matmulF32(p); }
extern "C" __global__ void __launch_bounds__(32) oracle_matmul_bf16(const __grid_constant__ MatmulParams p) { oracleMatmul<Bf16>(p); }
extern "C" __global__ void __launch_bounds__(32) oracle_matmul_f16(const __grid_constant__ MatmulParams p) { oracleMatmul<F16>(p); }

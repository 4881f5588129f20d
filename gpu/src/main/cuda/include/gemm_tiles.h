// The tiles of gemm.cu, for its kernels and for their checks; GemmTiles.java has the same table for the engine.
#pragma once

/** Tiles of tokens that go through all rows together. */
constexpr int TOKEN_TILES_TOGETHER = 16;

/** Bytes of 64 k of a tile's tokens and rows. */
__host__ __device__ constexpr int gemmStageBytes(int tokens, int rows) { return (tokens + rows) * 128; }

/** Stride of a token's sums in shared memory, in floats: fragments then touch all banks. */
__host__ __device__ constexpr int gemmSumStride(int rows) { return rows % 16 == 0 ? rows + 8 : rows; }

/** Bytes of all stages, or of a segment's sums, which reuse their memory. */
__host__ __device__ constexpr int gemmRingBytes(int tokens, int rows, int segments, int stages) {
    int ring = stages * gemmStageBytes(tokens, rows);
    int sums = segments > 1 ? tokens * gemmSumStride(rows) * 4 : 0;
    return ring > sums ? ring : sums;
}

/** Threads of a CTA: one consumer warpgroup for 64 tokens, two for more, and a producer warp; a producer warpgroup where registers are short. */
__host__ __device__ constexpr int gemmThreads(int tokens, int rows, int most) {
    return tokens == 64 ? 160 : (tokens * rows > 128 * 144 || most > 2 ? 384 : 288);
}

/** Dynamic shared memory of a CTA: the stages, and two barriers each. */
__host__ __device__ constexpr int gemmSharedBytes(int tokens, int rows, int segments, int stages) {
    return gemmRingBytes(tokens, rows, segments, stages) + 16 * stages;
}

// TILE(name, tokens, rows, CTAs per cluster, most segments per CTA, stages, CTAs per multiprocessor)
#define GEMM_TILES(TILE)   \
    GEMM_WHOLE_TILES(TILE) \
    GEMM_CLUSTER_TILES(TILE)
#define GEMM_WHOLE_TILES(TILE)              \
    TILE(64x48, 64, 48, 1, 1, 8, 2)         \
    TILE(64x64, 64, 64, 1, 1, 7, 2)         \
    TILE(64x80, 64, 80, 1, 1, 6, 2)         \
    TILE(64x112, 64, 112, 1, 1, 5, 2)       \
    TILE(128x48, 128, 48, 1, 1, 8, 1)       \
    TILE(128x96, 128, 96, 1, 1, 8, 1)       \
    TILE(128x128, 128, 128, 1, 1, 7, 1)     \
    TILE(128x160, 128, 160, 1, 1, 6, 1)     \
    TILE(128x192, 128, 192, 1, 1, 5, 1)     \
    TILE(256x112, 256, 112, 1, 1, 4, 1)     \
    TILE(128x256all2, 128, 256, 1, 2, 4, 1) \
    TILE(128x128all2, 128, 128, 1, 2, 7, 1) \
    TILE(128x112all8, 128, 112, 1, 8, 7, 1) \
    TILE(128x128all8, 128, 128, 1, 8, 7, 1)
// TILE(elements per head, tokens, rows, CTAs per cluster, stages, CTAs per multiprocessor), of qkv.cu
#define QKV_TILES(TILE) TILE(64, 64, 64, 2, 7, 2)
// TILE(elements per head, tokens, rows, most segments per CTA, stages, CTAs per multiprocessor), of qkv_whole.cu
#define QKV_WHOLE_TILES(TILE)    \
    TILE(64, 128, 128, 2, 7, 1)  \
    TILE(64, 128, 192, 2, 5, 1)  \
    TILE(128, 128, 128, 2, 7, 1) \
    TILE(128, 128, 256, 2, 4, 1)
#define GEMM_CLUSTER_TILES(TILE)          \
    TILE(64x16x2, 64, 16, 2, 1, 8, 2)     \
    TILE(64x24x2, 64, 24, 2, 1, 8, 2)     \
    TILE(64x48x2, 64, 48, 2, 1, 8, 2)     \
    TILE(64x64x2, 64, 64, 2, 1, 7, 2)     \
    TILE(128x64x2, 128, 64, 2, 1, 8, 1)   \
    TILE(128x96x2, 128, 96, 2, 1, 8, 1)   \
    TILE(128x128x2, 128, 128, 2, 1, 7, 1) \
    TILE(64x64x4, 64, 64, 4, 1, 7, 2)     \
    TILE(128x72x4, 128, 72, 4, 1, 8, 1)   \
    TILE(128x144x4, 128, 144, 4, 1, 6, 1) \
    TILE(64x64x8, 64, 64, 8, 1, 7, 2)     \
    TILE(128x128x8, 128, 128, 8, 1, 7, 1)
// Tiles that a CTA's warpgroups have in turns.
#define GEMM_TURN_TILES(TILE)           \
    TILE(128x160, 128, 160, 1, 1, 6, 1) \
    TILE(128x176, 128, 176, 1, 1, 5, 1)

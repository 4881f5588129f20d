// The tiles of head_gemm.cu, for its kernels and for kernel_check; GemmTiles.java has them for the engine.
#pragma once
#include "gemm_tiles.h"

/** Dynamic shared memory of a CTA: that of its GEMM, and 64 logits for every two consumer threads. */
__host__ __device__ constexpr int headSharedBytes(int tokens, int rows, int stages) {
    return gemmSharedBytes(tokens, rows, 1, stages) + (tokens == 64 ? 128 : 256) / 2 * 64 * 4;
}

// As TILE of gemm_tiles.h; rows are a multiple of 64.
#define HEAD_TILES(TILE)                \
    TILE(64x128, 64, 128, 1, 1, 4, 2)   \
    TILE(128x128, 128, 128, 1, 1, 6, 1) \
    TILE(256x128, 256, 128, 1, 1, 4, 1)

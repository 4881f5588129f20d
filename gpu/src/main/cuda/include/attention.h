// Functions that all attention kernels share: docs/numerics.md, Attention.
#pragma once
#include "layout.h"
#include "params.h"
#include "scalar.h"

constexpr int TILE = 128;    // positions per update of the maximum
constexpr int CHUNK = 512;   // positions after which the online softmax restarts
constexpr int QUARTER = 32;  // positions of a tile whose weights are summed in the same four lanes

__device__ __forceinline__ float minusInfinity() { return __int_as_float(0xff800000); }

/** First position that a token sees. */
__device__ __forceinline__ int firstSeen(int position, int window) {
    return window > position ? 0 : position - window + 1;
}

/** One row's softmax state: docs/numerics.md, Attention, 2 and 3. */
struct Shift {
    float max;
    float rescale;
    float minus;  // -(m' * scale)

    __device__ __forceinline__ Shift(float before, float tile, float scale) {
        max = fmaxf(before, tile);
        float base = max == minusInfinity() ? 0.0f : max;
        rescale = ex2((before - base) * scale);
        minus = -(base * scale);
    }

    __device__ __forceinline__ float weight(float score, float scale) const {
        return ex2(fmaf(score, scale, minus));
    }
};

/** Factors that fold a chunk of maximum m into what came before it, of maximum M. */
struct Fold {
    float max;
    float before;
    float chunk;

    __device__ __forceinline__ Fold(float M, float m, float scale) {
        max = fmaxf(M, m);
        float base = max == minusInfinity() ? 0.0f : max;
        before = ex2((M - base) * scale);
        chunk = ex2((m - base) * scale);
    }
};

/** The sum over the four lanes of a quad of threads, in each of them. */
__device__ __forceinline__ float closeQuad(float lane) {
    lane += __shfl_xor_sync(ALL_LANES, lane, 1);
    return lane + __shfl_xor_sync(ALL_LANES, lane, 2);
}

/** Stores two neighbouring elements of a token's head. */
template <class T>
__device__ __forceinline__ void storeOut(const AttentionParams& p, int token, int head, int d, float x, float y) {
    if (d < p.headSize) {
        T pair[2] = {narrow<T>(x), narrow<T>(y)};
        int column = head * p.headSize + d;
        char* to = (char*)p.out + tileOffset(token, column, pad64(p.heads * p.headSize), 2);
        *(uint32_t*)to = (uint32_t)pair[0].bits | (uint32_t)pair[1].bits << 16;
    }
}

// Shared by all kernels that sample: the order of candidates, the noise of a token, and the error of ranks.
#pragma once
#include "philox.h"
#include "sample_params.h"
#include "sampling_math.h"
#include "scalar.h"

constexpr int WARP = 32;
constexpr float LEAST_NORMAL = 1.175494351e-38f;
// Ranks beyond this are too coarse to compare.
constexpr float RANKABLE = 1e30f;
constexpr int NO_TOKEN = 0x7FFFFFFF;

// State of a tile, as bits: has a bad logit; has a logit above -infinity. HeadTiles only: several tokens may win, and the logits
// are written; ranks are beyond RANKABLE.
constexpr int BAD = 1;
constexpr int ALIVE = 2;
constexpr int SEVERAL = 4;
constexpr int UNRANKED = 8;

__device__ __forceinline__ int dividedUp(int a, int b) { return (a + b - 1) / b; }

__device__ __forceinline__ SamplePick better(SamplePick a, SamplePick b) {
    return b.value > a.value || (b.value == a.value && b.token < a.token) ? b : a;
}

__device__ __forceinline__ uint4 wordsOf(const SampleRow& row, int position, int token) {
    return philox((unsigned)token >> 2, (unsigned)position, row.completion, 0u, (unsigned)row.seed,
                  (unsigned)(row.seed >> 32));
}

__device__ __forceinline__ unsigned wordOf(uint4 words, int i) {
    return i == 0 ? words.x : (i == 1 ? words.y : (i == 2 ? words.z : words.w));
}

__device__ __forceinline__ float noiseOf(const SampleRow& row, int position, int token) {
    return gumbel(wordOf(wordsOf(row, position, token), token & 3));
}

// Score: (l - max) / T.
__device__ __forceinline__ float scoreOf(float l, float max, const SampleRow& row) {
    return __fdiv_rn(l - max, row.temperature);
}

// The lowest rank that the winning token can have if the best rank of a tile is `rank`.
__device__ __forceinline__ float withSlack(float rank) {
    return rank - (1e-4f + 2e-6f * fabsf(rank));
}

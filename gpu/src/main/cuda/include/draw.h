// What all kernels share that draw: the order of candidates, the noise of a token, and how far a rank may be off.
#pragma once
#include "philox.h"
#include "sample_params.h"
#include "sampling_math.h"
#include "scalar.h"

constexpr int WARP = 32;
constexpr float LEAST_NORMAL = 1.175494351e-38f;
// A tile's candidates beyond the float's useful range are not told apart.
constexpr float RANKABLE = 1e30f;
constexpr int NO_TOKEN = 0x7FFFFFFF;

// State of a tile. Of the head's alone: several tokens may win, so that its logits were written; and their ranks say nothing.
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
    return i == 0 ? words.x : i == 1 ? words.y : i == 2 ? words.z : words.w;
}

__device__ __forceinline__ float noiseOf(const SampleRow& row, int position, int token) {
    return gumbel(wordOf(wordsOf(row, position, token), token & 3));
}

// Distance from the largest, over the temperature.
__device__ __forceinline__ float scoreOf(float l, float max, const SampleRow& row) {
    return __fdiv_rn(l - max, row.temperature);
}

// How far below the best of a tile the token may be ranked that wins in the end.
__device__ __forceinline__ float withSlack(float rank) {
    return rank - (1e-4f + 2e-6f * fabsf(rank));
}

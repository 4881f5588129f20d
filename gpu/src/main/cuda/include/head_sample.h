// Shared by head.cu and head_gemm.cu.
#pragma once
#include "candidates.h"

/** The highest and the second highest rank of a thread or of its group. */
struct Ranks {
    float first;
    float second;
    SamplePick candidate;  // logit and token of the first
};

__device__ __forceinline__ void add(Ranks& to, float rank, SamplePick candidate) {
    if (rank > to.first) {
        to.second = to.first;
        to.first = rank;
        to.candidate = candidate;
    } else {
        to.second = fmaxf(to.second, rank);
    }
}

/**
 * An upper bound of gumbel(word), tight where noise is high: e = -log u, v = 1 - u, log e >= log v + v / 2. The 1e-4 covers the rounding errors.
 */
__device__ __forceinline__ float noiseCeiling(unsigned word) {
    float v = __uint2float_rn(~word);  // times 2^32
    float log2;
    asm("lg2.approx.ftz.f32 %0, %1;" : "=f"(log2) : "f"(v));
    return __fmaf_rn(v, -0x1p-33f, __fmaf_rn(log2, -0.6931472f, 22.18071f + 1e-4f));
}

// The exp, log and Gumbel noise of docs/numerics.md, "Sampling", with the bits of io.millrace.gpu.sampling.SamplingMath.
// Compile with -fmad=false and without fast math.
#pragma once
#include "scalar.h"

// An upper bound of all noise: that of the word 0xFFFFFFFF is 22.873857.
constexpr float NOISE_CEILING = 23.0f;

// log(1 + f), f from sqrt(1/2) - 1 to sqrt(2) - 1.
__device__ __forceinline__ float logOnePlus(float f) {
    float p = 0.06971611471f;
    p = __fmaf_rn(p, f, -0.1147973385f);
    p = __fmaf_rn(p, f, 0.1168541992f);
    p = __fmaf_rn(p, f, -0.1242568733f);
    p = __fmaf_rn(p, f, 0.1424905765f);
    p = __fmaf_rn(p, f, -0.1666780232f);
    p = __fmaf_rn(p, f, 0.2000071575f);
    p = __fmaf_rn(p, f, -0.2499999696f);
    p = __fmaf_rn(p, f, 0.3333333118f);
    return __fmaf_rn(f * f, __fmaf_rn(f, p, -0.5f), f);
}

// log x of a positive normal float.
__device__ __forceinline__ float samplingLog(float x) {
    int bits = __float_as_int(x);
    int exponent = (bits - 0x3F3504F3) >> 23;
    float mantissa = __int_as_float(bits - exponent * (1 << 23));
    float e = (float)exponent;
    return __fmaf_rn(e, 0.693359375f, __fmaf_rn(e, -2.12194440e-4f, logOnePlus(mantissa - 1.0f)));
}

// -log(-log u), u = (word + 0.5) / 2^32; near u = 1, -log u is computed from 1 - u.
__device__ __forceinline__ float gumbel(unsigned word) {
    unsigned long long odd = ((unsigned long long)word << 1) + 1;
    float minusLogU = odd < (3ull << 31)
                              ? -samplingLog(__ull2float_rn(odd) * 0x1p-33f)
                              : -logOnePlus(-(__ull2float_rn((1ull << 33) - odd) * 0x1p-33f));
    return -samplingLog(minusLogU);
}

// A cheap upper bound of gumbel(word): -log u is at least 1 - u, whose exponent is known.
__device__ __forceinline__ float gumbelCeiling(unsigned word) {
    return __fmaf_rn((float)(__clz((int)~word) + 1), 0.6931472f, 0.001f);
}

// A probability as an integer, so that sums do not depend on their order.
__device__ __forceinline__ unsigned long long probabilityMass(float score) {
    return __float2ull_rz(expNegative(score) * 0x1p40f);
}

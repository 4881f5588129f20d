// Storage types and scalar math: each function of docs/numerics.md once, for every kernel. Compiled with -fmad=false, so
// that a multiplication and an addition are rounded twice unless fmaf is written.
#pragma once
#include <stdint.h>

constexpr unsigned ALL_LANES = 0xffffffffu;

struct Bf16 {
    uint16_t bits;
};

struct F16 {
    uint16_t bits;
};

template <class T>
struct Largest;
template <>
struct Largest<Bf16> {
    static constexpr uint32_t BITS = 0x7f7f0000u;
};
template <>
struct Largest<F16> {
    static constexpr uint32_t BITS = 0x477fe000u;  // 65504
};

/** Clamps x to T's finite values; NaN stays NaN. */
template <class T>
__device__ __forceinline__ float finite(float x) {
    float most = __uint_as_float(Largest<T>::BITS);
    asm("min.NaN.f32 %0, %0, %1; max.NaN.f32 %0, %0, %2;" : "+f"(x) : "f"(most), "f"(-most));
    return x;
}

__device__ __forceinline__ float widen(Bf16 x) { return __uint_as_float((uint32_t)x.bits << 16); }
__device__ __forceinline__ float widen(F16 x) {
    float y;
    asm("cvt.f32.f16 %0, %1;" : "=f"(y) : "h"(x.bits));
    return y;
}
__device__ __forceinline__ float widen(float x) { return x; }

/** Rounds to T, to nearest even, and never to infinity. */
template <class T>
__device__ __forceinline__ T narrow(float x);
template <>
__device__ __forceinline__ Bf16 narrow<Bf16>(float x) {
    Bf16 y;
    asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(y.bits) : "f"(finite<Bf16>(x)));
    return y;
}
template <>
__device__ __forceinline__ F16 narrow<F16>(float x) {
    F16 y;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(y.bits) : "f"(finite<F16>(x)));
    return y;
}
template <>
__device__ __forceinline__ float narrow<float>(float x) {
    return x;
}

/** Two values in [0, 1], or NaN, rounded to T; the first in the low half. */
template <class T>
__device__ __forceinline__ uint32_t narrowPair(float low, float high);
template <>
__device__ __forceinline__ uint32_t narrowPair<Bf16>(float low, float high) {
    uint32_t y;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(y) : "f"(high), "f"(low));
    return y;
}
template <>
__device__ __forceinline__ uint32_t narrowPair<F16>(float low, float high) {
    uint32_t y;
    asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(y) : "f"(high), "f"(low));
    return y;
}

/** exp(x) / 2^n, x at most 0 or NaN; `exponent` is n where a float has it. docs/numerics.md, Sampling. */
__device__ __forceinline__ float expScaled(float x, int& exponent) {
    float n = fmaf(x, 1.44269504f, 12582912.0f);  // 1.5 * 2^23: the low bits are the whole number
    exponent = __float_as_int(n) << 23;
    n = n - 12582912.0f;
    float r = fmaf(n, 2.12194440e-4f, fmaf(n, -0.693359375f, x));
    float q = 0.0001989198131f;
    q = fmaf(q, r, 0.001393454193f);
    q = fmaf(q, r, 0.008333310024f);
    q = fmaf(q, r, 0.04166645681f);
    q = fmaf(q, r, 0.1666666668f);
    q = fmaf(q, r, 0.5000000014f);
    return fmaf(r * r, q, r) + 1.0f;
}

/** exp(x), x at most 0 or NaN; docs/numerics.md, Sampling. */
__device__ __forceinline__ float expNegative(float x) {
    int exponent;
    float y = expScaled(x, exponent);
    y = y * __int_as_float(exponent + (127 << 23));
    return x < -87.0f ? 0.0f : y;
}

/**
 * a / b, correctly rounded, without the branch of __fdiv_rn for very large or small numbers. For timesLogistic: b is from 1 to 2, and
 * where |a| is below 2^-100, a / b is normal or b is 2.
 */
__device__ __forceinline__ float overOneToTwo(float a, float b) {
    float most = fabsf(a);
    bool tiny = most < 0x1p-100f;
    float n = a * (tiny ? 0x1p64f : 1.0f);  // the last steps need bits below those of a
    float inverse;
    asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(inverse) : "f"(b));
    inverse = fmaf(fmaf(-b, inverse, 1.0f), inverse, inverse);
    float q = n * inverse;
    q = fmaf(fmaf(-b, q, n), inverse, q);
    q = fmaf(fmaf(-b, q, n), inverse, q);
    q = copysignf(q, a) * (tiny ? 0x1p-64f : 1.0f);
    return most < INFINITY ? q : a;
}

/** x * logistic(y). */
__device__ __forceinline__ float timesLogistic(float x, float y) {
    float e = expNegative(-fabsf(y));
    return overOneToTwo(y < 0.0f ? x * e : x, 1.0f + e);
}

__device__ __forceinline__ float silu(float x) { return timesLogistic(x, x); }

__device__ __forceinline__ float gelu(float x) {
    return timesLogistic(x, (fmaf(x * x, 0.044715f, 1.0f) * x) * 1.59576912f);
}

/** 2^x as attention uses it; ex2(0) is 1, ex2(-inf) is 0. */
__device__ __forceinline__ float ex2(float x) {
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}

/** The sum over a warp in every lane: lane i adds lane i ^ 16, i ^ 8, i ^ 4, i ^ 2, i ^ 1 in turn. */
__device__ __forceinline__ float warpSum(float x) {
#pragma unroll
    for (int apart = 16; apart > 0; apart /= 2) {
        x += __shfl_xor_sync(ALL_LANES, x, apart);
    }
    return x;
}

/** 1 / sqrt(squares / n + epsilon), each operation rounded. */
__device__ __forceinline__ float inverseRoot(float squares, int n, float epsilon) {
    return __frcp_rn(__fsqrt_rn(__fdiv_rn(squares, (float)n) + epsilon));
}

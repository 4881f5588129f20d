// silu and narrowing in fewer instructions, with the bits of scalar.h: kernel_check goes through all floats.
#pragma once
#include "scalar.h"

/** The larger one, or NaN if either is. */
__device__ __forceinline__ float maxOrNan(float a, float b) {
    float y;
    asm("max.NaN.f32 %0, %1, %2;" : "=f"(y) : "f"(a), "f"(b));
    return y;
}

/** Two values narrowed, in fewer instructions; the first in the low half. Compute capability 9.0. */
template <class T>
__device__ __forceinline__ uint32_t narrowFinite(float low, float high);
template <>
__device__ __forceinline__ uint32_t narrowFinite<Bf16>(float low, float high) {
    uint32_t y;
    asm("cvt.rn.satfinite.bf16x2.f32 %0, %1, %2;" : "=r"(y) : "f"(high), "f"(low));
    return y;
}
template <>
__device__ __forceinline__ uint32_t narrowFinite<F16>(float low, float high) {
    uint32_t y;
    asm("cvt.rn.satfinite.f16x2.f32 %0, %1, %2;" : "=r"(y) : "f"(high), "f"(low));
    return y;
}

/** Whether siluModerate(x) has the bits of silu(x). */
__device__ __forceinline__ bool moderate(float x) { return fabsf(x) <= 64.0f; }

/** silu in two thirds of the instructions: all that it computes is a normal number, or x is so small that it is halved. */
__device__ __forceinline__ float siluModerate(float x) {
    int exponent;
    float y = expScaled(-fabsf(x), exponent);
    float e = __int_as_float(__float_as_int(y) + exponent);
    float a = fmaxf(x, x * e);  // x * e if x < 0
    float b = 1.0f + e;
    float inverse;
    asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(inverse) : "f"(b));
    // Remainders are negated, so that -0 stays -0.
    float z = a * inverse;
    z = fmaf(-fmaf(b, z, -a), inverse, z);
    return fmaf(-fmaf(b, z, -a), inverse, z);
}

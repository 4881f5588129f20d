// wgmma for attention: scores, which begin an accumulation chain, and weights from registers times V in its storage layout.
#pragma once
#include "wgmma.h"

#if __CUDA_ARCH__ >= 900

/** d = a . b, the begin of an accumulation chain, for 64 rows and 128 columns. */
template <class T>
__device__ __forceinline__ void beginScores(float (&d)[64], uint64_t a, uint64_t b);

/** d += a . b for 64 rows: a is in registers as in mma.h; b has 16 rows of k with N columns each, described by columnsDescriptor. */
template <class T, int N>
struct WeightedValues;

#define BEGIN_SCORES(T, TYPE)                                                                                         \
    template <>                                                                                                       \
    __device__ __forceinline__ void beginScores<T>(float (&d)[64], uint64_t a, uint64_t b) {                          \
        asm volatile("{.reg .pred p; setp.ne.u32 p, 0, 0; wgmma.mma_async.sync.aligned.m64n128k16.f32." TYPE "." TYPE \
                     " {" WGMMA_NAMES_16 "}, %64, %65, p, 1, 1, 0, 0;}"                                               \
                     : WGMMA_DATA_16(d)                                                                               \
                     : "l"(a), "l"(b));                                                                               \
    }
#define WEIGHTED_VALUES(T, TYPE, EIGHTS, N, A0, A1, A2, A3, B)                                                      \
    template <>                                                                                                     \
    struct WeightedValues<T, N> {                                                                                   \
        __device__ __forceinline__ static void add(float (&d)[N / 2], const uint32_t* a, uint64_t b) {              \
            asm volatile("{.reg .pred p; setp.eq.u32 p, 0, 0; wgmma.mma_async.sync.aligned.m64n" #N "k16.f32." TYPE \
                         "." TYPE " {" WGMMA_NAMES_##EIGHTS "}, {%" #A0 ", %" #A1 ", %" #A2 ", %" #A3 "}, %" #B     \
                                                            ", p, 1, 1, 1;}"                                        \
                         : WGMMA_DATA_##EIGHTS(d)                                                                   \
                         : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b));                                     \
        }                                                                                                           \
    };

BEGIN_SCORES(Bf16, "bf16")
WEIGHTED_VALUES(Bf16, "bf16", 8, 64, 32, 33, 34, 35, 36)
WEIGHTED_VALUES(Bf16, "bf16", 16, 128, 64, 65, 66, 67, 68)

/**
 * Descriptor of a matrix whose rows of k have 64 columns in 128 bytes, swizzled; groups of eight rows are 1,024 bytes apart, the next 64
 * columns `slab` bytes. For the next 16 elements of k it is 128 higher.
 */
__device__ __forceinline__ uint64_t columnsDescriptor(uint32_t shared, uint32_t slab) {
    return (uint64_t)1 << 62 | (uint64_t)(1024 >> 4) << 32 | (uint64_t)(slab >> 4) << 16 | (shared >> 4 & 0x3fff);
}

/** Waits until at most N committed wgmma groups of this thread are in flight. */
template <int N>
__device__ __forceinline__ void waitProductsBut() {
    asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(N) : "memory");
}

/** Keeps the compiler from moving uses of accumulators before the wait for them. */
template <int N>
__device__ __forceinline__ void afterWait(float (&d)[N]) {
#pragma unroll
    for (int i = 0; i < N; i++) {
        asm volatile("" : "+f"(d[i])::"memory");
    }
}

/** Makes this thread's stores to shared memory visible to bulk copies and wgmma; before it arrives at a barrier. */
__device__ __forceinline__ void storesReady() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }
#endif

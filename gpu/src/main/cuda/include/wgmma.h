// Hopper's wgmma and bulk copy instructions; sm_90a only.
//
// wgmma.m64nNk16: a warpgroup of four warps; A is 64 rows, B N rows, both of 16 elements of k in shared memory, rows of 128 bytes,
// groups of 8 rows 1,024 bytes apart and aligned, pieces swizzled as tiles are (layout.h). Of D, warp w has rows 16 w and on; lane
// 4 g + c holds d[4 j], d[4 j + 1]: row g, columns 8 j + 2 c, + 1; d[4 j + 2], d[4 j + 3]: row g + 8.
#pragma once
#include "scalar.h"

#if __CUDA_ARCH__ >= 900
// Accumulators in groups of four: as asm operands %0 to %127, and as C++ arguments.
#define WGMMA_NAMES_1 "%0,%1,%2,%3"
#define WGMMA_NAMES_2 WGMMA_NAMES_1 ",%4,%5,%6,%7"
#define WGMMA_NAMES_3 WGMMA_NAMES_2 ",%8,%9,%10,%11"
#define WGMMA_NAMES_4 WGMMA_NAMES_3 ",%12,%13,%14,%15"
#define WGMMA_NAMES_5 WGMMA_NAMES_4 ",%16,%17,%18,%19"
#define WGMMA_NAMES_6 WGMMA_NAMES_5 ",%20,%21,%22,%23"
#define WGMMA_NAMES_7 WGMMA_NAMES_6 ",%24,%25,%26,%27"
#define WGMMA_NAMES_8 WGMMA_NAMES_7 ",%28,%29,%30,%31"
#define WGMMA_NAMES_9 WGMMA_NAMES_8 ",%32,%33,%34,%35"
#define WGMMA_NAMES_10 WGMMA_NAMES_9 ",%36,%37,%38,%39"
#define WGMMA_NAMES_11 WGMMA_NAMES_10 ",%40,%41,%42,%43"
#define WGMMA_NAMES_12 WGMMA_NAMES_11 ",%44,%45,%46,%47"
#define WGMMA_NAMES_13 WGMMA_NAMES_12 ",%48,%49,%50,%51"
#define WGMMA_NAMES_14 WGMMA_NAMES_13 ",%52,%53,%54,%55"
#define WGMMA_NAMES_15 WGMMA_NAMES_14 ",%56,%57,%58,%59"
#define WGMMA_NAMES_16 WGMMA_NAMES_15 ",%60,%61,%62,%63"
#define WGMMA_NAMES_17 WGMMA_NAMES_16 ",%64,%65,%66,%67"
#define WGMMA_NAMES_18 WGMMA_NAMES_17 ",%68,%69,%70,%71"
#define WGMMA_NAMES_19 WGMMA_NAMES_18 ",%72,%73,%74,%75"
#define WGMMA_NAMES_20 WGMMA_NAMES_19 ",%76,%77,%78,%79"
#define WGMMA_NAMES_21 WGMMA_NAMES_20 ",%80,%81,%82,%83"
#define WGMMA_NAMES_22 WGMMA_NAMES_21 ",%84,%85,%86,%87"
#define WGMMA_NAMES_23 WGMMA_NAMES_22 ",%88,%89,%90,%91"
#define WGMMA_NAMES_24 WGMMA_NAMES_23 ",%92,%93,%94,%95"
#define WGMMA_NAMES_25 WGMMA_NAMES_24 ",%96,%97,%98,%99"
#define WGMMA_NAMES_26 WGMMA_NAMES_25 ",%100,%101,%102,%103"
#define WGMMA_NAMES_27 WGMMA_NAMES_26 ",%104,%105,%106,%107"
#define WGMMA_NAMES_28 WGMMA_NAMES_27 ",%108,%109,%110,%111"
#define WGMMA_NAMES_29 WGMMA_NAMES_28 ",%112,%113,%114,%115"
#define WGMMA_NAMES_30 WGMMA_NAMES_29 ",%116,%117,%118,%119"
#define WGMMA_NAMES_31 WGMMA_NAMES_30 ",%120,%121,%122,%123"
#define WGMMA_NAMES_32 WGMMA_NAMES_31 ",%124,%125,%126,%127"
#define WGMMA_FOUR(D, I) "+f"(D[I]), "+f"(D[I + 1]), "+f"(D[I + 2]), "+f"(D[I + 3])
#define WGMMA_DATA_1(D) WGMMA_FOUR(D, 0)
#define WGMMA_DATA_2(D) WGMMA_DATA_1(D), WGMMA_FOUR(D, 4)
#define WGMMA_DATA_3(D) WGMMA_DATA_2(D), WGMMA_FOUR(D, 8)
#define WGMMA_DATA_4(D) WGMMA_DATA_3(D), WGMMA_FOUR(D, 12)
#define WGMMA_DATA_5(D) WGMMA_DATA_4(D), WGMMA_FOUR(D, 16)
#define WGMMA_DATA_6(D) WGMMA_DATA_5(D), WGMMA_FOUR(D, 20)
#define WGMMA_DATA_7(D) WGMMA_DATA_6(D), WGMMA_FOUR(D, 24)
#define WGMMA_DATA_8(D) WGMMA_DATA_7(D), WGMMA_FOUR(D, 28)
#define WGMMA_DATA_9(D) WGMMA_DATA_8(D), WGMMA_FOUR(D, 32)
#define WGMMA_DATA_10(D) WGMMA_DATA_9(D), WGMMA_FOUR(D, 36)
#define WGMMA_DATA_11(D) WGMMA_DATA_10(D), WGMMA_FOUR(D, 40)
#define WGMMA_DATA_12(D) WGMMA_DATA_11(D), WGMMA_FOUR(D, 44)
#define WGMMA_DATA_13(D) WGMMA_DATA_12(D), WGMMA_FOUR(D, 48)
#define WGMMA_DATA_14(D) WGMMA_DATA_13(D), WGMMA_FOUR(D, 52)
#define WGMMA_DATA_15(D) WGMMA_DATA_14(D), WGMMA_FOUR(D, 56)
#define WGMMA_DATA_16(D) WGMMA_DATA_15(D), WGMMA_FOUR(D, 60)
#define WGMMA_DATA_17(D) WGMMA_DATA_16(D), WGMMA_FOUR(D, 64)
#define WGMMA_DATA_18(D) WGMMA_DATA_17(D), WGMMA_FOUR(D, 68)
#define WGMMA_DATA_19(D) WGMMA_DATA_18(D), WGMMA_FOUR(D, 72)
#define WGMMA_DATA_20(D) WGMMA_DATA_19(D), WGMMA_FOUR(D, 76)
#define WGMMA_DATA_21(D) WGMMA_DATA_20(D), WGMMA_FOUR(D, 80)
#define WGMMA_DATA_22(D) WGMMA_DATA_21(D), WGMMA_FOUR(D, 84)
#define WGMMA_DATA_23(D) WGMMA_DATA_22(D), WGMMA_FOUR(D, 88)
#define WGMMA_DATA_24(D) WGMMA_DATA_23(D), WGMMA_FOUR(D, 92)
#define WGMMA_DATA_25(D) WGMMA_DATA_24(D), WGMMA_FOUR(D, 96)
#define WGMMA_DATA_26(D) WGMMA_DATA_25(D), WGMMA_FOUR(D, 100)
#define WGMMA_DATA_27(D) WGMMA_DATA_26(D), WGMMA_FOUR(D, 104)
#define WGMMA_DATA_28(D) WGMMA_DATA_27(D), WGMMA_FOUR(D, 108)
#define WGMMA_DATA_29(D) WGMMA_DATA_28(D), WGMMA_FOUR(D, 112)
#define WGMMA_DATA_30(D) WGMMA_DATA_29(D), WGMMA_FOUR(D, 116)
#define WGMMA_DATA_31(D) WGMMA_DATA_30(D), WGMMA_FOUR(D, 120)
#define WGMMA_DATA_32(D) WGMMA_DATA_31(D), WGMMA_FOUR(D, 124)

/** d += a . b; a and b are descriptors of shared memory. */
template <class T, int N>
struct Wgmma;

// EIGHTS groups of eight rows are N rows; A and B are the numbers of the operands after the accumulators.
#define WGMMA(T, TYPE, EIGHTS, N, A, B)                                                                             \
    template <>                                                                                                     \
    struct Wgmma<T, N> {                                                                                            \
        __device__ __forceinline__ static void add(float (&d)[N / 2], uint64_t a, uint64_t b) {                     \
            asm volatile("{.reg .pred p; setp.eq.u32 p, 0, 0; wgmma.mma_async.sync.aligned.m64n" #N "k16.f32." TYPE \
                         "." TYPE " {" WGMMA_NAMES_##EIGHTS "}, %" #A ", %" #B ", p, 1, 1, 0, 0;}"                  \
                         : WGMMA_DATA_##EIGHTS(d)                                                                   \
                         : "l"(a), "l"(b));                                                                         \
        }                                                                                                           \
    };
#define WGMMAS(EIGHTS, N, A, B)          \
    WGMMA(Bf16, "bf16", EIGHTS, N, A, B) \
    WGMMA(F16, "f16", EIGHTS, N, A, B)

WGMMAS(2, 16, 8, 9)
WGMMAS(3, 24, 12, 13)
WGMMAS(4, 32, 16, 17)
WGMMAS(6, 48, 24, 25)
WGMMAS(7, 56, 28, 29)
WGMMAS(8, 64, 32, 33)
WGMMAS(9, 72, 36, 37)
WGMMAS(10, 80, 40, 41)
WGMMAS(12, 96, 48, 49)
WGMMAS(14, 112, 56, 57)
WGMMAS(16, 128, 64, 65)
WGMMAS(18, 144, 72, 73)
WGMMAS(20, 160, 80, 81)
WGMMAS(22, 176, 88, 89)
WGMMAS(24, 192, 96, 97)
WGMMAS(32, 256, 128, 129)

/** Descriptor of a matrix with rows of 128 bytes at an address of shared memory; for the next 16 elements of k it is 2 higher. */
__device__ __forceinline__ uint64_t matrixDescriptor(uint32_t shared) {
    // 128-byte swizzle, groups of eight rows 1,024 bytes apart; the other stride is not used.
    return (uint64_t)1 << 62 | (uint64_t)(1024 >> 4) << 32 | (uint64_t)1 << 16 | (shared >> 4 & 0x3fff);
}

/** Orders this thread's register accesses before the wgmma that follow. */
__device__ __forceinline__ void beginProducts() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }

__device__ __forceinline__ void commitProducts() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }

/** Waits for all wgmma that this thread committed. */
__device__ __forceinline__ void waitProducts() { asm volatile("wgmma.wait_group.sync.aligned 0;" ::: "memory"); }

/** The same for all but the group committed last. */
__device__ __forceinline__ void waitProductsButOne() { asm volatile("wgmma.wait_group.sync.aligned 1;" ::: "memory"); }

__device__ __forceinline__ void initBarrier(uint32_t barrier, int arrivals) {
    asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(barrier), "r"(arrivals) : "memory");
}

/** Makes initialised barriers visible to bulk copies; before the CTA's next __syncthreads. */
__device__ __forceinline__ void barriersReady() { asm volatile("fence.mbarrier_init.release.cluster; fence.proxy.async;" ::: "memory"); }

/** Waits for the end of the barrier's phase of the given parity. */
__device__ __forceinline__ void waitBarrier(uint32_t barrier, uint32_t parity) {
    asm volatile(
            "{.reg .pred p; WAIT: mbarrier.try_wait.parity.shared::cta.b64 p, [%0], %1; @p bra DONE; bra WAIT; DONE:}" ::"r"(barrier),
            "r"(parity)
            : "memory");
}

__device__ __forceinline__ void arrive(uint32_t barrier) {
    asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(barrier) : "memory");
}

/** Arrives; the phase ends only when that many bytes have been copied as well. */
__device__ __forceinline__ void arriveForBytes(uint32_t barrier, uint32_t bytes) {
    asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(barrier), "r"(bytes) : "memory");
}

/** Starts a bulk copy to this CTA's shared memory; the barrier counts its bytes. Addresses and size are multiples of 16. */
__device__ __forceinline__ void copyBulk(uint32_t to, const void* from, uint32_t bytes, uint32_t barrier) {
    asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::"r"(to), "l"(from),
                 "r"(bytes), "r"(barrier)
                 : "memory");
}

/** Barrier of the CTA for `threads` of its threads. */
__device__ __forceinline__ void syncThreads(int barrier, int threads) {
    asm volatile("bar.sync %0, %1;" ::"r"(barrier), "r"(threads) : "memory");
}

/** Arrives at such a barrier without waiting. */
__device__ __forceinline__ void arriveThreads(int barrier, int threads) {
    asm volatile("bar.arrive %0, %1;" ::"r"(barrier), "r"(threads) : "memory");
}
#endif

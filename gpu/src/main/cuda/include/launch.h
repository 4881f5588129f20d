// Programmatic dependent launch (compute capability 9.0): in a recorded step, a kernel's CTAs may begin before the kernel before it has
// ended. Every kernel of a step keeps to these rules; in an ordinary launch, or on another GPU, they cost nothing.
//
//   - A thread calls waitForInputs before it reads what a kernel of the step wrote since the step's first layer began, and before it
//     writes anything. In every CTA some threads call it, also if there is nothing to do. When the call returns, the kernel before has
//     ended, and has itself made the call: so all kernels before have ended, and what they read may be overwritten.
//   - Before the call a thread may read weights, and what was written before the step's first layer: the step's tables, work lists, rows
//     to sample, K and V of a row's positions before those that the step computes. For that, the first layer's first kernel is an
//     ordinary launch (CudaBackend).
//   - A kernel calls letNextBegin at its start. The next kernel's CTAs can then become resident where there is room, and wait. The kernels
//     of gemm.h, which read most, call it after they have started all their copies.
#pragma once

/** Waits until all kernels before this one have ended and what they wrote can be read. */
__device__ __forceinline__ void waitForInputs() {
#if __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

/** Lets the next kernel's CTAs begin once all CTAs of this one have called it. */
__device__ __forceinline__ void letNextBegin() {
#if __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}

/** Start of a kernel that has nothing to do before its inputs are complete. */
__device__ __forceinline__ void beginWithInputs() {
    letNextBegin();
    waitForInputs();
}

/** Prefetches a cache line that no kernel writes. */
__device__ __forceinline__ void prefetch(const void* address) { asm volatile("prefetch.global.L2 [%0];" ::"l"(address)); }

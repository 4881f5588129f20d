// Programmatic dependent launch (compute capability 9.0): in a recorded step, a kernel's CTAs may begin before the kernel before it has
// ended. Every kernel of a step keeps to these rules; where it is launched plainly, or on another GPU, they cost nothing.
//
//   - A thread calls waitForInputs before it reads what any kernel of the step wrote since the step's first layer began, and before it
//     writes anything; and in every CTA there are threads that call it, also where there is nothing to do. When the call returns, the
//     kernel before has ended, and has called it too: so all kernels before have ended, and what they read can be written again.
//   - Before the call it may read weights, and what was there before the step's first layer: the step's tables, work lists, rows to sample,
//     K and V of a row's positions before those that the step computes.
//     The first layer's first kernel is launched plainly for that (CudaBackend).
//   - A kernel calls letNextBegin first of all. The next kernel can then come beside this one, as far as there is room, and waits. Those of
//     gemm.h, which read most, call it once they have asked for all of it.
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

/** How a kernel begins that has nothing to do before its inputs are there. */
__device__ __forceinline__ void beginWithInputs() {
    letNextBegin();
    waitForInputs();
}

/** Asks for a line of what nobody writes. */
__device__ __forceinline__ void prefetch(const void* address) { asm volatile("prefetch.global.L2 [%0];" ::"l"(address)); }

// The GPU's global timer, the same on all multiprocessors.
#pragma once

/** Nanoseconds. */
__device__ __forceinline__ unsigned long long gpuNanos() {
    unsigned long long nanos;
    asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(nanos));
    return nanos;
}

// For DependentLaunchTest, which loads what is made of it:
//
//   nvcc -ptx -arch=compute_90 -o gpu/src/test/resources/cuda/sleeper.ptx gpu/src/test/cuda/sleeper.cu
#include <stdint.h>

struct Piece {
    uint32_t* to;
    const uint32_t* from;
    uint64_t words;
};

struct SleeperParams {
    const Piece* pieces;
    int32_t count;
    uint32_t nanos;
};

__device__ uint64_t now() {
    uint64_t nanos;
    asm volatile("mov.u64 %0, %globaltimer;" : "=l"(nanos));
    return nanos;
}

__device__ void copy(const SleeperParams& p) {
    for (int piece = 0; piece < p.count; piece++) {
        Piece one = p.pieces[piece];
        for (uint64_t i = blockIdx.x * blockDim.x + threadIdx.x; i < one.words; i += (uint64_t)gridDim.x * blockDim.x) {
            one.to[i] = one.from[i];
        }
    }
}

/** Lets the next kernel begin, sleeps, and only then stores what that kernel reads. */
extern "C" __global__ void sleeper(const __grid_constant__ SleeperParams p) {
    asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
    uint64_t began = now();
    while (now() - began < p.nanos) {
        __nanosleep(1000);
    }
    asm volatile("griddepcontrol.wait;" ::: "memory");
    copy(p);
}

/** Does not wait for what it copies. */
extern "C" __global__ void hasty(const __grid_constant__ SleeperParams p) { copy(p); }

#!/usr/bin/env bash
# CUDA, H200: a volatile load of mapped host memory costs one trip over the bus per warp, and the trips follow each other.
#
# A kernel that takes its parameters from pinned host memory (cudaHostAlloc with cudaHostAllocMapped) has to see what the host wrote
# last, and ld.volatile or ld.cv is what one reaches for. When all warps of a grid read the same word that way, a launch takes about
# a microsecond for each warp: 128 warps wait 120 us for one cache line. A plain ld.global of the same word takes 2 to 3 us
# for the whole grid (the rest of its figure is the launch). It is not stale either: L1 is empty when a kernel starts and host memory
# is not kept in L2 from one launch to the next: the program changes the bytes before every launch and checks what came.
#
# Needs a GPU and nvcc of CUDA 12 or 13. Runs for a few seconds. Seen on an H200, driver 580.159.04, CUDA 13.0.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/read.cu" <<'CUDA'
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <vector>

#define CHECK(call)                                                                     \
    do {                                                                                \
        cudaError_t error = (call);                                                     \
        if (error != cudaSuccess) {                                                     \
            printf("line %d: %s\n", __LINE__, cudaGetErrorString(error));               \
            exit(2);                                                                    \
        }                                                                               \
    } while (0)

// Every warp reads the same word of host memory, and says what it saw.
template <bool VOLATILE>
__global__ void readAll(const int *host, int *seen) {
    int word;
    if (VOLATILE) {
        asm volatile("ld.volatile.global.s32 %0, [%1];" : "=r"(word) : "l"(host));
    } else {
        asm volatile("ld.global.s32 %0, [%1];" : "=r"(word) : "l"(host));
    }
    if (threadIdx.x % 32 == 0) {
        seen[(blockIdx.x * blockDim.x + threadIdx.x) / 32] = word;
    }
}

template <bool VOLATILE>
static double microseconds(int ctas, int *host, int *device, int *seen, int *stale) {
    constexpr int THREADS = 256;
    cudaEvent_t from, to;
    CHECK(cudaEventCreate(&from));
    CHECK(cudaEventCreate(&to));
    std::vector<float> times;
    std::vector<int> words(ctas * THREADS / 32);
    for (int i = 0; i < 60; i++) {
        *(volatile int *)host = i;
        CHECK(cudaEventRecord(from));
        readAll<VOLATILE><<<ctas, THREADS>>>(device, seen);
        CHECK(cudaEventRecord(to));
        CHECK(cudaEventSynchronize(to));
        float ms;
        CHECK(cudaEventElapsedTime(&ms, from, to));
        times.push_back(ms * 1000);
        CHECK(cudaMemcpy(words.data(), seen, words.size() * sizeof(int), cudaMemcpyDeviceToHost));
        for (int word : words) {
            *stale += word != i;
        }
    }
    std::sort(times.begin(), times.end());
    return times[times.size() / 2];
}

int main() {
    int *host, *device, *seen, stale = 0;
    CHECK(cudaHostAlloc(&host, 4096, cudaHostAllocMapped));
    CHECK(cudaHostGetDevicePointer(&device, host, 0));
    CHECK(cudaMalloc(&seen, 1 << 20));
    cudaDeviceProp properties;
    CHECK(cudaGetDeviceProperties(&properties, 0));
    printf("%s\n", properties.name);
    bool asDescribed = true;
    for (int ctas : {1, 4, 16, 32}) {
        double plain = microseconds<false>(ctas, host, device, seen, &stale);
        double isVolatile = microseconds<true>(ctas, host, device, seen, &stale);
        printf("%3d warps: plain loads %6.1f us a launch, volatile %6.1f us\n", ctas * 8, plain, isVolatile);
        asDescribed &= ctas < 16 || isVolatile > 4 * plain;
    }
    printf("words that were not the last ones written: %d\n", stale);
    return asDescribed && stale == 0 ? 0 : 1;
}
CUDA
nvcc -std=c++17 -O2 -arch=native -o "$work/read" "$work/read.cu"
nvcc --version | grep release
"$work/read"
echo "as described: volatile reads of one word of host memory queue up, warp by warp"

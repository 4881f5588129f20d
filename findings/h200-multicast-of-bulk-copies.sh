#!/usr/bin/env bash
# Hopper: cp.async.bulk without a tensor map can multicast to the CTAs of a cluster, and is slower for it.
#
# cp.async.bulk.shared::cluster.global...multicast::cluster writes one copy from memory into the shared memory of several CTAs, so two
# CTAs that need the same data ask the L2 cache for half as much. With the one-dimensional form, which needs no tensor map, a pair of
# CTAs that each fetch half of every piece for both takes longer than one in which each fetches all of it for itself, though all of it lies in L2.
#
# The program brings 4,096 pieces of 16 KB into a ring of four in each CTA's shared memory, from a buffer of 16 MB, in both ways, checks
# what arrived, and prints the rate at which shared memory is filled: 4.0 and 3.1 TB/s.
#
# Needs a GPU of compute capability 9.0 and nvcc of CUDA 12 or 13. Runs for a few seconds. Seen on an H200, driver 580.159.04, CUDA 13.0.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/multicast.cu" <<'CUDA'
#include <algorithm>
#include <cstdint>
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

constexpr int PIECE = 16384, STAGES = 4, PIECES = 1024;

__device__ uint32_t shared(const void *p) { return (uint32_t)__cvta_generic_to_shared(p); }

__device__ void waitFor(uint32_t barrier, uint32_t parity) {
    asm volatile("{.reg .pred p; WAIT: mbarrier.try_wait.parity.shared::cta.b64 p, [%0], %1; @p bra DONE; bra WAIT; DONE:}" ::"r"(barrier), "r"(parity)
                 : "memory");
}

// Tells the CTA `rank` of the cluster that a stage of this CTA has been read.
__device__ void arriveAt(uint32_t barrier, int rank) {
    asm volatile("{.reg .b32 there; mapa.shared::cluster.u32 there, %0, %1; mbarrier.arrive.release.cluster.shared::cluster.b64 _, [there];}" ::"r"(barrier), "r"(rank)
                 : "memory");
}

// A pair of CTAs reads the same PIECES pieces; each adds up what arrived.
__global__ void __cluster_dims__(2) bring(const char *from, int pieces, bool together, unsigned long long *sums) {
    extern __shared__ __align__(1024) char ring[];
    __shared__ alignas(8) uint64_t full[STAGES], empty[STAGES];
    int rank = blockIdx.x % 2, pair = blockIdx.x / 2, warp = threadIdx.x / 32;
    if (threadIdx.x == 0) {
        for (int i = 0; i < STAGES; i++) {
            asm volatile("mbarrier.init.shared::cta.b64 [%0], 1;" ::"r"(shared(full + i)));
            asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(shared(empty + i)), "r"(together ? 2 : 1));
        }
        asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
    }
    asm volatile("barrier.cluster.arrive.aligned; barrier.cluster.wait.aligned;" ::: "memory");
    unsigned long long sum = 0;
    if (warp == 0) {
        if (threadIdx.x == 0) {
            for (int i = 0; i < pieces; i++) {
                int stage = i % STAGES, parity = i / STAGES & 1;
                waitFor(shared(empty + stage), parity ^ 1);
                uint32_t to = shared(ring + stage * PIECE), barrier = shared(full + stage);
                const char *at = from + (size_t)((pair * 37 + i) % PIECES) * PIECE;
                asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(barrier), "r"(PIECE) : "memory");
                if (together) {
                    int half = rank * (PIECE / 2);
                    asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster [%0], [%1], %2, [%3], %4;" ::"r"(to + half),
                                 "l"(at + half), "r"(PIECE / 2), "r"(barrier), "h"((short)3)
                                 : "memory");
                } else {
                    asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::"r"(to), "l"(at), "r"(PIECE), "r"(barrier)
                                 : "memory");
                }
            }
        }
    } else {
        for (int i = 0; i < pieces; i++) {
            int stage = i % STAGES, parity = i / STAGES & 1;
            waitFor(shared(full + stage), parity);
            sum += *(unsigned *)(ring + stage * PIECE + (threadIdx.x - 32) * (PIECE / 128));
            asm volatile("bar.sync 1, 128;" ::: "memory");
            if (threadIdx.x == 32) {
                arriveAt(shared(empty + stage), rank);
                if (together) {
                    arriveAt(shared(empty + stage), rank ^ 1);
                }
            }
        }
        atomicAdd(sums + blockIdx.x, sum);
    }
    asm volatile("barrier.cluster.arrive.aligned; barrier.cluster.wait.aligned;" ::: "memory");
}

int main() {
    cudaDeviceProp properties;
    CHECK(cudaGetDeviceProperties(&properties, 0));
    printf("%s\n", properties.name);
    int ctas = properties.multiProcessorCount / 2 * 2, pieces = 4096;
    std::vector<unsigned> words(PIECES * (PIECE / 4));
    for (size_t i = 0; i < words.size(); i++) {
        words[i] = (unsigned)(i * 2654435761u) >> 8;
    }
    char *from;
    unsigned long long *sums;
    CHECK(cudaMalloc(&from, words.size() * 4));
    CHECK(cudaMemcpy(from, words.data(), words.size() * 4, cudaMemcpyHostToDevice));
    CHECK(cudaMalloc(&sums, ctas * 8));
    CHECK(cudaFuncSetAttribute(bring, cudaFuncAttributeMaxDynamicSharedMemorySize, PIECE * STAGES));
    double rates[2];
    for (int together = 0; together < 2; together++) {
        std::vector<float> times;
        for (int run = 0; run < 7; run++) {
            CHECK(cudaMemset(sums, 0, ctas * 8));
            cudaEvent_t begin, end;
            CHECK(cudaEventCreate(&begin));
            CHECK(cudaEventCreate(&end));
            CHECK(cudaEventRecord(begin));
            bring<<<ctas, 160, PIECE * STAGES>>>(from, pieces, together, sums);
            CHECK(cudaEventRecord(end));
            CHECK(cudaEventSynchronize(end));
            float ms;
            CHECK(cudaEventElapsedTime(&ms, begin, end));
            times.push_back(ms);
        }
        std::vector<unsigned long long> got(ctas);
        CHECK(cudaMemcpy(got.data(), sums, ctas * 8, cudaMemcpyDeviceToHost));
        for (int cta = 0; cta < ctas; cta++) {
            unsigned long long right = 0;
            for (int i = 0; i < pieces; i++) {
                for (int j = 0; j < 128; j++) {
                    right += words[(size_t)((cta / 2 * 37 + i) % PIECES) * (PIECE / 4) + j * (PIECE / 128 / 4)];
                }
            }
            if (got[cta] != right) {
                printf("CTA %d read wrong bytes\n", cta);
                return 2;
            }
        }
        std::sort(times.begin(), times.end());
        rates[together] = (double)ctas * pieces * PIECE / times[3] / 1e9;
    }
    printf("shared memory filled: each CTA for itself %.2f TB/s, halves by multicast %.2f TB/s\n", rates[0], rates[1]);
    return rates[1] < 0.9 * rates[0] ? 0 : 1;
}
CUDA
nvcc -std=c++17 -O2 -gencode arch=compute_90a,code=sm_90a -o "$work/multicast" "$work/multicast.cu"
nvcc --version | grep release
"$work/multicast"
echo "as described: pairs that share one-dimensional bulk copies fill their shared memory more slowly"

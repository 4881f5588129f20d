#!/usr/bin/env bash
# Hopper (H100, H200): the two FP8 tensor-core instructions do not compute the same sums.
#
# The product of two e4m3 matrices with an FP32 accumulator can be had from mma.sync.m16n8k32 and, on compute
# capability 9.0, from wgmma.mma_async.m64n8k32. PTX describes both alike: FP8 inputs, FP32 accumulators. For
# BF16 the two agree to the bit. For FP8 they do not: mma.sync is right to about an FP32's precision, wgmma drops bits of the
# running sum, the more the longer the chain, and nearly every output differs. Kernels that choose one of them by
# the size of the batch therefore answer differently by the size of the batch.
#
# The program below multiplies random e4m3 matrices, 64 x K times K x 8, with both, in the same order of k, and compares each with
# sums in double precision, which are exact enough to be called right.
#
# Needs a GPU of compute capability 9.0 and nvcc of CUDA 12 or 13. Runs for a few seconds. Seen on an H200, driver 580.159.04, CUDA 13.0.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/fp8.cu" <<'CUDA'
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cuda_fp8.h>
#include <vector>

// One tile of 32 of k in shared memory, as groups of 8 rows x 16 bytes that lie one behind the other:
// rows of A or columns of B by eights, and two groups along k for each.
__device__ uint64_t descriptor(const void *tile) {
    uint64_t address = __cvta_generic_to_shared(tile);
    return (address & 0x3FFFF) >> 4 | uint64_t(128 >> 4) << 16 | uint64_t(256 >> 4) << 32;
}

// a is [64][k], b is [8][k] (column by column), c is [64][8]; one warpgroup
__global__ void sums(const uint8_t *a, const uint8_t *b, float *c, int k, bool group) {
    __shared__ alignas(128) uint8_t ta[64 * 32], tb[8 * 32];
    int warp = threadIdx.x / 32, row = threadIdx.x % 32 / 4, lane = threadIdx.x % 4;
    float d[4] = {0, 0, 0, 0};
    for (int at = 0; at < k; at += 32) {
        for (int i = threadIdx.x; i < 72 * 32; i += blockDim.x) {
            int r = i / 32, j = i % 32;
            uint8_t *tile = r < 64 ? ta : tb;
            const uint8_t *from = r < 64 ? a + r * k : b + (r - 64) * k;
            tile[(r < 64 ? r / 8 : 0) * 256 + j / 16 * 128 + r % 8 * 16 + j % 16] = from[at + j];
        }
        asm volatile("fence.proxy.async;" ::: "memory");
        __syncthreads();
        if (group) {
            asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
            asm volatile("wgmma.mma_async.sync.aligned.m64n8k32.f32.e4m3.e4m3 {%0, %1, %2, %3}, %4, %5, 1, 1, 1;"
                         : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                         : "l"(descriptor(ta)), "l"(descriptor(tb))
                         : "memory");
            asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
            asm volatile("wgmma.wait_group.sync.aligned 0;" : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])::"memory");
        } else {
            auto word = [&](const uint8_t *tile, int group8, int half) {
                return *(const uint32_t *)(tile + group8 * 256 + half * 128 + row * 16 + lane * 4);
            };
            asm volatile("mma.sync.aligned.m16n8k32.row.col.f32.e4m3.e4m3.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                         : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                         : "r"(word(ta, warp * 2, 0)), "r"(word(ta, warp * 2 + 1, 0)), "r"(word(ta, warp * 2, 1)),
                           "r"(word(ta, warp * 2 + 1, 1)), "r"(word(tb, 0, 0)), "r"(word(tb, 0, 1)));
        }
        __syncthreads();
    }
    for (int i = 0; i < 4; i++) {
        c[(warp * 16 + row + i / 2 * 8) * 8 + lane * 2 + i % 2] = d[i];
    }
}

int main() {
    cudaDeviceProp device;
    int driver = 0, runtime = 0;
    if (cudaGetDeviceProperties(&device, 0) != cudaSuccess || device.major != 9) {
        puts("no GPU of compute capability 9.0");
        return 2;
    }
    cudaDriverGetVersion(&driver);
    cudaRuntimeGetVersion(&runtime);
    printf("%s, CUDA %d.%d of the driver, %d.%d of the program\n", device.name, driver / 1000, driver % 1000 / 10, runtime / 1000, runtime % 1000 / 10);
    bool as_described = true;
    srand(7);
    for (int k : {128, 1024, 4096, 14336}) {
        std::vector<uint8_t> a(64 * k), b(8 * k);
        std::vector<double> va(64 * k), vb(8 * k);
        auto fill = [](std::vector<uint8_t> &bytes, std::vector<double> &values) {
            for (size_t i = 0; i < bytes.size(); i++) {
                __nv_fp8_e4m3 v(float(rand() / (RAND_MAX / 4.0) - 2));
                bytes[i] = v.__x;
                values[i] = float(v);
            }
        };
        fill(a, va);
        fill(b, vb);
        uint8_t *da, *db;
        float *dc, c[2][512];
        cudaMalloc(&da, a.size());
        cudaMalloc(&db, b.size());
        cudaMalloc(&dc, sizeof c[0]);
        cudaMemcpy(da, a.data(), a.size(), cudaMemcpyHostToDevice);
        cudaMemcpy(db, b.data(), b.size(), cudaMemcpyHostToDevice);
        for (int group = 0; group < 2; group++) {
            cudaMemset(dc, 0xFF, sizeof c[0]);
            sums<<<1, 128>>>(da, db, dc, k, group == 1);
            if (cudaMemcpy(c[group], dc, sizeof c[0], cudaMemcpyDeviceToHost) != cudaSuccess) {
                puts(cudaGetErrorString(cudaGetLastError()));
                return 2;
            }
        }
        double wrong[2] = {0, 0}, size = 0;
        int different = 0;
        for (int i = 0; i < 512; i++) {
            double right = 0;
            for (int j = 0; j < k; j++) {
                right += va[i / 8 * k + j] * vb[i % 8 * k + j];
            }
            size += right * right;
            for (int group = 0; group < 2; group++) {
                wrong[group] += (c[group][i] - right) * (c[group][i] - right);
            }
            different += c[0][i] != c[1][i];
        }
        double mma = sqrt(wrong[0] / size), wgmma = sqrt(wrong[1] / size);
        printf("K %5d: relative error of mma.sync %.1e, of wgmma %.1e; %d of 512 outputs differ\n", k, mma, wgmma, different);
        as_described &= mma < 1e-5 && wgmma > 5e-5 && different > 450;
        cudaFree(da);
        cudaFree(db);
        cudaFree(dc);
    }
    return as_described ? 0 : 1;
}
CUDA
nvcc -std=c++17 -O2 -gencode arch=compute_90a,code=sm_90a -o "$work/fp8" "$work/fp8.cu"
nvcc --version | grep release
"$work/fp8"
echo "as described: mma.sync is right, wgmma is not quite, and they differ nearly everywhere"

// norm: RMSNorm  x * inverse * weight, inverse = 1 / sqrt(sum(x^2) / n + epsilon)
//       LayerNorm  (x - mean) * inverse * weight + bias
//
// Shapes   x rows (tokens, width), out tiles (tokens, width); with `gather`, out row i is x row gather[i]
// Order    128 lanes for every width: lane i takes elements 4i to 4i + 3, then those 512 further on (docs/numerics.md)
// Mapping  one CTA a row, one thread a lane; the row is read again from L1 for the second pass
// Roofline Qwen2.5-0.5B, 64 tokens: 344 KB: 0.1 us; bound by the launch
#include "layout.h"
#include "params.h"
#include "scalar.h"

constexpr int LANES = 128;

struct RowNorm {
    const float* x;
    const NormParams& p;
    float mean;

    /** What lane `lane` adds up: elements, or squares of elements less the mean. */
    __device__ __forceinline__ float lane(int lane, bool squares) const {
        float sum = 0.0f;
#pragma unroll 4
        for (int k = 4 * lane; k < p.width; k += 4 * LANES) {
            float4 four = *(const float4*)(x + k);
            float v[4] = {four.x, four.y, four.z, four.w};
#pragma unroll
            for (int i = 0; i < 4; i++) {
                if (k + i < p.width) {
                    float d = v[i] - mean;
                    sum = squares ? fmaf(d, d, sum) : sum + d;
                }
            }
        }
        return sum;
    }

    template <class T>
    __device__ __forceinline__ void write(int row, int lane, float inverse) const {
#pragma unroll 2
        for (int k = 4 * lane; k < p.width; k += 4 * LANES) {
            float4 four = *(const float4*)(x + k);
            float v[4] = {four.x, four.y, four.z, four.w};
            T y[4];
#pragma unroll
            for (int i = 0; i < 4; i++) {
                bool real = k + i < p.width;
                float scaled = ((v[i] - mean) * inverse) * (real ? p.weight[k + i] : 0.0f);
                y[i] = narrow<T>(p.bias != nullptr && real ? scaled + p.bias[k + i] : scaled);
            }
            // Four columns lie side by side in tiles, 4 k being a multiple of a piece's half.
            T* to = (T*)((char*)p.out + tileOffset(row, k, pad64(p.width), sizeof(T)));
#pragma unroll
            for (int i = 0; i < 4; i++) {
                if (k + 3 >= p.width && k + i < p.width) {
                    to[i] = y[i];
                }
            }
            if (k + 3 < p.width) {
                store4(to, y);
            }
        }
    }

    __device__ __forceinline__ static void store4(float* to, const float (&y)[4]) {
        *(float4*)to = make_float4(y[0], y[1], y[2], y[3]);
    }
    template <class T>
    __device__ __forceinline__ static void store4(T* to, const T (&y)[4]) {
        *(uint2*)to = make_uint2((uint32_t)y[0].bits | (uint32_t)y[1].bits << 16, (uint32_t)y[2].bits | (uint32_t)y[3].bits << 16);
    }
};

__device__ __forceinline__ const float* normRow(const NormParams& p, int row) {
    int count = p.gather != nullptr ? p.step->sampled : p.step->tokens;
    if (row >= count) {
        return nullptr;
    }
    int token = p.gather != nullptr ? p.gather[row] : row;
    return p.x + (size_t)token * pad64(p.width);
}

/** The sum of 128 lanes, one a thread. */
__device__ __forceinline__ float closeLanes(float lane) {
    __shared__ float warps[4];
    float sum = warpSum(lane);
    __syncthreads();
    if (threadIdx.x % 32 == 0) {
        warps[threadIdx.x / 32] = sum;
    }
    __syncthreads();
    return ((warps[0] + warps[1]) + warps[2]) + warps[3];
}

template <class T>
__device__ __forceinline__ void norm(const NormParams& p) {
    const float* x = normRow(p, blockIdx.x);
    if (x == nullptr) {
        return;
    }
    RowNorm row{x, p, 0.0f};
    if (p.bias != nullptr) {
        row.mean = __fdiv_rn(closeLanes(row.lane(threadIdx.x, false)), (float)p.width);
    }
    float squares = closeLanes(row.lane(threadIdx.x, true));
    row.write<T>(blockIdx.x, threadIdx.x, inverseRoot(squares, p.width, p.epsilon));
}

/** The oracle: one warp a row, the four warps' lanes one after the other. */
template <class T>
__device__ __forceinline__ void oracleNorm(const NormParams& p) {
    const float* x = normRow(p, blockIdx.x);
    if (x == nullptr) {
        return;
    }
    RowNorm row{x, p, 0.0f};
    for (int pass = p.bias != nullptr ? 0 : 1; pass < 2; pass++) {
        float sum = 0.0f;
        for (int warp = 0; warp < 4; warp++) {
            float part = warpSum(row.lane(32 * warp + threadIdx.x, pass == 1));
            sum = warp == 0 ? part : sum + part;
        }
        if (pass == 0) {
            row.mean = __fdiv_rn(sum, (float)p.width);
        } else {
            float inverse = inverseRoot(sum, p.width, p.epsilon);
            for (int warp = 0; warp < 4; warp++) {
                row.write<T>(blockIdx.x, 32 * warp + threadIdx.x, inverse);
            }
        }
    }
}

extern "C" __global__ void __launch_bounds__(128) norm_bf16(const __grid_constant__ NormParams p) { norm<Bf16>(p); }
extern "C" __global__ void __launch_bounds__(128) norm_f16(const __grid_constant__ NormParams p) { norm<F16>(p); }
extern "C" __global__ void __launch_bounds__(128) norm_f32(const __grid_constant__ NormParams p) { norm<float>(p); }
extern "C" __global__ void __launch_bounds__(32) oracle_norm_bf16(const __grid_constant__ NormParams p) { oracleNorm<Bf16>(p); }
extern "C" __global__ void __launch_bounds__(32) oracle_norm_f16(const __grid_constant__ NormParams p) { oracleNorm<F16>(p); }

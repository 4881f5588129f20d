// norm: RMSNorm  x * inverse * weight, inverse = 1 / sqrt(sum(x^2) / n + epsilon)
//       LayerNorm  (x - mean) * inverse * weight + bias
//
// RMSNorm in BF16 writes x * weight, and inverse separately: the GEMMs that follow multiply their sums by it (docs/numerics.md).
//
// Shapes   x rows (tokens, width), out tiles (tokens, width), inverse (tokens); with `gather`, out row i is x row gather[i]
// Order    RMSNorm in BF16: groups of 16 columns, 32 lanes of groups. Otherwise 128 lanes for every width: lane i takes elements 4i to
//          4i + 3, then those 512 later (docs/numerics.md)
// Mapping  one CTA per row, four columns per thread and iteration: four threads share a group; the second pass reads the row from L1
// Roofline Qwen2.5-0.5B, 64 tokens: 344 KB: 0.1 us; launch-bound
#include "launch.h"
#include "layout.h"
#include "params.h"
#include "scalar.h"

constexpr int LANES = 128;
constexpr int GROUP = 16;        // columns whose squares are summed first
constexpr int GROUP_LANES = 32;  // lanes that sum the groups

struct RowNorm {
    const float* x;
    const NormParams& p;
    float mean;

    /** Sum of lane `lane`: of elements, or of squares of elements minus the mean. */
    __device__ __forceinline__ float lane(int lane, bool squares) const {
        float sum = 0.0f;
#pragma unroll 4
        for (int k = 4 * lane; k < p.width; k += 4 * LANES) {
            float v[4];
            load(k, v);
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

    /** Columns k to k + 3; those past the width may be anything. */
    __device__ __forceinline__ void load(int k, float (&v)[4]) const {
        float4 four = *(const float4*)(x + k);
        v[0] = four.x;
        v[1] = four.y;
        v[2] = four.z;
        v[3] = four.w;
    }

    /** Column k; 0 past the width. */
    __device__ __forceinline__ float column(int k) const { return k < p.width ? x[k] : 0.0f; }

    /** Writes columns * inverse * weight (+ bias); without SCALED, columns * weight. */
    template <class T, bool SCALED>
    __device__ __forceinline__ void write(int row, int lane, float inverse) const {
#pragma unroll 2
        for (int k = 4 * lane; k < p.width; k += 4 * LANES) {
            float v[4];
            load(k, v);
            T y[4];
#pragma unroll
            for (int i = 0; i < 4; i++) {
                bool real = k + i < p.width;
                float weight = real ? p.weight[k + i] : 0.0f;
                float scaled = SCALED ? ((v[i] - mean) * inverse) * weight : v[i] * weight;
                y[i] = narrow<T>(SCALED && p.bias != nullptr && real ? scaled + p.bias[k + i] : scaled);
            }
            // Four columns are contiguous in tiles, because they are half of a 16-byte piece.
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

/** Waits for the inputs; returns the row of x, or null past the last. */
__device__ __forceinline__ const float* normRow(const NormParams& p, int row) {
    letNextBegin();
    if (row == 0) {
        for (int k = 32 * threadIdx.x; k < p.width; k += 32 * blockDim.x) {
            prefetch(p.weight + k);
        }
    }
    waitForInputs();
    int count = p.gather != nullptr ? p.step->sampled : p.step->tokens;
    if (row >= count) {
        return nullptr;
    }
    int token = p.gather != nullptr ? p.gather[row] : row;
    return p.x + (size_t)token * pad64(p.width);
}

/** The sum of 128 lanes, one per thread. */
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
    row.write<T, true>(blockIdx.x, threadIdx.x, inverseRoot(squares, p.width, p.epsilon));
}

/** RMSNorm in BF16. Threads 4 i to 4 i + 3 share lane i of the groups: groups i, i + 32, ... */
__device__ __forceinline__ void normUnscaled(const NormParams& p) {
    __shared__ float lanes[GROUP_LANES];
    const float* x = normRow(p, blockIdx.x);
    if (x == nullptr) {
        return;
    }
    RowNorm row{x, p, 0.0f};
    float sum = 0.0f;
#pragma unroll 2
    for (int first = 0; first < p.width; first += GROUP * GROUP_LANES) {
        int k = first + 4 * threadIdx.x;
        float v[4] = {};
        if (k < p.width) {
            row.load(k, v);
#pragma unroll
            for (int i = 0; i < 4; i++) {
                v[i] = k + i < p.width ? v[i] : 0.0f;
            }
        }
        float squares = fmaf(v[1], v[1], v[0] * v[0]) + fmaf(v[3], v[3], v[2] * v[2]);
        squares += __shfl_xor_sync(ALL_LANES, squares, 1);  // now of eight columns
        squares += __shfl_xor_sync(ALL_LANES, squares, 2);
        sum += squares;
    }
    if (threadIdx.x % 4 == 0) {
        lanes[threadIdx.x / 4] = sum;
    }
    __syncthreads();
    float inverse = inverseRoot(warpSum(lanes[threadIdx.x % 32]), p.width, p.epsilon);
    if (threadIdx.x == 0) {
        p.inverse[blockIdx.x] = inverse;
    }
    row.write<Bf16, false>(blockIdx.x, threadIdx.x, 1.0f);
}

/** The oracle: one warp per row, the four warps' lanes one after the other. */
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
                row.write<T, true>(blockIdx.x, 32 * warp + threadIdx.x, inverse);
            }
        }
    }
}

/** The oracle of RMSNorm in BF16: one warp per row, a lane's groups one after the other. */
__device__ __forceinline__ void oracleNormUnscaled(const NormParams& p) {
    const float* x = normRow(p, blockIdx.x);
    if (x == nullptr) {
        return;
    }
    RowNorm row{x, p, 0.0f};
    float sum = 0.0f;
    for (int group = threadIdx.x; group * GROUP < p.width; group += GROUP_LANES) {
        float eight[2];
        for (int half = 0; half < 2; half++) {
            float pairs[4];
            for (int c = 0; c < 4; c++) {
                int k = group * GROUP + half * 8 + 2 * c;
                float low = row.column(k);
                float high = row.column(k + 1);
                pairs[c] = fmaf(high, high, low * low);
            }
            eight[half] = (pairs[0] + pairs[1]) + (pairs[2] + pairs[3]);
        }
        sum = sum + (eight[0] + eight[1]);
    }
    float inverse = inverseRoot(warpSum(sum), p.width, p.epsilon);
    if (threadIdx.x == 0) {
        p.inverse[blockIdx.x] = inverse;
    }
    for (int k = threadIdx.x; k < p.width; k += 32) {
        *(Bf16*)((char*)p.out + tileOffset(blockIdx.x, k, pad64(p.width), 2)) = narrow<Bf16>(x[k] * p.weight[k]);
    }
}

extern "C" __global__ void __launch_bounds__(128) norm_bf16(const __grid_constant__ NormParams p) {
    p.inverse != nullptr ? normUnscaled(p) : norm<Bf16>(p);
}
extern "C" __global__ void __launch_bounds__(128) norm_f16(const __grid_constant__ NormParams p) { norm<F16>(p); }
extern "C" __global__ void __launch_bounds__(128) norm_f32(const __grid_constant__ NormParams p) { norm<float>(p); }
extern "C" __global__ void __launch_bounds__(32) oracle_norm_bf16(const __grid_constant__ NormParams p) {
    p.inverse != nullptr ? oracleNormUnscaled(p) : oracleNorm<Bf16>(p);
}
extern "C" __global__ void __launch_bounds__(32) oracle_norm_f16(const __grid_constant__ NormParams p) { oracleNorm<F16>(p); }

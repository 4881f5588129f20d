// The epilogue of a GEMM (docs/numerics.md), shared by all matmul kernels and their oracle.
#pragma once
#include "layout.h"
#include "params.h"
#include "scalar.h"

/** Number of rows of x in the launch. */
__device__ __forceinline__ int matmulTokens(const MatmulParams& p) {
    return p.sampledOnly ? p.step->sampled : p.step->tokens;
}

/** First 64-block of k of a segment; for p.segments, the end of the last. */
__device__ __forceinline__ int segmentStart(const MatmulParams& p, int segment) {
    return (int)((long long)segment * (pad64(p.k) >> 6) / p.segments);
}

/** RMSNorm's scale, by which the sums of a row of x are multiplied first. */
__device__ __forceinline__ float rowScale(const MatmulParams& p, int token) {
    return p.inverse != nullptr ? p.inverse[token] : 1.0f;  // a multiplication by 1 is exact
}

/** Address of columns `column` and following of a token in outTiles; four are contiguous if column % 4 is 0. */
template <class T>
__device__ __forceinline__ char* outTile(const MatmulParams& p, int token, int column) {
    return (char*)p.outTiles + tileOffset(token, column, pad64(p.columns), sizeof(T));
}

/** Finishes the sums over all segments of rows `row` and `row + 8` of the weight for one token; row % 16 < 8. */
template <class T>
__device__ __forceinline__ void finishSums(const MatmulParams& p, int token, int row, float low, float high) {
    float scale = rowScale(p, token);
    low = low * scale;
    high = high * scale;
    if (p.epilogue == EPILOGUE_GATED) {
        int column = (row >> 4) * 8 + (row & 7);
        if (column < p.columns) {
            *(T*)outTile<T>(p, token, column) = narrow<T>(silu(low) * high);
        }
        return;
    }
#pragma unroll
    for (int i = 0; i < 2; i++) {
        int column = row + 8 * i;
        float sum = i ? high : low;
        if (column >= p.columns) {
            continue;
        }
        if (p.bias != nullptr) {
            sum += p.bias[column];
        }
        if (p.epilogue == EPILOGUE_GELU) {
            *(T*)outTile<T>(p, token, column) = narrow<T>(gelu(sum));
        } else {
            float* out = p.outRows + (size_t)token * pad64(p.columns) + column;
            *out = p.epilogue == EPILOGUE_ADD ? *out + sum : sum;
        }
    }
}

template <class T>
__device__ __forceinline__ void storeFour(char* to, const T (&y)[4]) {
    *(uint2*)to = make_uint2((uint32_t)y[0].bits | (uint32_t)y[1].bits << 16, (uint32_t)y[2].bits | (uint32_t)y[3].bits << 16);
}

/** The same for rows `row` to `row + 3` and those 8 higher; row % 8 is 0 or 4. The bits are those of finishSums. */
template <class T>
__device__ __forceinline__ void finishQuads(const MatmulParams& p, int token, int row, const float (&low)[4], const float (&high)[4]) {
    bool gated = p.epilogue == EPILOGUE_GATED;
    float scale = rowScale(p, token);
    int last = gated ? (row >> 4) * 8 + (row & 7) + 3 : row + 11;
    if (last >= p.columns) {
        for (int i = 0; i < 4; i++) {
            finishSums<T>(p, token, row + i, low[i], high[i]);
        }
        return;
    }
    if (gated) {
        T y[4];
#pragma unroll
        for (int i = 0; i < 4; i++) {
            y[i] = narrow<T>(silu(low[i] * scale) * (high[i] * scale));
        }
        storeFour(outTile<T>(p, token, last - 3), y);
        return;
    }
#pragma unroll
    for (int i = 0; i < 2; i++) {
        int column = row + 8 * i;
        const float* sum = i ? high : low;
        float4 x = make_float4(sum[0] * scale, sum[1] * scale, sum[2] * scale, sum[3] * scale);
        if (p.bias != nullptr) {
            float4 b = *(const float4*)(p.bias + column);
            x = make_float4(x.x + b.x, x.y + b.y, x.z + b.z, x.w + b.w);
        }
        if (p.epilogue == EPILOGUE_GELU) {
            T y[4] = {narrow<T>(gelu(x.x)), narrow<T>(gelu(x.y)), narrow<T>(gelu(x.z)), narrow<T>(gelu(x.w))};
            storeFour(outTile<T>(p, token, column), y);
            continue;
        }
        float4* out = (float4*)(p.outRows + (size_t)token * pad64(p.columns) + column);
        if (p.epilogue == EPILOGUE_ADD) {
            float4 r = *out;
            x = make_float4(r.x + x.x, r.y + x.y, r.z + x.z, r.w + x.w);
        }
        *out = x;
    }
}

// What becomes of a product's sums (docs/numerics.md): shared by all matmul kernels and their oracle.
#pragma once
#include "layout.h"
#include "params.h"
#include "scalar.h"

/** How many rows of x the launch is for. */
__device__ __forceinline__ int matmulTokens(const MatmulParams& p) {
    return p.sampledOnly ? p.step->sampled : p.step->tokens;
}

/** First 64-block of k of a segment, or, for p.segments, the end of the last. */
__device__ __forceinline__ int segmentStart(const MatmulParams& p, int segment) {
    return (int)((long long)segment * (pad64(p.k) >> 6) / p.segments);
}

/** Takes the sums of rows `row` and `row + 8` of the weight for one token; row % 16 < 8. */
template <class T>
__device__ __forceinline__ void finishSums(const MatmulParams& p, int token, int row, float low, float high) {
    if (p.epilogue == EPILOGUE_GATED) {
        int column = (row >> 4) * 8 + (row & 7);
        if (column < p.columns) {
            char* out = (char*)p.outTiles + tileOffset(token, column, pad64(p.columns), sizeof(T));
            *(T*)out = narrow<T>(silu(low) * high);
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
            char* out = (char*)p.outTiles + tileOffset(token, column, pad64(p.columns), sizeof(T));
            *(T*)out = narrow<T>(gelu(sum));
        } else {
            float* out = p.outRows + (size_t)token * pad64(p.columns) + column;
            *out = p.epilogue == EPILOGUE_ADD ? *out + sum : sum;
        }
    }
}

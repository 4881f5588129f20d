// Functions of decode attention: partials of chunks, and their folds (docs/numerics.md, Attention, 4 and 5).
#pragma once
#include "attention.h"

/** The partial of one query head of one chunk of a token: D sums, then m and l. */
template <int D>
__device__ __forceinline__ float* partialOf(const AttentionParams& p, int at, int head) {
    return p.partials + ((size_t)at * p.heads + head) * (D + 4);
}

/** The chunks of a token, from first to last; none if last is before first. */
struct Chunks {
    int token;
    int partials;  // as in DecodeItem
    int first;
    int last;
};

/** Folds four columns of a query head over the chunks of its token. Loads bypass L1, because other CTAs have written the partials. */
template <class T, int D>
__device__ __forceinline__ void foldColumns(const AttentionParams& p, const Chunks& of, int head, int column) {
    constexpr int AHEAD = 4;  // chunks whose loads are in flight at once
    float M = minusInfinity();
    float L = 0.0f;
    float4 o = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
#pragma unroll 1
    for (int first = of.first; first <= of.last; first += AHEAD) {
        float2 ml[AHEAD];
        float4 sums[AHEAD];
#pragma unroll
        for (int i = 0; i < AHEAD; i++) {
            const float* chunk = partialOf<D>(p, of.partials + min(first + i, of.last), head);
            ml[i] = __ldcg((const float2*)(chunk + D));
            sums[i] = __ldcg((const float4*)(chunk + column));
        }
#pragma unroll
        for (int i = 0; i < AHEAD; i++) {
            if (first + i > of.last) {
                break;
            }
            Fold fold(M, ml[i].x, p.scale);
            M = fold.max;
            L = fmaf(ml[i].y, fold.chunk, L * fold.before);
            o.x = fmaf(sums[i].x, fold.chunk, o.x * fold.before);
            o.y = fmaf(sums[i].y, fold.chunk, o.y * fold.before);
            o.z = fmaf(sums[i].z, fold.chunk, o.z * fold.before);
            o.w = fmaf(sums[i].w, fold.chunk, o.w * fold.before);
        }
    }
    float inverse = __frcp_rn(L);
    storeOut<T>(p, of.token, head, column, o.x * inverse, o.y * inverse);
    storeOut<T>(p, of.token, head, column + 2, o.z * inverse, o.w * inverse);
}

// Finishes a query, key or value head of a token, by one warp; lane i has the pairs j = i, i + 32, ... of elements j and j + half.
#pragma once
#include "layout.h"
#include "params.h"
#include "scalar.h"

/** Destination and position of a head of a token; they do not depend on its sums. */
template <class T>
struct QkvPlace {
    char* out;
    int slabBytes;
    int turn;
    int position;

    __device__ __forceinline__ void find(const QkvFinishParams& p, int token, int head) {
        position = p.positions[token];
        int padded = paddedHead(p.headSize);
        slabBytes = 128;
        turn = 0;
        if (head < p.heads) {
            out = (char*)p.q + ((size_t)token * p.heads + head) * padded * sizeof(T);
            return;
        }
        bool value = head >= p.heads + p.kvHeads;
        int row = p.rowTable[p.rowOf[token]];
        int block = p.blocks[(size_t)row * p.tableStride + position / p.blockSize];
        int offset = position % p.blockSize;
        out = (char*)p.kv + kvOffset(block, (head - p.heads) % p.kvHeads, value, offset, p.kvHeads, padded, p.blockSize, sizeof(T));
        slabBytes = p.blockSize * 128;
        turn = offset & 7;
    }

    __device__ __forceinline__ void store(int e, float v) const {
        int at = e * (int)sizeof(T);
        int piece = (at >> 4 & 7) ^ turn;
        *(T*)(out + (size_t)(at >> 7) * slabBytes + piece * 16 + (at & 15)) = narrow<T>(v);
    }
};

/** Cosines and sines of a lane's pairs. */
template <int PAIRS>
struct QkvTurn {
    float cos[PAIRS];
    float sin[PAIRS];

    __device__ __forceinline__ void load(const QkvFinishParams& p, int position, int head) {
        int lane = threadIdx.x & 31;
#pragma unroll
        for (int i = 0; i < PAIRS; i++) {
            int j = lane + 32 * i;
            if (head < p.heads + p.kvHeads && j < p.headSize / 2) {
                cos[i] = p.cos[(size_t)position * p.pairs + j];
                sin[i] = p.sin[(size_t)position * p.pairs + j];
            }
        }
    }
};

/** Applies bias, norm, rotation and rounding to the sums of the GEMM; all lanes of a warp call it. */
template <class T, int PAIRS>
__device__ __forceinline__ void finishHead(
        const QkvFinishParams& p, int head, const QkvPlace<T>& place, const QkvTurn<PAIRS>& turn, float (&low)[PAIRS], float (&high)[PAIRS]) {
    int lane = threadIdx.x & 31;
    int half = p.headSize / 2;
    bool query = head < p.heads;
    bool value = head >= p.heads + p.kvHeads;
    const float* bias = p.bias == nullptr ? nullptr : p.bias + head * p.headSize;
    float squares = 0.0f;
#pragma unroll
    for (int i = 0; i < PAIRS; i++) {
        int j = lane + 32 * i;
        if (j < half) {
            if (bias != nullptr) {
                low[i] += bias[j];
                high[i] += bias[j + half];
            }
            squares = fmaf(low[i], low[i], squares);
            squares = fmaf(high[i], high[i], squares);
        }
    }
    const float* weight = query ? p.queryNorm : (value ? nullptr : p.keyNorm);
    if (weight != nullptr) {
        float inverse = inverseRoot(warpSum(squares), p.headSize, query ? p.queryEpsilon : p.keyEpsilon);
#pragma unroll
        for (int i = 0; i < PAIRS; i++) {
            int j = lane + 32 * i;
            if (j < half) {
                low[i] = (low[i] * inverse) * weight[j];
                high[i] = (high[i] * inverse) * weight[j + half];
            }
        }
    }
#pragma unroll
    for (int i = 0; i < PAIRS; i++) {
        int j = lane + 32 * i;
        if (j < half) {
            float a = low[i];
            float b = high[i];
            place.store(j, value ? a : a * turn.cos[i] - b * turn.sin[i]);
            place.store(j + half, value ? b : b * turn.cos[i] + a * turn.sin[i]);
        }
    }
}

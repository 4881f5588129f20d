// qkv_finish: what follows the product in qkvProjectRopeStoreKv
//
//   x = projected (+ bias); a normed head is scaled by weight / sqrt(mean(x^2) + epsilon); queries and keys turn by their
//   position: (a, b) -> (a cos - b sin, b cos + a sin), a = x[j], b = x[j + half]; all is rounded to T
//
// Shapes   projected rows (tokens, (heads + 2 kvHeads) * headSize); q heads; keys and values to their places in kv
// Mapping  one warp a head of a token, lane i has the pairs j = i, i + 32, ...; blockIdx = (token, four heads)
// Roofline Qwen2.5-0.5B, 64 tokens: 295 KB read, 147 KB written: 0.15 us; bound by the launch
// It is a kernel of its own because a head of 128 spans two row tiles of the product, and a norm needs it whole.
#include "launch.h"
#include "layout.h"
#include "params.h"
#include "scalar.h"

constexpr int MOST_PAIRS = 2;  // of a lane: heads have 128 elements at the most

template <class T>
__device__ __forceinline__ void qkvFinish(const QkvFinishParams& p) {
    int token = blockIdx.x;
    int head = blockIdx.y * 4 + (threadIdx.x >> 5);
    int lane = threadIdx.x & 31;
    letNextBegin();
    if (token >= p.step->tokens || head >= p.heads + 2 * p.kvHeads) {
        waitForInputs();
        return;
    }
    int half = p.headSize / 2;
    bool query = head < p.heads;
    bool value = head >= p.heads + p.kvHeads;
    // Where the head goes, and how it turns, is known before the product's sums are.
    int position = p.positions[token];
    int padded = paddedHead(p.headSize);
    char* out;
    int slabBytes = 128;
    int turn = 0;
    if (query) {
        out = (char*)p.q + ((size_t)token * p.heads + head) * padded * sizeof(T);
    } else {
        int kvHead = (head - p.heads) % p.kvHeads;
        int row = p.rowTable[p.rowOf[token]];
        int block = p.blocks[(size_t)row * p.tableStride + position / p.blockSize];
        int offset = position % p.blockSize;
        out = (char*)p.kv + kvOffset(block, kvHead, value, offset, p.kvHeads, padded, p.blockSize, sizeof(T));
        slabBytes = p.blockSize * 128;
        turn = offset & 7;
    }
    float cos[MOST_PAIRS];
    float sin[MOST_PAIRS];
#pragma unroll
    for (int i = 0; i < MOST_PAIRS; i++) {
        int j = lane + 32 * i;
        if (!value && j < half) {
            cos[i] = p.cos[(size_t)position * p.pairs + j];
            sin[i] = p.sin[(size_t)position * p.pairs + j];
        }
    }
    waitForInputs();
    const float* x = p.projected + (size_t)token * pad64((p.heads + 2 * p.kvHeads) * p.headSize) + head * p.headSize;
    const float* bias = p.bias == nullptr ? nullptr : p.bias + head * p.headSize;
    float low[MOST_PAIRS];
    float high[MOST_PAIRS];
    float squares = 0.0f;
#pragma unroll
    for (int i = 0; i < MOST_PAIRS; i++) {
        int j = lane + 32 * i;
        if (j < half) {
            low[i] = x[j];
            high[i] = x[j + half];
            if (bias != nullptr) {
                low[i] += bias[j];
                high[i] += bias[j + half];
            }
            squares = fmaf(low[i], low[i], squares);
            squares = fmaf(high[i], high[i], squares);
        }
    }
    const float* weight = query ? p.queryNorm : value ? nullptr : p.keyNorm;
    if (weight != nullptr) {
        float inverse = inverseRoot(warpSum(squares), p.headSize, query ? p.queryEpsilon : p.keyEpsilon);
#pragma unroll
        for (int i = 0; i < MOST_PAIRS; i++) {
            int j = lane + 32 * i;
            if (j < half) {
                low[i] = (low[i] * inverse) * weight[j];
                high[i] = (high[i] * inverse) * weight[j + half];
            }
        }
    }
    if (!value) {
#pragma unroll
        for (int i = 0; i < MOST_PAIRS; i++) {
            int j = lane + 32 * i;
            if (j < half) {
                float a = low[i];
                float b = high[i];
                low[i] = a * cos[i] - b * sin[i];
                high[i] = b * cos[i] + a * sin[i];
            }
        }
    }
    auto store = [&](int e, float v) {
        int at = e * (int)sizeof(T);
        int piece = (at >> 4 & 7) ^ turn;
        *(T*)(out + (size_t)(at >> 7) * slabBytes + piece * 16 + (at & 15)) = narrow<T>(v);
    };
#pragma unroll
    for (int i = 0; i < MOST_PAIRS; i++) {
        int j = lane + 32 * i;
        if (j < half) {
            store(j, low[i]);
            store(j + half, high[i]);
        }
    }
    for (int e = p.headSize + lane; e < padded; e += 32) {
        store(e, 0.0f);
    }
}

extern "C" __global__ void __launch_bounds__(128) qkv_finish_bf16(const __grid_constant__ QkvFinishParams p) { qkvFinish<Bf16>(p); }
extern "C" __global__ void __launch_bounds__(128) qkv_finish_f16(const __grid_constant__ QkvFinishParams p) { qkvFinish<F16>(p); }
extern "C" __global__ void __launch_bounds__(128) qkv_finish_f32(const __grid_constant__ QkvFinishParams p) { qkvFinish<float>(p); }

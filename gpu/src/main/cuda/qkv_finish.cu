// qkv_finish: the steps of qkvProjectRopeStoreKv after its GEMM
//
//   x = projected (+ bias); a head with a norm is scaled by weight / sqrt(mean(x^2) + epsilon); queries and keys are rotated by
//   their position (RoPE): (a, b) -> (a cos - b sin, b cos + a sin), a = x[j], b = x[j + half]; the result is rounded to T
//
// Shapes   projected rows (tokens, (heads + 2 kvHeads) * headSize); q heads; keys and values go to their blocks in kv
// Mapping  one warp per head of a token, lane i has the pairs j = i, i + 32, ...; blockIdx = (token, four heads)
// Roofline Qwen2.5-0.5B, 64 tokens: 295 KB read, 147 KB written: 0.15 us; launch-bound
// This kernel is used where a head spans two tiles of the GEMM, since a norm needs the whole head. Otherwise qkv.cu does both.
#include "launch.h"
#include "qkv_head.h"

constexpr int MOST_PAIRS = 2;  // per lane: heads have at most 128 elements

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
    QkvPlace<T> place;
    place.find(p, token, head);
    QkvTurn<MOST_PAIRS> turn;
    turn.load(p, place.position, head);
    waitForInputs();
    const float* x = p.projected + (size_t)token * pad64((p.heads + 2 * p.kvHeads) * p.headSize) + head * p.headSize;
    int half = p.headSize / 2;
    float low[MOST_PAIRS];
    float high[MOST_PAIRS];
#pragma unroll
    for (int i = 0; i < MOST_PAIRS; i++) {
        int j = lane + 32 * i;
        if (j < half) {
            low[i] = x[j];
            high[i] = x[j + half];
        }
    }
    finishHead<T, MOST_PAIRS>(p, head, place, turn, low, high);
    for (int e = p.headSize + lane; e < paddedHead(p.headSize); e += 32) {
        place.store(e, 0.0f);
    }
}

extern "C" __global__ void __launch_bounds__(128) qkv_finish_bf16(const __grid_constant__ QkvFinishParams p) { qkvFinish<Bf16>(p); }
extern "C" __global__ void __launch_bounds__(128) qkv_finish_f16(const __grid_constant__ QkvFinishParams p) { qkvFinish<F16>(p); }
extern "C" __global__ void __launch_bounds__(128) qkv_finish_f32(const __grid_constant__ QkvFinishParams p) { qkvFinish<float>(p); }

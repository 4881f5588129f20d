// sample_logprobs: log-softmax of the raw logits, for rows with log probabilities. Shapes and mapping are in sample.cu.
#include "sample_row.h"

namespace {

constexpr int LANES = 16;
constexpr int PART_LOADS = 2;
constexpr int PART = (LOGPROB_THREADS - WARP) * PART_LOADS * 4;
constexpr int TOP_LIST = 1024;

}  // namespace

// Writes the sampled token's log probability, then those of the most likely tokens, then their ids.
extern "C" __global__ void __launch_bounds__(LOGPROB_THREADS) sample_logprobs(const __grid_constant__ SampleParams p) {
    beginWithInputs();
    __shared__ float exps[2][PART];
    __shared__ float maxima[LOGPROB_THREADS];
    __shared__ SamplePick listed[TOP_LIST];
    __shared__ int size;
    __shared__ float least;
    __shared__ float logSum;
    const int* withLogprobs = p.step + STEP_HEADER + 3 * p.maxRows;
    for (int item = blockIdx.x; item < p.step[2]; item += gridDim.x) {
        int index = withLogprobs[item];
        int sampled = p.ids[index];
        if (sampled < 0) {
            continue;
        }
        int top = min(min(p.rows[slotOf(p, index)].top, MAX_TOP), p.vocabulary);
        const float* logits = p.logits + (u64)index * p.stride;
        float* values = p.logprobs + index * LOGPROB_WORDS;
        int* ids = reinterpret_cast<int*>(values) + 1 + MAX_TOP;
        float own = -INFINITY;
#pragma unroll 8
        for (int i = threadIdx.x * 4; i < p.vocabulary; i += LOGPROB_THREADS * 4) {
            float l[4];
            loadFour(logits, i, p.vocabulary, l);
            own = fmaxf(own, fmaxf(fmaxf(l[0], l[1]), fmaxf(l[2], l[3])));
        }
        float max = blockMax<LOGPROB_THREADS>(own);
        // `top` threads have a maximum of at least `least`, so no token below it is among the `top` most likely.
        maxima[threadIdx.x] = own - max;
        if (threadIdx.x == 0) {
            size = 0;
        }
        __syncthreads();
        int before = 0;
        for (int i = 0; i < LOGPROB_THREADS; i++) {
            before += maxima[i] > own - max || (maxima[i] == own - max && i < threadIdx.x);
        }
        if (before == top - 1) {
            least = own - max;
        }
        __syncthreads();
        // Producers, warps 1 and up, load the logits of the next part and compute the exps of this one; 16 consumer
        // threads of warp 0 add the exps of the part before.
        float lane = 0.0f;
        int parts = dividedUp(p.vocabulary, PART);
        int offset = (threadIdx.x - WARP) * 4;
        float next[PART_LOADS * 4];
        for (int part = -1; part <= parts; part++) {
            if (threadIdx.x >= WARP) {
                float l[PART_LOADS * 4];
#pragma unroll
                for (int j = 0; j < PART_LOADS; j++) {
                    int token = (part + 1) * PART + offset + j * PART / PART_LOADS;
#pragma unroll
                    for (int i = 0; i < 4; i++) {
                        l[j * 4 + i] = next[j * 4 + i];
                    }
                    loadFour(logits, token, p.vocabulary, next + j * 4);
                }
#pragma unroll
                for (int i = 0; i < PART_LOADS * 4; i++) {
                    int at = offset + i / 4 * (PART / PART_LOADS) + i % 4;
                    int token = part * PART + at;
                    if (part >= 0 && part < parts) {
                        // Exps past the vocabulary are 0.
                        exps[part & 1][at] = expNegative(l[i] - max);
                        if (top > 0 && token < p.vocabulary && l[i] - max >= least) {
                            int free = atomicAdd(&size, 1);
                            if (free < TOP_LIST) {
                                listed[free] = SamplePick{l[i] - max, token};
                            }
                        }
                    }
                }
            } else if (threadIdx.x < LANES && part > 0) {
                const float* from = exps[(part - 1) & 1] + threadIdx.x;
#pragma unroll 16
                for (int i = 0; i < PART; i += LANES) {
                    lane += from[i];
                }
            }
            __syncthreads();
        }
        if (threadIdx.x < WARP) {
#pragma unroll
            for (int width = LANES / 2; width > 0; width >>= 1) {
                lane += __shfl_down_sync(ALL_LANES, lane, width);
            }
            if (threadIdx.x == 0) {
                logSum = samplingLog(lane);
                values[0] = logits[sampled] - max - logSum;
            }
        }
        __syncthreads();
        if (size <= TOP_LIST) {
            for (int i = threadIdx.x; i < size; i += LOGPROB_THREADS) {
                SamplePick mine = listed[i];
                int rank = 0;
                for (int j = 0; j < size; j++) {
                    SamplePick other = listed[j];
                    rank += other.value > mine.value || (other.value == mine.value && other.token < mine.token);
                }
                if (rank < top) {
                    values[1 + rank] = mine.value - logSum;
                    ids[rank] = mine.token;
                }
            }
        } else {
            // Too many ties for the list: each token takes a pass over the whole row.
            SamplePick last = {INFINITY, -1};
            for (int rank = 0; rank < top; rank++) {
                SamplePick best = {-INFINITY, NO_TOKEN};
                for (int i = threadIdx.x; i < p.vocabulary; i += LOGPROB_THREADS) {
                    float score = logits[i] - max;
                    if (score < last.value || (score == last.value && i > last.token)) {
                        best = better(best, SamplePick{score, i});
                    }
                }
                last = blockBest<LOGPROB_THREADS>(best);
                if (threadIdx.x == 0) {
                    values[1 + rank] = last.value - logSum;
                    ids[rank] = last.token;
                }
            }
        }
        __syncthreads();
    }
}

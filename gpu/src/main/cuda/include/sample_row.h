// Shared by the kernels that sample from logits: sizes, reductions and scans of a CTA, penalties and edits of logits, buckets of
// scores.
#pragma once
#include "candidates.h"
#include "launch.h"

constexpr float LARGEST = 3.402823466e+38f;

constexpr int SCAN_THREADS = 256;
constexpr int SCAN_LOADS = 4;
constexpr int TILE = SCAN_THREADS * SCAN_LOADS * 4;
constexpr int RANKED = WARP;

constexpr int CHUNK_THREADS = 512;
constexpr int CHUNK_LOADS = 4;
constexpr int CHUNK = CHUNK_THREADS * CHUNK_LOADS * 4;

// A bucket is the exponent and 8 bits of the mantissa of a score's absolute value: 256 buckets per power of two, from
// 2^-8 to 2^8. The first bucket also has all below, the last all above.
constexpr int BUCKETS = 4096;
constexpr int BUCKET_SHIFT = 15;
constexpr int BUCKET_BASE = (127 - 8) << 8;

constexpr int FINISH_THREADS = 256;
constexpr int TOKEN_BITS = 20;

constexpr int LOGPROB_THREADS = 512;

constexpr unsigned PROMPT = 0x80000000u;
constexpr int BAD_LOGITS = -2;
constexpr int DROPPED = -3;

struct Ranked {
    float rank;
    float score;
    int token;
};

__device__ __forceinline__ int slotOf(const SampleParams& p, int index) { return p.step[STEP_HEADER + index]; }

__device__ __forceinline__ int positionOf(const SampleParams& p, int index) {
    return p.step[STEP_HEADER + p.maxRows + index];
}

__device__ __forceinline__ float warpMax(float v) {
#pragma unroll
    for (int lane = WARP / 2; lane > 0; lane >>= 1) {
        v = fmaxf(v, __shfl_xor_sync(ALL_LANES, v, lane));
    }
    return v;
}

__device__ __forceinline__ SamplePick warpBest(SamplePick b) {
#pragma unroll
    for (int lane = WARP / 2; lane > 0; lane >>= 1) {
        SamplePick other;
        other.value = __shfl_xor_sync(ALL_LANES, b.value, lane);
        other.token = __shfl_xor_sync(ALL_LANES, b.token, lane);
        b = better(b, other);
    }
    return b;
}

// The maximum of a CTA, in all its threads.
template <int THREADS>
__device__ __forceinline__ float blockMax(float v) {
    __shared__ float warps[THREADS / WARP];
    v = warpMax(v);
    if (threadIdx.x % WARP == 0) {
        warps[threadIdx.x / WARP] = v;
    }
    __syncthreads();
    v = warps[0];
#pragma unroll
    for (int i = 1; i < THREADS / WARP; i++) {
        v = fmaxf(v, warps[i]);
    }
    __syncthreads();
    return v;
}

// The best of a CTA, in all its threads.
template <int THREADS>
__device__ __forceinline__ SamplePick blockBest(SamplePick b) {
    __shared__ SamplePick warps[THREADS / WARP];
    b = warpBest(b);
    if (threadIdx.x % WARP == 0) {
        warps[threadIdx.x / WARP] = b;
    }
    __syncthreads();
    b = warps[0];
#pragma unroll
    for (int i = 1; i < THREADS / WARP; i++) {
        b = better(b, warps[i]);
    }
    __syncthreads();
    return b;
}

// Inclusive prefix sum over the CTA's threads; `total` is the sum of all.
template <int THREADS>
__device__ __forceinline__ u64 blockScan(u64 value, u64* total) {
    __shared__ u64 warps[THREADS / WARP];
    int lane = threadIdx.x % WARP;
    int warp = threadIdx.x / WARP;
#pragma unroll
    for (int step = 1; step < WARP; step <<= 1) {
        u64 before = __shfl_up_sync(ALL_LANES, value, step);
        if (lane >= step) {
            value += before;
        }
    }
    if (lane == WARP - 1) {
        warps[warp] = value;
    }
    __syncthreads();
    u64 sum = 0;
    for (int i = 0; i < THREADS / WARP; i++) {
        if (i == warp) {
            value += sum;
        }
        sum += warps[i];
    }
    *total = sum;
    __syncthreads();
    return value;
}

// An absurd penalty must not make an infinity of a finite logit.
__device__ __forceinline__ float bounded(float v) { return fmaxf(-LARGEST, fminf(LARGEST, v)); }

__device__ __forceinline__ float penalized(float l, unsigned seen, const SampleRow& row) {
    // -infinity stays: such a token is never sampled.
    if (seen == 0 || l == -INFINITY) {
        return l;
    }
    if (row.flags & REPETITION) {
        l = bounded(l > 0.0f ? __fdiv_rn(l, row.repetition) : l * row.repetition);
    }
    unsigned count = seen & ~PROMPT;
    return count == 0 ? l : bounded(l - row.frequency * (float)count - row.presence);
}

__device__ __forceinline__ const unsigned* countsOf(const SampleParams& p, int slot) {
    return p.counts + (u64)slot * (dividedUp(p.vocabulary, 4) * 4);
}

// Edits of a row's logits, and the position that is sampled.
struct Edits {
    const SampleEdit* list;
    int size;
    int position;

    // Index of the first edit of `token` or of a higher id.
    __device__ __forceinline__ int from(int token) const {
        int low = 0;
        int high = size;
        while (low < high) {
            int middle = (low + high) / 2;
            if (list[middle].token < token) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low;
    }
};

__device__ __forceinline__ Edits editsOf(const SampleParams& p, int slot, const SampleRow& row, int index) {
    return Edits{p.edits + (u64)slot * p.maxEdits, row.flags & EDITS ? row.edits : 0, positionOf(p, index)};
}

__device__ __forceinline__ float edited(float l, const SampleEdit& edit, int position) {
    if (position < edit.until) {
        return -INFINITY;
    }
    return edit.bias != 0.0f && l > -INFINITY ? bounded(l + edit.bias) : l;
}

// Edits the four logits from `token` on.
__device__ __forceinline__ void editFour(const Edits& edits, int token, float* l) {
    for (int i = edits.from(token); i < edits.size && edits.list[i].token < token + 4; i++) {
        SampleEdit edit = edits.list[i];
#pragma unroll
        for (int j = 0; j < 4; j++) {
            if (edit.token == token + j) {
                l[j] = edited(l[j], edit, edits.position);
            }
        }
    }
}

// The logit of one token after edits.
__device__ __forceinline__ float editOne(const Edits& edits, int token, float l) {
    int i = edits.from(token);
    return i < edits.size && edits.list[i].token == token ? edited(l, edits.list[i], edits.position) : l;
}

// Loads the four logits from `token` on; those past the vocabulary are -infinity.
__device__ __forceinline__ void loadFour(const float* logits, int token, int vocabulary, float* out) {
    out[0] = out[1] = out[2] = out[3] = -INFINITY;
    if (token < vocabulary) {
        float4 v = *reinterpret_cast<const float4*>(logits + token);
        out[0] = v.x;
        out[1] = token + 1 < vocabulary ? v.y : -INFINITY;
        out[2] = token + 2 < vocabulary ? v.z : -INFINITY;
        out[3] = token + 3 < vocabulary ? v.w : -INFINITY;
    }
}

__device__ __forceinline__ void penalizeFour(const unsigned* counts, int token, int vocabulary,
                                             const SampleRow& row, float* l) {
    if (token < vocabulary) {
        uint4 seen = *reinterpret_cast<const uint4*>(counts + token);
        l[0] = penalized(l[0], seen.x, row);
        l[1] = penalized(l[1], seen.y, row);
        l[2] = penalized(l[2], seen.z, row);
        l[3] = penalized(l[3], seen.w, row);
    }
}

// Ascends as scores, which are never above 0, descend. 0 and -0 are equal.
__device__ __forceinline__ unsigned keyOf(float score) { return __float_as_uint(score) & 0x7FFFFFFFu; }

__device__ __forceinline__ int bucketOf(unsigned key) {
    return min(max((int)(key >> BUCKET_SHIFT) - BUCKET_BASE, 0), BUCKETS - 1);
}

__device__ __forceinline__ bool isTopK(const SampleRow& row, int vocabulary) {
    return row.topK > 0 && row.topK < vocabulary;
}

__device__ __forceinline__ u64 wantedOf(const SampleRow& row, u64 mass) {
    u64 share = (u64)__double2ll_rz(row.topP * __ll2double_rn((long long)mass));
    return max(1ull, min(mass, share));
}

// Results of sample_scan for a whole row.
struct Summary {
    SamplePick best;
    bool bad;
};

template <int THREADS>
__device__ __forceinline__ Summary summaryOf(const SampleParams& p, int index) {
    int tiles = dividedUp(p.vocabulary, TILE);
    SamplePick best = {-INFINITY, NO_TOKEN};
    int state = 0;
    for (int i = threadIdx.x; i < tiles; i += THREADS) {
        const SampleTile& tile = p.tiles[(u64)index * tiles + i];
        best = better(best, SamplePick{tile.max, tile.best});
        state |= tile.state;
    }
    Summary s;
    s.best = blockBest<THREADS>(best);
    bool bad = __syncthreads_or(state & BAD);
    bool alive = __syncthreads_or(state & ALIVE);
    // Edits may exclude all tokens.
    s.bad = bad || !alive || !(s.best.value > -INFINITY);
    return s;
}

// A 64-bit sum in two 32-bit words: a 64-bit atomic add in shared memory is a loop.
__device__ __forceinline__ void addWide(unsigned* low, unsigned* high, u64 value) {
    unsigned part = (unsigned)value;
    unsigned before = atomicAdd(low, part);
    unsigned carry = before + part < before ? 1u : 0u;
    unsigned rest = (unsigned)(value >> 32) + carry;
    if (rest != 0) {
        atomicAdd(high, rest);
    }
}

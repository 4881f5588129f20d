// sample: draws one token per row from FP32 logits, by docs/numerics.md, "Sampling".
//
//   token = argmax over the kept of (l' - m) / T + gumbel(token), ties to the lowest id
//   l' = logits after penalties, m the largest l', kept = top-k, then top-p, then min-p
//
// Shapes. logits (rows, vocabulary), rows `stride` floats apart, a multiple of 4 and 16-byte aligned. How a
// row is drawn lies in its slot, which it has for as long as it runs: SampleRow, and counts of its tokens.
// A step names rows, slots and positions in `step`, read from device memory, so that one graph with a fixed
// grid serves any number of rows.
//
// Kernels, in the order in which they run. Rows that need one: all; "general" (top-k, top-p, min-p or a
// temperature below 2^-10); those that asked for log probabilities.
//
//   sample_scan       all      one pass over the logits: m, bad logits, and for plain rows the tile's
//                              candidates. Greedy and plain rows need nothing else.
//   sample_histogram  general  numbers and masses of tokens by bucket of score
//   sample_bound      general  which buckets are kept for sure, which hold the boundary
//   sample_split      general  draws among the sure ones, lists those of the boundary
//   sample_finish     all      closes what CTAs have found of a row, orders the list, writes the id
//   sample_pick       all      in place of all of the above, where the head has drawn in its epilogue (head.cu)
//   sample_logprobs   asked    log-softmax of the raw logits; the sum has the CPU's 16 lanes and order
//   sample_deliver    each step, whether or not it draws: ids and log probabilities to the host's memory, behind
//                     them the step's number, for which the host looks
//   sample_begin      new rows: parameters and stop ids to their slots, nothing drawn, not ended. No part of a step.
//   sample_admit      new rows with penalties: rebuilds counts from the tokens so far. No part of a step.
//
// Ahead. The host may queue a step before it has seen what the last one drew. So slots keep what the next step
// needs: the token drawn last, counts, and whether the row has ended, by one of its stop ids or by bad logits. What is
// queued of an ended row computes on padding (resolve.cu) and draws DROPPED, which is written nowhere else.
//
// Exactness. Comparisons and integer sums have no order, so any split of a row gives the same token. All
// floats are those of the CPU, operation by operation (-fmad=false). One thing is not: a plain row's tile
// does not know m, so its scan ranks tokens by a = l' * (1 / T) + g and keeps all within a slack of the best
// of its tile; sample_finish draws the exact value of these few. With e = 2^-24 and z = (l' - m) / T, the
// exact value is within e (3 |z| + |g|) of (l' - m) / T + g, and a within e (3 |l'| / T + |a|); the
// winner and whatever is best by a have z above -27, as noise lies in [-3.14, 22.88], so |l'| / T is at most
// |a| + 23 and |m| / T at most |a| + 50. All four errors together stay below 5e-5 + 8e-7 |a|; the slack is
// 1e-4 + 2e-6 |a|. A tile with more candidates than it has room for makes its row be drawn again whole, by
// one CTA: that takes ties that no noise can break.
//
// Threads. scan: a CTA of 256 has 4096 tokens of a row, 16 each in registers, as four 16-byte loads; four
// neighbours share one Philox block. histogram, split: 512 threads, 8192 tokens. bound, finish, logprobs: a
// CTA per row. CTAs walk through (row, tile) with a fixed grid.
//
// Roofline: each logit read once is 4 bytes: 256 rows of 151,936 are 155 MB, 52 us at 3.0 TB/s; general rows
// read them three times. Measured times and what was tried: docs/kernels.md.

#include "clock.h"
#include "draw.h"

namespace {

constexpr float LARGEST = 3.402823466e+38f;

constexpr int SCAN_THREADS = 256;
constexpr int SCAN_LOADS = 4;
constexpr int TILE = SCAN_THREADS * SCAN_LOADS * 4;
constexpr int RANKED = WARP;

constexpr int CHUNK_THREADS = 512;
constexpr int CHUNK_LOADS = 4;
constexpr int CHUNK = CHUNK_THREADS * CHUNK_LOADS * 4;

// A score's distance from 0 by its exponent and 8 bits of mantissa: 256 buckets from each power of two to
// the next, 2^-8 to 2^8; the first takes all below, the last all above.
constexpr int BUCKETS = 4096;
constexpr int BUCKET_SHIFT = 15;
constexpr int BUCKET_BASE = (127 - 8) << 8;

constexpr int FINISH_THREADS = 256;
constexpr int TOKEN_BITS = 20;

constexpr int DELIVER_THREADS = 512;

constexpr int LOGPROB_THREADS = 512;
constexpr int LANES = 16;
constexpr int PART_LOADS = 2;
constexpr int PART = (LOGPROB_THREADS - WARP) * PART_LOADS * 4;
constexpr int TOP_LIST = 1024;

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

// The largest of a CTA, known to all its threads.
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

// The best of a CTA, known to all its threads.
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

// Sum over the CTA's threads up to this one and, in `total`, over all.
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

// An absurd penalty must not make an infinity of a good logit.
__device__ __forceinline__ float bounded(float v) { return fmaxf(-LARGEST, fminf(LARGEST, v)); }

__device__ __forceinline__ float penalized(float l, unsigned seen, const SampleRow& row) {
    if (seen == 0) {
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

// The four logits from `token` on; those beyond the vocabulary are negative infinity.
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

// Ascending as scores, which are never above 0, descend. 0 and -0 are equal.
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

// What the scan found of a row as a whole.
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
    s.bad = bad || !alive;
    return s;
}

}  // namespace

extern "C" __global__ void __launch_bounds__(SCAN_THREADS) sample_scan(const __grid_constant__ SampleParams p) {
    __shared__ int found;
    __shared__ Ranked ranked[RANKED];
    int tiles = dividedUp(p.vocabulary, TILE);
    int items = p.step[0] * tiles;
    for (int item = blockIdx.x; item < items; item += gridDim.x) {
        int index = item / tiles;
        int first = (item - index * tiles) * TILE + threadIdx.x * 4;
        const float* logits = p.logits + (u64)index * p.stride;
        float l[SCAN_LOADS * 4];
#pragma unroll
        for (int j = 0; j < SCAN_LOADS; j++) {
            loadFour(logits, first + j * SCAN_THREADS * 4, p.vocabulary, l + j * 4);
        }
        int slot = slotOf(p, index);
        const SampleRow row = p.rows[slot];
        bool bad = false;
        bool alive = false;
#pragma unroll
        for (int i = 0; i < SCAN_LOADS * 4; i++) {
            bad |= !(l[i] < INFINITY);
            alive |= l[i] > -INFINITY;
        }
        if (row.flags & PENALTIES) {
            const unsigned* counts = countsOf(p, slot);
#pragma unroll
            for (int j = 0; j < SCAN_LOADS; j++) {
                penalizeFour(counts, first + j * SCAN_THREADS * 4, p.vocabulary, row, l + j * 4);
            }
        }
        SamplePick best = {-INFINITY, NO_TOKEN};
#pragma unroll
        for (int i = 0; i < SCAN_LOADS * 4; i++) {
            best = better(best, SamplePick{l[i], first + (i >> 2) * SCAN_THREADS * 4 + (i & 3)});
        }
        SampleTile* tile = p.tiles + item;
        if (threadIdx.x == 0) {
            found = 0;
        }
        best = blockBest<SCAN_THREADS>(best);
        bad = __syncthreads_or(bad);
        alive = __syncthreads_or(alive);
        if (threadIdx.x == 0) {
            tile->max = best.value;
            tile->best = best.token;
            tile->state = (bad ? BAD : 0) | (alive ? ALIVE : 0);
        }
        if (row.temperature < LEAST_NORMAL || (row.flags & GENERAL) || bad || !alive) {
            if (threadIdx.x == 0) {
                tile->candidates = 0;
            }
            continue;
        }
        float inverse = __fdiv_rn(1.0f, row.temperature);
        int position = positionOf(p, index);
        // By what noise can be at most, first, which is cheap: each thread's most promising token gives the
        // tile a bound that few others reach, and only these need their noise.
        unsigned word[SCAN_LOADS * 4];
        float promise = -INFINITY;
        float promising = -INFINITY;
        unsigned promisingWord = 0;
#pragma unroll
        for (int j = 0; j < SCAN_LOADS; j++) {
            uint4 words = wordsOf(row, position, first + j * SCAN_THREADS * 4);
#pragma unroll
            for (int i = 0; i < 4; i++) {
                unsigned w = wordOf(words, i);
                word[j * 4 + i] = w;
                float most = __fmaf_rn(l[j * 4 + i], inverse, gumbelCeiling(w));
                if (most > promise) {
                    promise = most;
                    promising = l[j * 4 + i];
                    promisingWord = w;
                }
            }
        }
        float highest = blockMax<SCAN_THREADS>(__fmaf_rn(promising, inverse, gumbel(promisingWord)));
        bool rankable = fabsf(highest) < RANKABLE;
        float needed = withSlack(highest);
#pragma unroll
        for (int i = 0; i < SCAN_LOADS * 4; i++) {
            if (rankable && __fmaf_rn(l[i], inverse, gumbelCeiling(word[i])) >= needed) {
                float rank = __fmaf_rn(l[i], inverse, gumbel(word[i]));
                if (rank >= needed) {
                    int at = atomicAdd(&found, 1);
                    if (at < RANKED) {
                        ranked[at] = Ranked{rank, l[i], first + (i >> 2) * SCAN_THREADS * 4 + (i & 3)};
                    }
                }
            }
        }
        __syncthreads();
        if (threadIdx.x < WARP) {
            // Of those, the ones near the best.
            int size = min(found, RANKED);
            Ranked mine = {-INFINITY, 0.0f, 0};
            if (threadIdx.x < size) {
                mine = ranked[threadIdx.x];
            }
            needed = withSlack(warpMax(mine.rank));
            bool candidate = threadIdx.x < size && mine.rank >= needed;
            unsigned candidates = __ballot_sync(ALL_LANES, candidate);
            int at = __popc(candidates & ((1u << threadIdx.x) - 1));
            if (candidate && at < CANDIDATES) {
                tile->score[at] = mine.score;
                tile->token[at] = mine.token;
            }
            if (threadIdx.x == 0) {
                tile->candidates = rankable && found <= RANKED ? __popc(candidates) : CANDIDATES + 1;
            }
        }
    }
}

// A 64-bit sum out of two 32-bit ones: shared memory adds no more at once without a loop.
__device__ __forceinline__ void addWide(unsigned* low, unsigned* high, u64 value) {
    unsigned part = (unsigned)value;
    unsigned before = atomicAdd(low, part);
    unsigned carry = before + part < before ? 1u : 0u;
    unsigned rest = (unsigned)(value >> 32) + carry;
    if (rest != 0) {
        atomicAdd(high, rest);
    }
}

extern "C" __global__ void __launch_bounds__(CHUNK_THREADS) sample_histogram(const __grid_constant__ SampleParams p) {
    __shared__ unsigned counted[BUCKETS / 2];  // two to a word: a chunk has fewer than 2^16 tokens
    __shared__ unsigned low[BUCKETS];
    __shared__ unsigned high[BUCKETS];
    int chunks = dividedUp(p.vocabulary, CHUNK);
    int items = p.step[1] * chunks;
    const int* general = p.step + STEP_HEADER + 2 * p.maxRows;
    for (int item = blockIdx.x; item < items; item += gridDim.x) {
        int index = general[item / chunks];
        int slot = slotOf(p, index);
        const SampleRow row = p.rows[slot];
        bool byCount = isTopK(row, p.vocabulary);
        bool byMass = row.topP < 1;
        Summary summary = summaryOf<CHUNK_THREADS>(p, index);
        if (summary.bad || !(byCount || byMass)) {
            continue;
        }
        for (int i = threadIdx.x; i < BUCKETS; i += CHUNK_THREADS) {
            counted[i / 2] = 0;
            low[i] = 0;
            high[i] = 0;
        }
        __syncthreads();
        const float* logits = p.logits + (u64)index * p.stride;
        int first = item % chunks * CHUNK + threadIdx.x * 4;
#pragma unroll
        for (int j = 0; j < CHUNK_LOADS; j++) {
            int token = first + j * CHUNK_THREADS * 4;
            float l[4];
            loadFour(logits, token, p.vocabulary, l);
            if (row.flags & PENALTIES) {
                penalizeFour(countsOf(p, slot), token, p.vocabulary, row, l);
            }
#pragma unroll
            for (int i = 0; i < 4; i++) {
                if (token + i < p.vocabulary) {
                    float score = scoreOf(l[i], summary.best.value, row);
                    int bucket = bucketOf(keyOf(score));
                    if (byCount) {
                        atomicAdd(&counted[bucket / 2], bucket & 1 ? 0x10000u : 1u);
                    }
                    u64 mass = byMass ? probabilityMass(score) : 0;
                    if (mass != 0) {
                        addWide(&low[bucket], &high[bucket], mass);
                    }
                }
            }
        }
        __syncthreads();
        for (int i = threadIdx.x; i < BUCKETS; i += CHUNK_THREADS) {
            unsigned count = counted[i / 2] >> (i & 1 ? 16 : 0) & 0xFFFFu;
            if (count != 0) {
                atomicAdd(p.bucketCounts + (u64)index * BUCKETS + i, count);
            }
            u64 mass = (u64)high[i] << 32 | low[i];
            if (mass != 0) {
                atomicAdd(p.bucketMasses + (u64)index * BUCKETS + i, mass);
            }
        }
        __syncthreads();
    }
}

// The bucket in which a sum gets to `limit`, which is between 1 and the sum of all.
struct Crossing {
    int bucket;
    u64 countBefore;
    u64 massBefore;
    u64 mass;
};

constexpr int OWN = BUCKETS / CHUNK_THREADS;

__device__ __forceinline__ void cross(u64 limit, bool byMass, const u64* counts, const u64* masses, u64 count,
                                      u64 mass, Crossing* out) {
#pragma unroll
    for (int i = 0; i < OWN; i++) {
        u64 before = byMass ? mass : count;
        u64 after = before + (byMass ? masses[i] : counts[i]);
        if (before < limit && limit <= after) {
            out->bucket = threadIdx.x * OWN + i;
            out->countBefore = count;
            out->massBefore = mass;
            out->mass = masses[i];
        }
        count += counts[i];
        mass += masses[i];
    }
    __syncthreads();
}

extern "C" __global__ void __launch_bounds__(CHUNK_THREADS) sample_bound(const __grid_constant__ SampleParams p) {
    __shared__ Crossing atK;
    __shared__ Crossing atP;
    for (int item = blockIdx.x; item < p.step[1]; item += gridDim.x) {
        int index = p.step[STEP_HEADER + 2 * p.maxRows + item];
        const SampleRow row = p.rows[slotOf(p, index)];
        bool byCount = isTopK(row, p.vocabulary);
        bool byMass = row.topP < 1;
        u64 from = (u64)index * BUCKETS + threadIdx.x * OWN;
        u64 counts[OWN];
        u64 masses[OWN];
        u64 count = 0;
        u64 mass = 0;
#pragma unroll
        for (int i = 0; i < OWN; i++) {
            counts[i] = p.bucketCounts[from + i];
            masses[i] = p.bucketMasses[from + i];
            count += counts[i];
            mass += masses[i];
            p.bucketCounts[from + i] = 0;
            p.bucketMasses[from + i] = 0;
        }
        u64 all;
        u64 allMass;
        u64 countBefore = blockScan<CHUNK_THREADS>(count, &all) - count;
        u64 massBefore = blockScan<CHUNK_THREADS>(mass, &allMass) - mass;
        SampleBound bound = {BUCKETS, BUCKETS - 1, 0, 0, 0};
        // Without sums there is a bad logit, or nothing to take out: then all are kept.
        byCount &= all != 0;
        byMass &= allMass != 0;
        if (byCount) {
            cross((u64)row.topK, false, counts, masses, countBefore, massBefore, &atK);
            bound = {atK.bucket, atK.bucket, atK.countBefore, atK.massBefore, 0};
        }
        if (byMass) {
            // How much top-k leaves is not known before its bucket is in order: at least what is before it.
            u64 least = byCount ? atK.massBefore : allMass;
            u64 wanted = wantedOf(row, least);
            cross(wanted, true, counts, masses, countBefore, massBefore, &atP);
            int last = byCount ? atK.bucket : atP.bucket;
            bound = {atP.bucket, last, atP.countBefore, atP.massBefore, byCount ? 0 : wanted};
        }
        if (threadIdx.x == 0) {
            p.bounds[index] = bound;
            p.listSizes[index] = 0;
        }
        __syncthreads();
    }
}

extern "C" __global__ void __launch_bounds__(CHUNK_THREADS) sample_split(const __grid_constant__ SampleParams p) {
    int chunks = dividedUp(p.vocabulary, CHUNK);
    int items = p.step[1] * chunks;
    const int* general = p.step + STEP_HEADER + 2 * p.maxRows;
    for (int item = blockIdx.x; item < items; item += gridDim.x) {
        int index = general[item / chunks];
        int chunk = item % chunks;
        int slot = slotOf(p, index);
        const SampleRow row = p.rows[slot];
        Summary summary = summaryOf<CHUNK_THREADS>(p, index);
        if (summary.bad) {
            continue;
        }
        int position = positionOf(p, index);
        SampleBound bound = p.bounds[index];
        const float* logits = p.logits + (u64)index * p.stride;
        int first = chunk * CHUNK + threadIdx.x * 4;
        SamplePick best = {noiseOf(row, position, summary.best.token), summary.best.token};
#pragma unroll
        for (int j = 0; j < CHUNK_LOADS; j++) {
            int token = first + j * CHUNK_THREADS * 4;
            float l[4];
            loadFour(logits, token, p.vocabulary, l);
            if (row.flags & PENALTIES) {
                penalizeFour(countsOf(p, slot), token, p.vocabulary, row, l);
            }
            bool sure[4];
#pragma unroll
            for (int i = 0; i < 4; i++) {
                l[i] = scoreOf(l[i], summary.best.value, row);
                int bucket = bucketOf(keyOf(l[i]));
                bool within = token + i < p.vocabulary;
                sure[i] = within && bucket < bound.first && l[i] + NOISE_CEILING >= best.value &&
                          !(row.minP > 0.0f && expNegative(l[i]) < row.minP);
                if (within && bucket >= bound.first && bucket <= bound.last) {
                    int at = atomicAdd(p.listSizes + index, 1);
                    if (at < LIST) {
                        p.lists[(u64)index * LIST + at] = token + i;
                    }
                }
            }
            if (sure[0] || sure[1] || sure[2] || sure[3]) {
                uint4 words = wordsOf(row, position, token);
#pragma unroll
                for (int i = 0; i < 4; i++) {
                    unsigned word = wordOf(words, i);
                    if (sure[i] && l[i] + gumbelCeiling(word) >= best.value) {
                        best = better(best, SamplePick{l[i] + gumbel(word), token + i});
                    }
                }
            }
        }
        best = blockBest<CHUNK_THREADS>(best);
        if (threadIdx.x == 0) {
            p.picks[(u64)index * chunks + chunk] = best;
        }
    }
}

namespace {

// A row's tokens that sample_finish has to look at again: those listed, or the whole row.
struct Items {
    const int* list;  // null: the whole row
    int size;
    const float* logits;
    const unsigned* counts;  // null: no penalties
    float max;
    int first;  // bucket
    int last;

    // A token's score; false if it is none of those looked for.
    __device__ __forceinline__ bool get(int i, const SampleRow& row, int* token, float* score) const {
        *token = list == nullptr ? i : list[i];
        float l = logits[*token];
        if (counts != nullptr) {
            l = penalized(l, counts[*token], row);
        }
        *score = scoreOf(l, max, row);
        int bucket = bucketOf(keyOf(*score));
        return bucket >= first && bucket <= last;
    }
};

__device__ __forceinline__ u64 orderOf(float score, int token) {
    return (u64)keyOf(score) << TOKEN_BITS | (unsigned)token;
}

// The last in order of those items, none after `ceiling`, before which the weights sum to less than
// `limit`; eight bits of the order at a time.
__device__ u64 select(const Items& items, const SampleRow& row, u64 ceiling, u64 limit, bool byMass) {
    __shared__ unsigned low[FINISH_THREADS];
    __shared__ unsigned high[FINISH_THREADS];
    __shared__ unsigned size[FINISH_THREADS];
    __shared__ u64 chosenBefore;
    __shared__ int chosen;
    bool oneBucket = items.first == items.last && items.first > 0 && items.last < BUCKETS - 1;
    // Tokens of one bucket have the upper bits in common.
    int shift = oneBucket ? 32 : 48;
    u64 prefix = oneBucket ? (u64)(items.first + BUCKET_BASE) >> (40 - TOKEN_BITS - BUCKET_SHIFT) : 0;
    while (true) {
        low[threadIdx.x] = 0;
        high[threadIdx.x] = 0;
        size[threadIdx.x] = 0;
        __syncthreads();
        for (int i = threadIdx.x; i < items.size; i += FINISH_THREADS) {
            int token;
            float score;
            if (items.get(i, row, &token, &score)) {
                u64 order = orderOf(score, token);
                if (order <= ceiling && order >> (shift + 8) == prefix) {
                    int digit = (int)(order >> shift) & 0xFF;
                    atomicAdd(&size[digit], 1u);
                    addWide(&low[digit], &high[digit], byMass ? probabilityMass(score) : 1);
                }
            }
        }
        __syncthreads();
        u64 weight = (u64)high[threadIdx.x] << 32 | low[threadIdx.x];
        u64 all;
        u64 sum = blockScan<FINISH_THREADS>(weight, &all);
        if (sum - weight < limit && limit <= sum) {
            chosen = threadIdx.x;
            chosenBefore = sum - weight;
        }
        __syncthreads();
        limit -= chosenBefore;
        prefix = prefix << 8 | (unsigned)chosen;
        bool single = size[chosen] == 1;
        __syncthreads();
        if (single || shift == 0) {
            return min(ceiling, ((prefix + 1) << shift) - 1);
        }
        shift -= 8;
    }
}

__device__ u64 massUpTo(const Items& items, const SampleRow& row, u64 ceiling) {
    u64 mass = 0;
    for (int i = threadIdx.x; i < items.size; i += FINISH_THREADS) {
        int token;
        float score;
        if (items.get(i, row, &token, &score) && orderOf(score, token) <= ceiling) {
            mass += probabilityMass(score);
        }
    }
    u64 all;
    blockScan<FINISH_THREADS>(mass, &all);
    return all;
}

__device__ SamplePick bestUpTo(const Items& items, const SampleRow& row, int position, u64 ceiling, SamplePick best) {
    for (int i = threadIdx.x; i < items.size; i += FINISH_THREADS) {
        int token;
        float score;
        if (items.get(i, row, &token, &score) && orderOf(score, token) <= ceiling &&
            score + NOISE_CEILING >= best.value && !(row.minP > 0.0f && expNegative(score) < row.minP)) {
            best = better(best, SamplePick{score + noiseOf(row, position, token), token});
        }
    }
    return best;
}

// A row without top-k, top-p and min-p: the tiles' candidates.
__device__ SamplePick finishPlain(const SampleParams& p, int index, const SampleRow& row, int position, Items& items,
                             SamplePick best) {
    int tiles = dividedUp(p.vocabulary, TILE);
    bool more = false;
    for (int i = threadIdx.x; i < tiles * CANDIDATES; i += FINISH_THREADS) {
        const SampleTile& tile = p.tiles[(u64)index * tiles + i / CANDIDATES];
        int candidate = i % CANDIDATES;
        bool full = tile.candidates > CANDIDATES;
        more |= full;
        if (candidate < tile.candidates && !full) {
            int token = tile.token[candidate];
            float score = scoreOf(tile.score[candidate], items.max, row);
            best = better(best, SamplePick{score + noiseOf(row, position, token), token});
        }
    }
    if (__syncthreads_or(more)) {
        items.size = p.vocabulary;
        best = bestUpTo(items, row, position, ~0ull, best);
    }
    return best;
}

// Any other: the best of the sure ones, and the list in order.
__device__ SamplePick finishGeneral(const SampleParams& p, int index, const SampleRow& row, int position, Items& items,
                               SamplePick best) {
    int chunks = dividedUp(p.vocabulary, CHUNK);
    for (int i = threadIdx.x; i < chunks; i += FINISH_THREADS) {
        best = better(best, p.picks[(u64)index * chunks + i]);
    }
    SampleBound bound = p.bounds[index];
    int listed = p.listSizes[index];
    if (listed == 0) {
        return best;
    }
    items.first = bound.first;
    items.last = bound.last;
    items.list = listed <= LIST ? p.lists + (u64)index * LIST : nullptr;
    items.size = listed <= LIST ? listed : p.vocabulary;
    u64 ceiling = ~0ull;
    if (isTopK(row, p.vocabulary)) {
        ceiling = select(items, row, ceiling, (u64)row.topK - bound.countBefore, false);
    }
    if (row.topP < 1) {
        u64 wanted = bound.wanted != 0 ? bound.wanted
                                       : wantedOf(row, bound.massBefore + massUpTo(items, row, ceiling));
        ceiling = select(items, row, ceiling, wanted - bound.massBefore, true);
    }
    return bestUpTo(items, row, position, ceiling, best);
}

__device__ __forceinline__ bool isStop(const SampleParams& p, int slot, const SampleRow& row, int token) {
    return row.flags & STOPS &&
           p.stops[(u64)slot * dividedUp(p.vocabulary, 32) + (token >> 5)] >> (token & 31) & 1;
}

// Writes what was drawn, for the host and for the next step.
__device__ __forceinline__ void record(const SampleParams& p, int index, int slot, const SampleRow& row, int token) {
    if (p.ended[slot] != 0) {
        p.ids[index] = DROPPED;
        return;
    }
    p.ids[index] = token;
    p.lastTokens[slot] = token;
    if (token < 0 || isStop(p, slot, row, token)) {
        p.ended[slot] = 1;
    }
    if (token >= 0 && row.flags & PENALTIES) {
        p.counts[(u64)slot * (dividedUp(p.vocabulary, 4) * 4) + token]++;
    }
}

}  // namespace

extern "C" __global__ void __launch_bounds__(FINISH_THREADS) sample_finish(const __grid_constant__ SampleParams p) {
    for (int index = blockIdx.x; index < p.step[0]; index += gridDim.x) {
        int slot = slotOf(p, index);
        const SampleRow row = p.rows[slot];
        Summary summary = summaryOf<FINISH_THREADS>(p, index);
        int token = summary.best.token;
        if (summary.bad) {
            token = BAD_LOGITS;
        } else if (row.temperature >= LEAST_NORMAL) {
            int position = positionOf(p, index);
            Items items = {nullptr, 0, p.logits + (u64)index * p.stride,
                           row.flags & PENALTIES ? countsOf(p, slot) : nullptr, summary.best.value, 0, BUCKETS - 1};
            // The likeliest is always kept; with its value known, few others need their noise.
            SamplePick best = {noiseOf(row, position, token), token};
            best = row.flags & GENERAL ? finishGeneral(p, index, row, position, items, best)
                                       : finishPlain(p, index, row, position, items, best);
            token = blockBest<FINISH_THREADS>(best).token;
        }
        if (threadIdx.x == 0) {
            record(p, index, slot, row, token);
        }
        __syncthreads();
    }
}

// Rows that are greedy or plain, whose head has drawn among 64 tokens at a time.
extern "C" __global__ void __launch_bounds__(FINISH_THREADS) sample_pick(const __grid_constant__ PickParams q) {
    const SampleParams& p = q.sample;
    int tiles = dividedUp(p.vocabulary, HEAD_TILE);
    for (int index = blockIdx.x; index < p.step[0]; index += gridDim.x) {
        const HeadTile* found = q.tiles + (u64)index * tiles;
        int slot = slotOf(p, index);
        const SampleRow row = p.rows[slot];
        SamplePick best = {-INFINITY, NO_TOKEN};
        float highest = -INFINITY;
        int state = 0;
#pragma unroll 4
        for (int i = threadIdx.x; i < tiles; i += FINISH_THREADS) {
            int4 words = *reinterpret_cast<const int4*>(found + i);
            best = better(best, SamplePick{__int_as_float(words.x), words.y});
            highest = fmaxf(highest, __int_as_float(words.z));
            state |= words.w;
        }
        best = blockBest<FINISH_THREADS>(best);
        bool bad = __syncthreads_or(state & BAD);
        bad |= !__syncthreads_or(state & ALIVE);
        int token = best.token;
        if (bad) {
            token = BAD_LOGITS;
        } else if (row.temperature >= LEAST_NORMAL) {
            // A tile whose highest rank is below the row's by more than ranks may be off has not the winner.
            bool ranked = !__syncthreads_or(state & UNRANKED);
            float needed = ranked ? withSlack(blockMax<FINISH_THREADS>(highest)) : -INFINITY;
            int position = positionOf(p, index);
            float max = best.value;
            best = SamplePick{noiseOf(row, position, token), token};
            for (int i = threadIdx.x; i < tiles; i += FINISH_THREADS) {
                HeadTile tile = found[i];
                if (tile.rank < needed || !(tile.state & ALIVE)) {
                    continue;
                }
                SamplePick one = q.candidates[(u64)index * tiles + i];
                bool several = tile.state & SEVERAL;
                int last = several ? min(HEAD_TILE, p.vocabulary - i * HEAD_TILE) : 1;
                for (int j = 0; j < last; j++) {
                    int other = several ? i * HEAD_TILE + j : one.token;
                    float l = several ? p.logits[(u64)index * p.stride + other] : one.value;
                    best = better(best, SamplePick{scoreOf(l, max, row) + noiseOf(row, position, other), other});
                }
            }
            token = blockBest<FINISH_THREADS>(best).token;
        }
        if (threadIdx.x == 0) {
            record(p, index, slot, row, token);
        }
        __syncthreads();
    }
}

// Raw logits: value of the drawn token, then values of the most likely, then their ids.
extern "C" __global__ void __launch_bounds__(LOGPROB_THREADS) sample_logprobs(const __grid_constant__ SampleParams p) {
    __shared__ float exps[2][PART];
    __shared__ float maxima[LOGPROB_THREADS];
    __shared__ SamplePick listed[TOP_LIST];
    __shared__ int size;
    __shared__ float least;
    __shared__ float logSum;
    const int* asked = p.step + STEP_HEADER + 3 * p.maxRows;
    for (int item = blockIdx.x; item < p.step[2]; item += gridDim.x) {
        int index = asked[item];
        int drawn = p.ids[index];
        if (drawn < 0) {
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
        // As many threads as tokens are wanted have seen a value of at least the last one's largest:
        // no token below it is among the most likely.
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
        // Warps 1 and up take exps of a part of the row, having asked for the logits of the next, while
        // 16 threads of warp 0 add those of the part before.
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
                        // Beyond the vocabulary they are 0, and change no sum.
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
                values[0] = logits[drawn] - max - logSum;
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
            // So many equals that one after the other has to be looked for in the whole row.
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

// One CTA: a few KB over the bus, and the order in which they get there.
extern "C" __global__ void __launch_bounds__(DELIVER_THREADS) sample_deliver(const __grid_constant__ DeliverParams p) {
    int rows = p.step[0];
    int asked = p.step[2];
    const int* askedRows = p.step + STEP_HEADER + 3 * p.maxRows;
    int* output = p.outputs + (u64)p.step[4] * p.outputWords;
    int* ids = output + OUTPUT_HEADER;
    int* logprobs = ids + p.maxRows;
    for (int i = threadIdx.x; i < rows; i += DELIVER_THREADS) {
        ids[i] = p.ids[i];
    }
    for (int i = threadIdx.x; i < asked * LOGPROB_WORDS; i += DELIVER_THREADS) {
        int at = askedRows[i / LOGPROB_WORDS] * LOGPROB_WORDS + i % LOGPROB_WORDS;
        logprobs[at] = p.logprobs[at];
    }
    if (threadIdx.x == 0) {
        *reinterpret_cast<u64*>(output + OUTPUT_BEGAN) = *p.began;
        *reinterpret_cast<u64*>(output + OUTPUT_DONE) = gpuNanos();
    }
    __threadfence_system();
    __syncthreads();
    if (threadIdx.x == 0) {
        __threadfence_system();
        *reinterpret_cast<volatile int*>(output) = p.step[3];
    }
}

// A CTA per new row. What its slot's last row has queued is computed before: this is on the same stream.
extern "C" __global__ void __launch_bounds__(LOGPROB_THREADS) sample_begin(const __grid_constant__ BeginParams p) {
    const NewRow& row = p.newRows[blockIdx.x];
    int slot = row.slot;
    if (row.stops > 0) {
        int words = dividedUp(p.vocabulary, 32);
        unsigned* stops = p.stops + (u64)slot * words;
        for (int i = threadIdx.x; i < words; i += LOGPROB_THREADS) {
            stops[i] = 0;
        }
        __syncthreads();
        for (int i = threadIdx.x; i < row.stops; i += LOGPROB_THREADS) {
            int token = p.stopIds[row.firstStop + i];
            atomicOr(stops + (token >> 5), 1u << (token & 31));
        }
    }
    if (threadIdx.x == 0) {
        p.rows[slot] = row.row;
        p.lastTokens[slot] = 0;
        p.ended[slot] = 0;
    }
}

// A CTA per row.
extern "C" __global__ void __launch_bounds__(LOGPROB_THREADS) sample_admit(const __grid_constant__ AdmitParams p) {
    int4 row = p.rows[blockIdx.x];
    int width = dividedUp(p.vocabulary, 4) * 4;
    unsigned* counts = p.counts + (u64)row.x * width;
    for (int i = threadIdx.x; i < width; i += LOGPROB_THREADS) {
        counts[i] = 0;
    }
    __syncthreads();
    for (int i = threadIdx.x; i < row.w; i += LOGPROB_THREADS) {
        unsigned* count = counts + p.tokens[row.y + i];
        if (i < row.z) {
            atomicOr(count, PROMPT);
        } else {
            atomicAdd(count, 1u);
        }
    }
}

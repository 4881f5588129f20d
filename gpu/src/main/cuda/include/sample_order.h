// The end of a row in sample_finish: from candidates, or by sorting the tokens that earlier kernels could neither keep nor drop.
#pragma once
#include "sample_row.h"

// The tokens of a row that sample_finish reads again: those of the list, or the whole row.
struct Items {
    const int* list;  // null: the whole row
    int size;
    const float* logits;
    const unsigned* counts;  // null: no penalties
    float max;
    int first;  // buckets
    int last;
    Edits edits;

    // Gets token i and its score; false if its bucket is not between `first` and `last`.
    __device__ __forceinline__ bool get(int i, const SampleRow& row, int* token, float* score) const {
        *token = list == nullptr ? i : list[i];
        float l = logits[*token];
        if (counts != nullptr) {
            l = penalized(l, counts[*token], row);
        }
        if (edits.size > 0) {
            l = editOne(edits, *token, l);
        }
        *score = scoreOf(l, max, row);
        int bucket = bucketOf(keyOf(*score));
        return bucket >= first && bucket <= last;
    }
};

__device__ __forceinline__ u64 orderOf(float score, int token) {
    return (u64)keyOf(score) << TOKEN_BITS | (unsigned)token;
}

// The last item, in order and up to `ceiling`, before which weights sum to less than `limit`: a radix select, eight bits
// at a time. Weights are probability masses, or 1.
inline __device__ u64 select(const Items& items, const SampleRow& row, u64 ceiling, u64 limit, bool byMass) {
    __shared__ unsigned low[FINISH_THREADS];
    __shared__ unsigned high[FINISH_THREADS];
    __shared__ unsigned size[FINISH_THREADS];
    __shared__ u64 chosenBefore;
    __shared__ int chosen;
    bool oneBucket = items.first == items.last && items.first > 0 && items.last < BUCKETS - 1;
    // Tokens of one bucket share the upper bits.
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

static __device__ u64 massUpTo(const Items& items, const SampleRow& row, u64 ceiling) {
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

static __device__ SamplePick bestUpTo(const Items& items, const SampleRow& row, int position, u64 ceiling, SamplePick best) {
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

// Fast path: the best of the tiles' candidates.
static __device__ SamplePick finishFast(const SampleParams& p, int index, const SampleRow& row, int position, Items& items,
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

// Filtered: the best of the kept buckets and of the kept part of the list.
static __device__ SamplePick finishFiltered(const SampleParams& p, int index, const SampleRow& row, int position, Items& items,
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

// sample_histogram, sample_bound, sample_split: the kernels of filtered rows (top-k, top-p, min-p, temperatures below 2^-10), between sample_scan
// and sample_finish. Shapes, mapping and exactness are in sample.cu.
#include "sample_row.h"

// Counts and probability masses of a chunk by bucket, in shared memory.
struct ChunkBuckets {
    bool byCount;
    bool byMass;
    unsigned* counted;  // two buckets per word: a chunk has fewer than 2^16 tokens
    unsigned* low;
    unsigned* high;
};

// Counts the four tokens from `token` on. The template keeps the registers for edits out of rows without them.
template <bool EDITED>
__device__ __forceinline__ void countFour(const SampleParams& p, const float* logits, int token, int slot, const SampleRow& row,
                                          const Summary& summary, const Edits& edits, const ChunkBuckets& to) {
    float l[4];
    loadFour(logits, token, p.vocabulary, l);
    if (row.flags & PENALTIES) {
        penalizeFour(countsOf(p, slot), token, p.vocabulary, row, l);
    }
    if (EDITED) {
        editFour(edits, token, l);
    }
#pragma unroll
    for (int i = 0; i < 4; i++) {
        if (token + i < p.vocabulary) {
            float score = scoreOf(l[i], summary.best.value, row);
            int bucket = bucketOf(keyOf(score));
            if (to.byCount) {
                atomicAdd(&to.counted[bucket / 2], bucket & 1 ? 0x10000u : 1u);
            }
            u64 mass = to.byMass ? probabilityMass(score) : 0;
            if (mass != 0) {
                addWide(&to.low[bucket], &to.high[bucket], mass);
            }
        }
    }
}

extern "C" __global__ void __launch_bounds__(CHUNK_THREADS) sample_histogram(const __grid_constant__ SampleParams p) {
    beginWithInputs();
    __shared__ unsigned counted[BUCKETS / 2];
    __shared__ unsigned low[BUCKETS];
    __shared__ unsigned high[BUCKETS];
    int chunks = dividedUp(p.vocabulary, CHUNK);
    int items = p.step[1] * chunks;
    const int* filtered = p.step + STEP_HEADER + 2 * p.maxRows;
    for (int item = blockIdx.x; item < items; item += gridDim.x) {
        int index = filtered[item / chunks];
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
        ChunkBuckets buckets{byCount, byMass, counted, low, high};
        if (row.flags & EDITS) {
            Edits edits = editsOf(p, slot, row, index);
#pragma unroll 1
            for (int j = 0; j < CHUNK_LOADS; j++) {
                countFour<true>(p, logits, first + j * CHUNK_THREADS * 4, slot, row, summary, edits, buckets);
            }
        } else {
#pragma unroll
            for (int j = 0; j < CHUNK_LOADS; j++) {
                countFour<false>(p, logits, first + j * CHUNK_THREADS * 4, slot, row, summary, Edits{}, buckets);
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

// The bucket in which a running sum reaches `limit`, from 1 to the total.
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
    beginWithInputs();
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
        // Sums are 0 if a logit is bad or nothing is filtered: then all buckets are kept.
        byCount &= all != 0;
        byMass &= allMass != 0;
        if (byCount) {
            cross((u64)row.topK, false, counts, masses, countBefore, massBefore, &atK);
            bound = {atK.bucket, atK.bucket, atK.countBefore, atK.massBefore, 0};
        }
        if (byMass) {
            // The mass that top-k keeps is known once its bucket is sorted; it is at least the mass before that bucket.
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
    beginWithInputs();
    int chunks = dividedUp(p.vocabulary, CHUNK);
    int items = p.step[1] * chunks;
    const int* filtered = p.step + STEP_HEADER + 2 * p.maxRows;
    for (int item = blockIdx.x; item < items; item += gridDim.x) {
        int index = filtered[item / chunks];
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
            if (row.flags & EDITS) {
                editFour(editsOf(p, slot, row, index), token, l);
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

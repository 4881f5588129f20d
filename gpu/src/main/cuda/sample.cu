// sample: samples one token per row from FP32 logits, by docs/numerics.md, "Sampling".
//
//   token = argmax over the kept tokens of (l' - m) / T + gumbel(token), ties to the lowest id
//   l' = logits after penalties and edits (bias, suppressed tokens), m the largest l', kept = top-k, then top-p, then min-p
//
// Shapes. logits (rows, vocabulary), rows `stride` floats apart, a multiple of 4 and 16-byte aligned. A row's sampling
// parameters (SampleRow) and the counts of its tokens are in its sampling slot, which it keeps while it runs. Kernels
// read rows, slots and positions of a step from device memory (`step`), so that one graph with a fixed grid serves any
// number of rows.
//
// Kernels, in the order in which they run, and their rows: all rows; filtered rows (top-k, top-p, min-p or a
// temperature below 2^-10; the others take the fast path); rows with log probabilities.
//
//   sample_scan       all       one pass over the logits: m, bad logits, and on the fast path the candidates of
//                               each tile
//   sample_histogram  filtered  count and probability mass of the tokens in each bucket of scores
//   sample_bound      filtered  splits buckets into kept, dropped, and those of the boundary
//   sample_split      filtered  samples among the kept buckets, lists the tokens of the boundary
//   sample_finish     all       combines the results of a row's CTAs, sorts the list, writes the id
//   sample_pick       all       replaces all of the above where the head has sampled in its epilogue (head.cu)
//   sample_logprobs   logprobs  log-softmax of the raw logits; the sum has the CPU's 16 lanes and order
//   sample_deliver    once per step, sampled or not: writes ids and log probabilities to host memory, then the
//                     step's number, which the host polls
//   sample_begin      new rows: initializes their slots with parameters, stop ids and edits. Not part of a step.
//   sample_admit      new rows with penalties: rebuilds counts from the tokens so far. Not part of a step.
//   sample_mask       rows with a mask: -infinity for the logits that it leaves out, before all of the above. No part of a step's
//                     graph: the host makes masks of tokens that it has seen. Such rows get no log probabilities here.
//
// Running ahead. The host may queue a step before it has seen the tokens of the last one. Slots therefore keep what the
// next step needs: the last token, counts, and whether the row has ended, by one of its stop ids or by bad logits. A
// queued step computes an ended row on padding (resolve.cu) and samples DROPPED for it, without changing its slot.
//
// Exactness. Comparisons and integer sums do not depend on order, so any split of a row gives the same token. All
// floats are those of the CPU, operation by operation (-fmad=false), with one exception: a tile of the fast path does
// not know m, so sample_scan ranks tokens by a = l' * (1 / T) + g and keeps all within a slack of the tile's best;
// sample_finish computes the exact values of these few. With e = 2^-24 and z = (l' - m) / T, the exact value is within
// e (3 |z| + |g|) of (l' - m) / T + g, and a within e (3 |l'| / T + |a|). The winner and the best by a have z above
// -27, as noise is in [-3.14, 22.88], so |l'| / T is at most |a| + 23 and |m| / T at most |a| + 50. All four errors
// together stay below 5e-5 + 8e-7 |a|; the slack is 1e-4 + 2e-6 |a|. If a tile has more candidates than it can store,
// one CTA samples the whole row again: this takes ties that no noise can break.
//
// Edits. A row has few, sorted by token. A thread finds those of its tokens by binary search, about ten steps for four
// logits; rows without the flag skip it. A token whose logit an edit sets to -infinity is never sampled. If no token of a
// row is left, its logits are bad; a tile without one has no candidate.
//
// Threads. scan: a CTA of 256 threads has 4096 tokens of a row, 16 per thread in registers, as four 16-byte loads; four
// neighbouring tokens share one Philox block. histogram, split: 512 threads, 8192 tokens. bound, finish, logprobs: one
// CTA per row. The grid is fixed; CTAs loop over (row, tile).
//
// Roofline: each logit read once is 4 bytes: 256 rows of 151,936 are 155 MB, 52 us at 3.0 TB/s; filtered rows
// read them three times. Measured times and what was tried: docs/kernels.md.

#include "candidates.h"
#include "sample_order.h"
#include "sample_row.h"

namespace {

__device__ __forceinline__ bool isStop(const SampleParams& p, int slot, const SampleRow& row, int token) {
    return row.flags & STOPS &&
           p.stops[(u64)slot * dividedUp(p.vocabulary, 32) + (token >> 5)] >> (token & 31) & 1;
}

// Writes the sampled token, for the host and for the next step.
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

extern "C" __global__ void __launch_bounds__(SCAN_THREADS) sample_scan(const __grid_constant__ SampleParams p) {
    beginWithInputs();
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
        if (row.flags & EDITS) {
            Edits edits = editsOf(p, slot, row, index);
#pragma unroll
            for (int j = 0; j < SCAN_LOADS; j++) {
                editFour(edits, first + j * SCAN_THREADS * 4, l + j * 4);
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
        bool left = best.value > -INFINITY;  // false if edits exclude all
        if (row.temperature < LEAST_NORMAL || (row.flags & FILTERED) || bad || !alive || !left) {
            if (threadIdx.x == 0) {
                tile->candidates = 0;
            }
            continue;
        }
        float inverse = __fdiv_rn(1.0f, row.temperature);
        int position = positionOf(p, index);
        // An upper bound of the noise is cheap. The token with the highest bound in each thread gives the tile a
        // threshold that few others reach, and only these need their noise.
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
            // Candidates: those within the slack of the best.
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

extern "C" __global__ void __launch_bounds__(FINISH_THREADS) sample_finish(const __grid_constant__ SampleParams p) {
    beginWithInputs();
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
                           row.flags & PENALTIES ? countsOf(p, slot) : nullptr, summary.best.value, 0, BUCKETS - 1,
                           editsOf(p, slot, row, index)};
            // The most likely token is always kept; given its value, few others need their noise.
            SamplePick best = {noiseOf(row, position, token), token};
            best = row.flags & FILTERED ? finishFiltered(p, index, row, position, items, best)
                                        : finishFast(p, index, row, position, items, best);
            token = blockBest<FINISH_THREADS>(best).token;
        }
        if (threadIdx.x == 0) {
            record(p, index, slot, row, token);
        }
        __syncthreads();
    }
}

// Rows of the fast path: combines the HeadTiles of each, which the head has written per 64 tokens.
extern "C" __global__ void __launch_bounds__(FINISH_THREADS) sample_pick(const __grid_constant__ PickParams q) {
    beginWithInputs();
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
            // The winner is not in a tile whose highest rank is below the row's by more than the error of ranks.
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

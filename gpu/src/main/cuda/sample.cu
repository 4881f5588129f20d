// sample: draws one token per row from FP32 logits, by docs/numerics.md, "Sampling".
//
//   token = argmax over the kept of (l' - m) / T + gumbel(token), ties to the lowest id
//   l' = logits after penalties and edits (bias, suppressed tokens), m the largest l', kept = top-k, then top-p, then min-p
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
//   sample_begin      new rows: parameters, stop ids and edits to their slots, nothing drawn, not ended. No part of a step.
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
// Edits. A row has few, sorted by token. A thread finds those of its tokens by binary search, about ten steps for four logits;
// rows without the flag skip it. A token whose logit an edit sets to -infinity cannot be drawn. If no token of a row is left,
// its logits are bad; a tile without one has no candidate.
//
// Threads. scan: a CTA of 256 has 4096 tokens of a row, 16 each in registers, as four 16-byte loads; four
// neighbours share one Philox block. histogram, split: 512 threads, 8192 tokens. bound, finish, logprobs: a
// CTA per row. CTAs walk through (row, tile) with a fixed grid.
//
// Roofline: each logit read once is 4 bytes: 256 rows of 151,936 are 155 MB, 52 us at 3.0 TB/s; general rows
// read them three times. Measured times and what was tried: docs/kernels.md.

#include "draw.h"
#include "sample_order.h"
#include "sample_row.h"

namespace {

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
        bool left = best.value > -INFINITY;  // what edits leave
        if (row.temperature < LEAST_NORMAL || (row.flags & GENERAL) || bad || !alive || !left) {
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

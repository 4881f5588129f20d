// resolve: the first kernel of a step. The step may have been queued before the one before it was computed.
//
//   tables   = what the host wrote into the step's in-flight slot, and in them
//   tokenIds = the token that was sampled last for slot s, where the host wrote LAST_SAMPLE - s
//
// A row whose slot has ended (sample.cu) becomes padding: token 0 at position 0 of block 0, which no other row reads. Several such
// rows may write there at once; their results are not used.
//
// The tables come over the bus from mapped host memory. A copy before the step would have the stream wait for the copy engine and the
// engine for the step before: 10 us and more between two steps.
//
// Trips    A load takes a trip over the bus, 1 to 2 us, and loads of one cache line are served one after the other, 0.8 us each, whatever
//          warps they are of. So no line is asked for twice, and no load waits for another: tables of rows are brought whole, those of
//          tokens as far as the launch may need them, and of block ids as many as sample_deliver noted as likely. Their true number comes
//          meanwhile, for each CTA on a line of its own; what is still missing then takes a second trip. What lies behind the last row,
//          token or block id is of an earlier step, or 0, and no kernel uses what becomes of it.
// Caches   ld.cv reads what is in host memory now. (The host writes an in-flight slot before it queues the step, and again once that step
//          is completed: nothing changes meanwhile.)
//
// Shapes   tables as StepLayout has them
// Mapping  RESOLVE_BLOCK_CTAS for block ids, the others by warps: 32 lanes x 4 words of one table; of rows, and of tokens, of all tables
//          that it takes to tell what becomes of a word
// Roofline 64 rows of 512: 17 KB, 0.3 us at 50 GB/s; bound by one trip
// The kernel stores its start time, so that sample_deliver can report the time since the end of the step before.
#include "clock.h"
#include "launch.h"
#include "params.h"

namespace {

/** Loads of block ids that a thread has in flight. */
constexpr int AHEAD = 8;

/** The word; or 0, if the id stands for a token of a slot whose row has ended. */
__device__ __forceinline__ int unlessEnded(const ResolveParams& p, int id, int word) {
    return id <= LAST_SAMPLE && p.ended[LAST_SAMPLE - id] != 0 ? 0 : word;
}

__device__ __forceinline__ int4 unlessEnded(const ResolveParams& p, int4 ids, int4 words) {
    return make_int4(unlessEnded(p, ids.x, words.x), unlessEnded(p, ids.y, words.y), unlessEnded(p, ids.z, words.z),
                     unlessEnded(p, ids.w, words.w));
}

__device__ __forceinline__ int tokenOf(const ResolveParams& p, int id) {
    return id > LAST_SAMPLE ? id : unlessEnded(p, id, p.lastTokens[LAST_SAMPLE - id]);
}

/** All but block ids. A warp has words of one table, so that none of its loads waits for those of another. */
__device__ __forceinline__ void bringTables(const ResolveParams& p, const int4* from, int4* to) {
    int plain = (p.rowTable - p.header) / 4;
    int rows = (p.lastSamples - p.rowTable) / 4;
    int tokens = (p.tokens + 3) / 4;
    int endOfPlain = (plain + 31) / 32;
    int endOfRows = endOfPlain + (rows + 31) / 32;
    int endOfTokens = endOfRows + (tokens + 31) / 32;
    int lane = threadIdx.x % 32;
    constexpr int WARPS = RESOLVE_THREADS / 32;
    for (int warp = blockIdx.x * WARPS + threadIdx.x / 32; warp < endOfTokens; warp += RESOLVE_TABLE_CTAS * WARPS) {
        if (warp < endOfPlain) {
            int i = warp * 32 + lane;
            int at = p.header / 4 + i;
            if (i < plain) {
                to[at] = __ldcv(from + at);
            }
        } else if (warp < endOfRows) {
            int i = (warp - endOfPlain) * 32 + lane;
            int at = p.rowTable / 4 + i;
            if (i < rows) {
                int4 first = __ldcv(from + at);
                int4 lastSamples = __ldcv(from + at + rows);
                to[at] = unlessEnded(p, lastSamples, first);
            }
        } else {
            int i = (warp - endOfRows) * 32 + lane;
            int at = p.tokenIds / 4 + i;
            int next = p.tokenWords / 4;
            if (i < tokens) {
                int4 ids = __ldcv(from + at);
                int4 positions = __ldcv(from + at + next);
                int4 rowOf = __ldcv(from + at + 2 * next);
                to[at] = make_int4(tokenOf(p, ids.x), tokenOf(p, ids.y), tokenOf(p, ids.z), tokenOf(p, ids.w));
                to[at + next] = unlessEnded(p, ids, positions);
                to[at + 2 * next] = rowOf;
            }
        }
    }
}

/** Copies a thread's share from i to `end`, and returns where it goes on. */
__device__ __forceinline__ int copy(const int4* from, int4* to, int i, int end) {
    constexpr int STRIDE = RESOLVE_BLOCK_CTAS * RESOLVE_THREADS;
    for (; i < end; i += AHEAD * STRIDE) {
        int4 words[AHEAD];
#pragma unroll
        for (int k = 0; k < AHEAD; k++) {
            if (i + k * STRIDE < end) {
                words[k] = __ldcv(from + i + k * STRIDE);
            }
        }
#pragma unroll
        for (int k = 0; k < AHEAD; k++) {
            if (i + k * STRIDE < end) {
                to[i + k * STRIDE] = words[k];
            }
        }
    }
    // The last turn may have been a short one.
    while (i - STRIDE >= end) {
        i -= STRIDE;
    }
    return i;
}

__device__ __forceinline__ void bringBlocks(const ResolveParams& p, const int4* from, int4* to, int likely, int* words) {
    int cta = blockIdx.x - RESOLVE_TABLE_CTAS;
    // Asked for first, looked at after what is likely.
    int count = threadIdx.x == 0 ? __ldcv((const int*)from + cta * LINE_WORDS) : 0;
    int blocks = (p.tokenIds + 3 * p.tokenWords) / 4;
    int i = copy(from + blocks, to + blocks, cta * RESOLVE_THREADS + threadIdx.x, (likely + 3) / 4);
    if (threadIdx.x == 0) {
        *words = count;
    }
    __syncthreads();
    copy(from + blocks, to + blocks, i, (*words + 3) / 4);
}

}  // namespace

extern "C" __global__ void __launch_bounds__(RESOLVE_THREADS) resolve(const __grid_constant__ ResolveParams p) {
    beginWithInputs();
    if (blockIdx.x == 0 && threadIdx.x == 0) {
        *p.began = gpuNanos();
    }
    int4 last = *(const int4*)p.last;  // LastStep
    const int4* from = (const int4*)(p.places + (size_t)(p.again ? last.x : last.y) * p.placeWords);
    if (blockIdx.x < RESOLVE_TABLE_CTAS) {
        bringTables(p, from, (int4*)p.tables);
    } else {
        // Here, since a name in an unnamed namespace would hold a hash of the folder that it is compiled in.
        __shared__ int words;
        bringBlocks(p, from, (int4*)p.tables, last.z, &words);
    }
}

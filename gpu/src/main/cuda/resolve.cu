// resolve: the first kernel of a step, which may have been queued before the last one was computed
//
//   tables = what the host wrote into the step's place, and in it
//   tokenIds = the token that a slot drew last, where the host had DRAWN - slot
//
// A row whose slot has ended (sample.cu) becomes padding: token 0 at position 0 of block 0, which nobody reads. Several
// such rows write there at once; none of what they compute is looked at.
//
// A place is mapped host memory: its tables come over the bus, without the copy engine, which would have to wait for the
// step before and be waited for. Which place is the next one, the last kernel of the step before has noted.
//
// Shapes   tables as StepLayout has them, each on 16 bytes; of those of tokens, and of blocks, as much as there is
// Mapping  four words a thread and turn, wherever they belong; a thread that needs another table's words asks for those too
// Roofline 64 rows of 512: 8 KB, 0.2 us; bound by two turns over the bus, the header's and the rest: 3 us on an H200
// It notes when it began, so that the time since the last step's end is known (sample_deliver).
#include "clock.h"
#include "launch.h"
#include "params.h"

namespace {

/** Of the host's memory as it is now. */
__device__ __forceinline__ int4 fetch(const int4* from) { return __ldcv(from); }

/** What the row of this word's slot has instead, if it has ended. */
__device__ __forceinline__ int unlessEnded(const ResolveParams& p, int slot, int word) {
    return slot >= 0 && p.ended[slot] != 0 ? 0 : word;
}

__device__ __forceinline__ int tokenOf(const ResolveParams& p, int id) {
    return id > DRAWN ? id : unlessEnded(p, DRAWN - id, p.lastTokens[DRAWN - id]);
}

/** Of four, as many as there are; behind them is what an earlier step left. */
__device__ __forceinline__ int4 firstOf(int4 words, int count) {
    return make_int4(count > 0 ? words.x : 0, count > 1 ? words.y : 0, count > 2 ? words.z : 0, count > 3 ? words.w : 0);
}

}  // namespace

extern "C" __global__ void __launch_bounds__(128) resolve(const __grid_constant__ ResolveParams p) {
    beginWithInputs();
    int index = blockIdx.x * 128 + threadIdx.x;
    if (index == 0) {
        *p.began = gpuNanos();
    }
    const int4* from = (const int4*)(p.places + (size_t)*p.place * p.placeWords);
    int4* to = (int4*)p.tables;
    int4 header = fetch(from);  // StepHeader
    int front = p.tokenIds / 4;
    int tokens = (header.x + 3) / 4;
    int blocks = (header.w + 3) / 4;
    for (int i = index; i < front + 3 * tokens + blocks; i += gridDim.x * 128) {
        if (i >= front + 3 * tokens) {
            int at = p.blocks / 4 + i - front - 3 * tokens;
            to[at] = fetch(from + at);
        } else if (i >= front) {
            int table = (i - front) / tokens;
            int first = front + (i - front) - table * tokens;
            int at = first + table * (p.tokenWords / 4);
            int4 words = fetch(from + at);
            if (table < 2) {
                int4 ids = firstOf(fetch(from + first), header.x - 4 * (first - front));
                if (table == 0) {
                    words = make_int4(tokenOf(p, ids.x), tokenOf(p, ids.y), tokenOf(p, ids.z), tokenOf(p, ids.w));
                } else {
                    words.x = unlessEnded(p, DRAWN - ids.x, words.x);
                    words.y = unlessEnded(p, DRAWN - ids.y, words.y);
                    words.z = unlessEnded(p, DRAWN - ids.z, words.z);
                    words.w = unlessEnded(p, DRAWN - ids.w, words.w);
                }
            }
            to[at] = words;
        } else {
            int4 words = fetch(from + i);
            int row = 4 * i - p.rowTable;
            if (row >= 0 && 4 * i < p.drawn) {
                // Slots are one more, so that 0 is none.
                int4 slots = firstOf(fetch(from + (p.drawn + row) / 4), header.y - row);
                words.x = unlessEnded(p, slots.x - 1, words.x);
                words.y = unlessEnded(p, slots.y - 1, words.y);
                words.z = unlessEnded(p, slots.z - 1, words.z);
                words.w = unlessEnded(p, slots.w - 1, words.w);
            }
            to[i] = words;
        }
    }
}

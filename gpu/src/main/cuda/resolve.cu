// resolve: the first kernel of a step. The step may have been queued before the one before it was computed.
//
//   tokenIds = the token that was sampled last for the row's slot, where the host wrote DRAWN
//
// A row whose slot has ended (sample.cu) becomes padding: token 0 at position 0 of block 0, which no other row reads. Several such
// rows may write there at once; their results are not used.
//
// Shapes   tables of the step; only sampled rows have such tokens, one each
// Mapping  one thread per sampled row
// Roofline a few hundred words: launch-bound
// The kernel stores its start time, so that sample_deliver can report the time since the end of the step before.
#include "clock.h"
#include "launch.h"
#include "params.h"

extern "C" __global__ void __launch_bounds__(128) resolve(const __grid_constant__ ResolveParams p) {
    beginWithInputs();
    int index = blockIdx.x * 128 + threadIdx.x;
    if (index == 0) {
        *p.began = gpuNanos();
    }
    if (index >= p.step->sampled) {
        return;
    }
    int token = p.gather[index];
    if (p.tokenIds[token] != DRAWN) {
        return;
    }
    int slot = p.slots[index];
    if (p.ended[slot] != 0) {
        p.tokenIds[token] = 0;
        p.positions[token] = 0;
        p.blocks[p.rowTable[p.rowOf[token]]] = 0;
    } else {
        p.tokenIds[token] = p.lastTokens[slot];
    }
}

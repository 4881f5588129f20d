// resolve: the first kernel of a step, which may have been queued before the last one was computed
//
//   tokenIds = the token that the row's slot drew last, where the host had DRAWN
//
// A row whose slot has ended (sample.cu) becomes padding: token 0 at position 0 of block 0, which nobody reads. Several
// such rows write there at once; none of what they compute is looked at.
//
// Shapes   tables of the step, sampled rows: only these have tokens that were drawn, one each
// Mapping  one thread a sampled row
// Roofline a few hundred words: bound by the launch
// It notes when it began, so that the time since the last step's end is known (sample_deliver).
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

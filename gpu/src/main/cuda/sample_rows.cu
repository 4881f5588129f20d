// sample_deliver, sample_begin, sample_admit: exchange sampled tokens and new rows with the host. Layouts are in sample_params.h, the order of
// kernels in sample.cu.
#include "clock.h"
#include "sample_row.h"

namespace {

constexpr int DELIVER_THREADS = 512;

}  // namespace

// One CTA, as the order of its writes over the bus matters and they are a few KB.
extern "C" __global__ void __launch_bounds__(DELIVER_THREADS) sample_deliver(const __grid_constant__ DeliverParams p) {
    beginWithInputs();
    int rows = p.step[0];
    int withLogprobs = p.step[2];
    const int* logprobRows = p.step + STEP_HEADER + 3 * p.maxRows;
    int* output = p.outputs + (u64)p.step[4] * p.outputWords;
    int* ids = output + OUTPUT_HEADER;
    int* logprobs = ids + p.maxRows;
    for (int i = threadIdx.x; i < rows; i += DELIVER_THREADS) {
        ids[i] = p.ids[i];
    }
    for (int i = threadIdx.x; i < withLogprobs * LOGPROB_WORDS; i += DELIVER_THREADS) {
        int at = logprobRows[i / LOGPROB_WORDS] * LOGPROB_WORDS + i % LOGPROB_WORDS;
        logprobs[at] = p.logprobs[at];
    }
    if (threadIdx.x == 0) {
        *reinterpret_cast<u64*>(output + OUTPUT_BEGAN) = *p.began;
        *reinterpret_cast<u64*>(output + OUTPUT_DONE) = gpuNanos();
        *p.last = {p.step[4], p.step[5], p.step[6], 0};
    }
    __threadfence_system();
    __syncthreads();
    if (threadIdx.x == 0) {
        __threadfence_system();
        *reinterpret_cast<volatile int*>(output) = p.step[3];
    }
}

// One CTA per new row. Steps queued for the slot's last row come earlier on the same stream.
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
    const int4* edits = reinterpret_cast<const int4*>(p.stopIds + row.firstEdit);
    int4* slotEdits = reinterpret_cast<int4*>(p.edits + (u64)slot * p.maxEdits);
    for (int i = threadIdx.x; i < row.row.edits; i += LOGPROB_THREADS) {
        slotEdits[i] = edits[i];
    }
    if (threadIdx.x == 0) {
        p.rows[slot] = row.row;
        p.lastTokens[slot] = 0;
        p.ended[slot] = 0;
    }
}

// One CTA per row.
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

// A CTA per tile and mask. Penalties and edits leave -infinity as it is, so it can be written before them. Bad logits stay bad.
extern "C" __global__ void __launch_bounds__(SCAN_THREADS) sample_mask(const __grid_constant__ MaskParams p) {
    beginWithInputs();
    float* logits = p.logits + (u64)p.rows[blockIdx.y] * p.stride;
    const unsigned* mask = p.masks + (u64)blockIdx.y * p.words;
    int first = blockIdx.x * TILE;
    int end = min(first + TILE, p.vocabulary);
    for (int token = first + threadIdx.x; token < end; token += SCAN_THREADS) {
        if (!(mask[token >> 5] >> (token & 31) & 1) && logits[token] < INFINITY) {
            logits[token] = -INFINITY;
        }
    }
}

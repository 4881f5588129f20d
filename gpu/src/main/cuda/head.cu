// head: the last product of a step whose rows are all greedy or plain (no penalty, top-k, top-p, min-p or log probability), and
// the first half of their draws. Logits stay in shared memory: 64 of a row become one HeadTile, from which sample_pick (sample.cu)
// makes the token. The same token as from matmul and sample_scan, by docs/numerics.md, "Sampling".
//
// Shapes   weight tiles (vocabulary, k), x tiles (sampled rows, k); HeadTile (rows, vocabulary / 64)
// Product  Matmul of matmul.h, for weights of one segment; kernels and grids have the names and sizes of matmul's
// Draws    half a warp has 64 tokens of a row, four a thread, which are one Philox block. Ranks are those of sample_scan (sample.cu,
//          "Exactness"): l / T as l * (1 / T) + noise, off by less than withSlack. One token within that of the tile's highest is
//          written as its candidate; if there are several, or if ranks are beyond 1e30, the 64 logits are written instead.
//
// How a row is drawn is read while the first tiles come, so that no CTA waits for it at its end.
//
// Registers: at most 224.
// Roofline that of the product; what is saved is one write and one read of FP32 logits, 155 MB of 256 rows of 151,936.
#include "draw.h"
#include "matmul.h"

/** What a row's draw needs. */
struct HeadRow {
    u64 seed;
    unsigned completion;
    int position;
    float inverse;  // of the temperature; -1: greedy
};

constexpr int HALF_WARP = 16;

__device__ __forceinline__ float halfMax(unsigned lanes, float v) {
#pragma unroll
    for (int step = HALF_WARP / 2; step > 0; step >>= 1) {
        v = fmaxf(v, __shfl_xor_sync(lanes, v, step));
    }
    return v;
}

__device__ __forceinline__ SamplePick halfBest(unsigned lanes, SamplePick b) {
#pragma unroll
    for (int step = HALF_WARP / 2; step > 0; step >>= 1) {
        SamplePick other;
        other.value = __shfl_xor_sync(lanes, b.value, step);
        other.token = __shfl_xor_sync(lanes, b.token, step);
        b = better(b, other);
    }
    return b;
}

/** Sums to HeadTiles. */
struct Draw {
    const HeadParams& p;
    HeadRow* rows;  // (tokens of a CTA), shared

    template <int TOKENS>
    __device__ __forceinline__ void prepare(int firstToken, int tokens) const {
        int index = firstToken + threadIdx.x;
        if (threadIdx.x < TOKENS && index < tokens) {
            const SampleRow& row = p.rows[p.sample[STEP_HEADER + index]];
            float t = row.temperature;
            rows[threadIdx.x] = HeadRow{row.seed, row.completion, p.sample[STEP_HEADER + p.maxRows + index],
                                        t < LEAST_NORMAL ? -1.0f : __fdiv_rn(1.0f, t)};
        }
    }

    template <class Product>
    __device__ __forceinline__ void finish(const Product& product, int firstRow, int firstToken, int tokens) const {
        constexpr int PARTS = Product::TILE_ROWS / HEAD_TILE;
        int items = min(Product::TILE_TOKENS, tokens - firstToken) * PARTS;
        int lane = threadIdx.x % HALF_WARP;
#pragma unroll 1
        for (int i = threadIdx.x / HALF_WARP; i < items; i += Product::THREADS / HALF_WARP) {
            int token = i / PARTS;
            int first = firstRow + i % PARTS * HEAD_TILE;
            if (first < p.product.columns) {
                uint32_t at = product.shared + (token * Product::WIDTH + i % PARTS * HEAD_TILE + lane * 4) * 4;
                tile(Product::readOwn(at), firstToken + token, rows[token], first, lane);
            }
        }
    }

    /** 64 tokens of a row from `first` on; `four` are the lane's. */
    __device__ __forceinline__ void tile(float4 four, int index, const HeadRow& row, int first, int lane) const {
        unsigned lanes = 0xffffu << (threadIdx.x & HALF_WARP);
        int vocabulary = p.product.columns;
        float l[4] = {four.x, four.y, four.z, four.w};
        bool bad = false;
        bool alive = false;
        SamplePick best = {-INFINITY, NO_TOKEN};
#pragma unroll
        for (int i = 0; i < 4; i++) {
            int token = first + lane * 4 + i;
            l[i] = token < vocabulary ? l[i] : -INFINITY;
            bad |= !(l[i] < INFINITY);
            alive |= l[i] > -INFINITY;
            best = better(best, SamplePick{l[i], token});
        }
        best = halfBest(lanes, best);
        bad = __any_sync(lanes, bad);
        alive = __any_sync(lanes, alive);
        u64 out = (u64)index * dividedUp(vocabulary, HEAD_TILE) + first / HEAD_TILE;
        HeadTile found = {best.value, best.token, -INFINITY, (bad ? BAD : 0) | (alive ? ALIVE : 0)};
        if (row.inverse > 0.0f && !bad && alive) {
            uint4 words = philox((unsigned)(first >> 2) + lane, (unsigned)row.position, row.completion, 0u, (unsigned)row.seed,
                                 (unsigned)(row.seed >> 32));
            // The lane's most promising token first, as in sample_scan: few others then need their noise.
            float promise = -INFINITY;
            float promising = -INFINITY;
            unsigned promisingWord = 0;
#pragma unroll
            for (int i = 0; i < 4; i++) {
                float most = __fmaf_rn(l[i], row.inverse, gumbelCeiling(wordOf(words, i)));
                if (most > promise) {
                    promise = most;
                    promising = l[i];
                    promisingWord = wordOf(words, i);
                }
            }
            float bound = halfMax(lanes, __fmaf_rn(promising, row.inverse, gumbel(promisingWord)));
            float needed = withSlack(bound);
            float rank[4];
            float own = -INFINITY;
#pragma unroll
            for (int i = 0; i < 4; i++) {
                rank[i] = -INFINITY;
                if (__fmaf_rn(l[i], row.inverse, gumbelCeiling(wordOf(words, i))) >= needed) {
                    rank[i] = __fmaf_rn(l[i], row.inverse, gumbel(wordOf(words, i)));
                }
                own = fmaxf(own, rank[i]);
            }
            found.rank = halfMax(lanes, own);
            needed = withSlack(found.rank);
            bool ranked = fabsf(found.rank) < RANKABLE;
            int candidates = 0;
#pragma unroll
            for (int i = 0; i < 4; i++) {
                candidates += __popc(__ballot_sync(lanes, rank[i] >= needed) & lanes);
            }
            if (ranked && candidates == 1) {
#pragma unroll
                for (int i = 0; i < 4; i++) {
                    if (rank[i] >= needed) {
                        p.candidates[out] = SamplePick{l[i], first + lane * 4 + i};
                    }
                }
            } else {
                found.state |= SEVERAL | (ranked ? 0 : UNRANKED);
                float* logits = p.product.outRows + (size_t)index * pad64(vocabulary) + first + lane * 4;
                *(float4*)logits = make_float4(l[0], l[1], l[2], l[3]);
            }
        }
        if (lane == 0) {
            *(int4*)(p.tiles + out) = make_int4(__float_as_int(found.max), found.best, __float_as_int(found.rank), found.state);
        }
    }
};

#define HEAD(NAME, T, THREADS, CTAS, TOKENS, ...)                                                                           \
    extern "C" __global__ void __launch_bounds__(THREADS, CTAS) head_##NAME(const __grid_constant__ HeadParams p) {         \
        __shared__ HeadRow rows[TOKENS];                                                                                    \
        Matmul<T, __VA_ARGS__> product{p.product};                                                                          \
        product.run(Draw{p, rows});                                                                                         \
    }
#define HEADS(TYPE, T)                                                     \
    HEAD(TYPE##_16, T, 128, 2, 16, 64, 16, 4, 1, 8, 1)                     \
    HEAD(TYPE##_32, T, 128, 2, 32, 64, 32, 4, 1, 6, 1)                     \
    HEAD(TYPE##_64, T, 128, 2, 64, 64, 64, 4, 1, 6, 1)                     \
    HEAD(TYPE##_128, T, 128, 2, 128, 64, 128, 4, 1, 4, 1)                  \
    HEAD(TYPE##_large, T, 256, 1, 128, 128, 128, 2, 4, 3, 0)

HEADS(bf16, Bf16)
HEADS(f16, F16)

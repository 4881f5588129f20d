// head: the GEMM of the head with sampling fused into its epilogue, for steps whose rows all take the fast path (no penalty, edit, top-k,
// top-p, min-p or log probability). Logits stay in shared memory: 64 of a row are reduced to one HeadTile, and sample_pick (sample.cu)
// combines a row's HeadTiles to a token, the same token as from matmul and sample_scan (docs/numerics.md, "Sampling").
//
// Shapes    weight tiles (vocabulary, k), x tiles (sampled rows, k); HeadTile (rows, vocabulary / 64)
// GEMM      Matmul of matmul.h, for weights of one segment; kernels and grids have the names and sizes of matmul's
// Sampling  1 to 8 threads have 64 tokens of a row, in quads of one Philox block each. Ranks are those of sample_scan (sample.cu,
//           "Exactness"), l * (1 / T) + noise, with an error below the slack of withSlack. A single token within the slack of the tile's
//           highest rank is written as its candidate; if there are several, or ranks are beyond 1e30, the 64 logits are written instead.
//
// Sampling parameters are read while the first tiles are in flight, so that no CTA waits for them at its end.
//
// head_gemm.cu computes the same on Hopper's tensor cores, for BF16. oracle_head computes HeadTiles from logits, one thread per tile.
//
// Registers: at most 224.
// Roofline: that of the GEMM. Fusing saves one write and one read of FP32 logits, 155 MB of 256 rows of 151,936.
#include "head_sample.h"
#include "matmul.h"

/** Sampling parameters of a row. */
struct HeadRow {
    u64 seed;
    unsigned completion;
    int position;
    float inverse;  // 1 / temperature; -1: greedy
    float scale;    // factor from sums to logits
};

/** The epilogue: sums to HeadTiles. */
struct SampleEpilogue {
    const HeadParams& p;
    HeadRow* rows;  // (tokens of a CTA), shared

    /** Slot and position of the thread's row. */
    struct Early {
        int slot;
        int position;
    };

    __device__ __forceinline__ Early begin(int firstToken, int tokens) const {
        int index = STEP_HEADER + min(firstToken + (int)threadIdx.x, tokens - 1);
        return Early{p.sample[index], p.sample[index + p.maxRows]};
    }

    template <int TOKENS>
    __device__ __forceinline__ void prepare(Early early, int firstToken, int tokens) const {
        if (threadIdx.x < TOKENS && firstToken + threadIdx.x < tokens) {
            const SampleRow& row = p.rows[early.slot];
            float t = row.temperature;
            rows[threadIdx.x] = HeadRow{row.seed, row.completion, early.position, t < LEAST_NORMAL ? -1.0f : __fdiv_rn(1.0f, t),
                                        rowScale(p.matmul, firstToken + threadIdx.x)};
        }
    }

    template <class MatmulType>
    __device__ __forceinline__ void finish(const MatmulType& matmul, int firstRow, int firstToken, int tokens) const {
        constexpr int PARTS = MatmulType::TILE_ROWS / HEAD_TILE;
        // Neighbouring threads that share the 64 tokens of a tile; each has consecutive quads.
        constexpr int GROUP = MatmulType::THREADS / (MatmulType::TILE_TOKENS * PARTS);
        constexpr int QUADS = HEAD_TILE / 4 / GROUP;
        int item = threadIdx.x / GROUP;
        int member = threadIdx.x % GROUP;
        int token = item % MatmulType::TILE_TOKENS;
        int part = item / MatmulType::TILE_TOKENS;
        int first = firstRow + part * HEAD_TILE;
        if (firstToken + token >= tokens || first >= p.matmul.columns) {
            return;
        }
        uint32_t at = matmul.shared + (token * MatmulType::WIDTH + part * HEAD_TILE) * 4;
        tile<GROUP, QUADS>(at, member * QUADS, firstToken + token, rows[token], first);
    }

    /** Loads the logits of a quad; those past the vocabulary are -infinity. */
    __device__ __forceinline__ void load(uint32_t at, float scale, int first, int quad, float (&l)[4]) const {
        float4 four;
        asm volatile("ld.shared.v4.f32 {%0,%1,%2,%3}, [%4];"
                     : "=f"(four.x), "=f"(four.y), "=f"(four.z), "=f"(four.w)
                     : "r"(at + quad * 16)
                     : "memory");
        l[0] = four.x * scale;
        l[1] = four.y * scale;
        l[2] = four.z * scale;
        l[3] = four.w * scale;
        int left = p.matmul.columns - first - quad * 4;
        if (left < 4) {
#pragma unroll
            for (int j = 0; j < 4; j++) {
                l[j] = j < left ? l[j] : -INFINITY;
            }
        }
    }

    /** Writes the HeadTile of the 64 tokens of a row from `first` on; this thread has QUADS quads of them. */
    template <int GROUP, int QUADS>
    __device__ __forceinline__ void tile(uint32_t at, int firstQuad, int index, const HeadRow& row, int first) const {
        unsigned group = ((1u << GROUP) - 1) << (threadIdx.x % WARP / GROUP * GROUP);
        bool bad = false;
        float max = -INFINITY;
        int maxQuad = firstQuad;
        float l[4];
#pragma unroll
        for (int i = 0; i < QUADS; i++) {
            load(at, row.scale, first, firstQuad + i, l);
            bad |= !(l[0] < INFINITY) | !(l[1] < INFINITY) | !(l[2] < INFINITY) | !(l[3] < INFINITY);
            float most = fmaxf(fmaxf(l[0], l[1]), fmaxf(l[2], l[3]));
            if (most > max) {
                max = most;
                maxQuad = firstQuad + i;
            }
        }
        load(at, row.scale, first, maxQuad, l);
        SamplePick best = {max, first + maxQuad * 4 + (l[0] == max ? 0 : (l[1] == max ? 1 : (l[2] == max ? 2 : 3)))};
#pragma unroll
        for (int step = GROUP / 2; step > 0; step >>= 1) {
            SamplePick other;
            other.value = __shfl_xor_sync(group, best.value, step);
            other.token = __shfl_xor_sync(group, best.token, step);
            best = better(best, other);
        }
        bool alive = best.value > -INFINITY;
        if (GROUP > 1) {
            bad = __any_sync(group, bad);
        }
        u64 out = (u64)index * dividedUp(p.matmul.columns, HEAD_TILE) + first / HEAD_TILE;
        HeadTile found = {best.value, best.token, -INFINITY, (bad ? BAD : 0) | (alive ? ALIVE : 0)};
        if (row.inverse > 0.0f && !bad && alive) {
            Ranks ranks = rank<GROUP, QUADS>(group, at, firstQuad, row, first);
            found.rank = ranks.first;
            bool ranked = fabsf(ranks.first) < RANKABLE;
            if (ranked && ranks.second < withSlack(ranks.first)) {
                if (threadIdx.x % GROUP == 0) {
                    p.candidates[out] = ranks.candidate;
                }
            } else {
                found.state |= SEVERAL | (ranked ? 0 : UNRANKED);
                for (int i = 0; i < QUADS; i++) {
                    load(at, row.scale, first, firstQuad + i, l);
                    float* logits = p.matmul.outRows + (size_t)index * pad64(p.matmul.columns) + first + (firstQuad + i) * 4;
                    *(float4*)logits = make_float4(l[0], l[1], l[2], l[3]);
                }
            }
        }
        if (threadIdx.x % GROUP == 0) {
            *(int4*)(p.tiles + out) = make_int4(__float_as_int(found.max), found.best, __float_as_int(found.rank), found.state);
        }
    }

    /** The two highest ranks of a tile. Ranks below the slack of the highest may be left out. */
    template <int GROUP, int QUADS>
    __device__ __forceinline__ Ranks rank(unsigned group, uint32_t at, int firstQuad, const HeadRow& row, int first) const {
        auto wordsOfQuad = [&](int quad) {
            return philox((unsigned)(first >> 2) + quad, (unsigned)row.position, row.completion, 0u, (unsigned)row.seed,
                          (unsigned)(row.seed >> 32));
        };
        // As in sample_scan, upper bounds of the noise come first: the token with the highest gives a threshold that few reach.
        float promise = -INFINITY;
        float promising = -INFINITY;
        unsigned promisingWord = 0;
#pragma unroll 2
        for (int i = 0; i < QUADS; i++) {
            int quad = firstQuad + i;
            float l[4];
            load(at, row.scale, first, quad, l);
            uint4 words = wordsOfQuad(quad);
#pragma unroll
            for (int j = 0; j < 4; j++) {
                float most = __fmaf_rn(l[j], row.inverse, gumbelCeiling(wordOf(words, j)));
                if (most > promise) {
                    promise = most;
                    promising = l[j];
                    promisingWord = wordOf(words, j);
                }
            }
        }
        float bound = __fmaf_rn(promising, row.inverse, gumbel(promisingWord));
#pragma unroll
        for (int step = GROUP / 2; step > 0; step >>= 1) {
            bound = fmaxf(bound, __shfl_xor_sync(group, bound, step));
        }
        float needed = withSlack(bound);
        Ranks ranks = {-INFINITY, -INFINITY, {-INFINITY, NO_TOKEN}};
#pragma unroll 1
        for (int i = 0; i < QUADS; i++) {
            int quad = firstQuad + i;
            float l[4];
            load(at, row.scale, first, quad, l);
            uint4 words = wordsOfQuad(quad);
#pragma unroll
            for (int j = 0; j < 4; j++) {
                unsigned word = wordOf(words, j);
                if (__fmaf_rn(l[j], row.inverse, gumbelCeiling(word)) >= needed) {
                    add(ranks, __fmaf_rn(l[j], row.inverse, gumbel(word)), SamplePick{l[j], first + quad * 4 + j});
                }
            }
        }
#pragma unroll
        for (int step = GROUP / 2; step > 0; step >>= 1) {
            Ranks other;
            other.first = __shfl_xor_sync(group, ranks.first, step);
            other.second = __shfl_xor_sync(group, ranks.second, step);
            other.candidate.value = __shfl_xor_sync(group, ranks.candidate.value, step);
            other.candidate.token = __shfl_xor_sync(group, ranks.candidate.token, step);
            float second = fmaxf(ranks.second, other.second);
            add(ranks, other.first, other.candidate);
            ranks.second = fmaxf(ranks.second, second);
        }
        return ranks;
    }
};

#define HEAD(NAME, T, THREADS, CTAS, TOKENS, ...)                                                                   \
    extern "C" __global__ void __launch_bounds__(THREADS, CTAS) head_##NAME(const __grid_constant__ HeadParams p) { \
        __shared__ HeadRow rows[TOKENS];                                                                            \
        Matmul<T, __VA_ARGS__> matmul{p.matmul};                                                                    \
        matmul.run(SampleEpilogue{p, rows});                                                                        \
    }
#define HEADS(TYPE, T)                                    \
    HEAD(TYPE##_16, T, 128, 2, 16, 64, 16, 4, 1, 8, 1)    \
    HEAD(TYPE##_32, T, 128, 2, 32, 64, 32, 4, 1, 6, 1)    \
    HEAD(TYPE##_64, T, 128, 2, 64, 64, 64, 4, 1, 6, 1)    \
    HEAD(TYPE##_128, T, 128, 2, 128, 64, 128, 4, 1, 4, 1) \
    HEAD(TYPE##_large, T, 256, 1, 128, 128, 128, 2, 4, 3, 1)

HEADS(bf16, Bf16)
HEADS(f16, F16)

/** The oracle: one thread per tile, from logits in outRows. If several tokens may win, they are already there. */
extern "C" __global__ void __launch_bounds__(128) oracle_head(const __grid_constant__ HeadParams p) {
    beginWithInputs();
    int tiles = dividedUp(p.matmul.columns, HEAD_TILE);
    int tile = blockIdx.x * blockDim.x + threadIdx.x;
    int index = blockIdx.y;
    if (tile >= tiles || index >= matmulTokens(p.matmul)) {
        return;
    }
    const SampleRow& row = p.rows[p.sample[STEP_HEADER + index]];
    int position = p.sample[STEP_HEADER + p.maxRows + index];
    bool greedy = row.temperature < LEAST_NORMAL;
    float inverse = greedy ? -1.0f : __fdiv_rn(1.0f, row.temperature);
    const float* logits = p.matmul.outRows + (size_t)index * pad64(p.matmul.columns);
    SamplePick best = {-INFINITY, NO_TOKEN};
    Ranks ranks = {-INFINITY, -INFINITY, {-INFINITY, NO_TOKEN}};
    bool bad = false;
    for (int token = tile * HEAD_TILE; token < min(p.matmul.columns, (tile + 1) * HEAD_TILE); token++) {
        float l = logits[token];
        bad |= !(l < INFINITY);
        best = better(best, SamplePick{l, token});
        add(ranks, __fmaf_rn(l, inverse, noiseOf(row, position, token)), SamplePick{l, token});
    }
    bool alive = best.value > -INFINITY;
    HeadTile found = {best.value, best.token, -INFINITY, (bad ? BAD : 0) | (alive ? ALIVE : 0)};
    if (!greedy && !bad && alive) {
        found.rank = ranks.first;
        bool ranked = fabsf(ranks.first) < RANKABLE;
        bool several = !ranked || ranks.second >= withSlack(ranks.first);
        found.state |= (several ? SEVERAL : 0) | (ranked ? 0 : UNRANKED);
        if (!several) {
            p.candidates[(u64)index * tiles + tile] = ranks.candidate;
        }
    }
    p.tiles[(u64)index * tiles + tile] = found;
}

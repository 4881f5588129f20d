// head_gemm: the head with sampling in its epilogue (head.cu), to the bit, on Hopper's tensor cores (wgmma). BF16, compute capability 9.0.
//
// Shapes    as head.cu
// GEMM      Gemm of gemm.h, for weights of one segment: persistent CTAs; copies of the next tile overlap the epilogue
// Sampling  A warp has the logits of 16 tokens of x and 64 of the vocabulary (a part) as fragments; four lanes find a token's highest logit and
//           write its HeadTile. If any of the 16 is not greedy, the warp then stores the logits in shared memory, one part at a time: two lanes
//           have a token's 64 logits, in quads of one Philox block each. They first compute tight upper bounds of the ranks, without exact
//           noise (noiseCeiling). The exact rank of the token with the highest bound in each lane rules out nearly all others; those left are
//           ranked.
//
//   A x B         A tokens of x, B of the vocabulary; GemmTiles.java chooses the tile
//
// Sampling parameters are read before the inputs are ready.
//
// Registers: at most 168.
// Roofline: that of the GEMM, as head.cu; see docs/kernels.md
#include "gemm.h"
#include "head_sample.h"
#include "head_tiles.h"

#if __CUDA_ARCH__ >= 900

/** Sampling parameters of a row. */
struct SampledRow {
    u64 seed;
    unsigned completion;
    int position;
    float inverse;  // 1 / temperature; -1: greedy
};

/** The epilogue: a CTA's sums to HeadTiles. */
template <class GemmType>
struct SampleEpilogue {
    static constexpr int SUBTILES = GemmType::SUBTILES;
    static constexpr int ACCUMULATORS = GemmType::ACCUMULATORS;
    static constexpr int PARTS = ACCUMULATORS * 2 / HEAD_TILE;
    static constexpr int EIGHTS = HEAD_TILE / 8;
    /** Shared memory of a warp, for a part's logits of 16 tokens: [eight][token][half of the eight]. */
    static constexpr int EIGHT_BYTES = 16 * 8 * 4;
    static constexpr int WARP_BYTES = EIGHTS * EIGHT_BYTES;

    const HeadParams& p;
    uint32_t shared;  // behind the shared memory of the GEMM
    int prepared;     // first token of x of `rows`
    SampledRow rows[SUBTILES];

    /** The one of a warp's 16 tokens that this lane samples; its neighbour has the other half of the quads. */
    __device__ __forceinline__ static int tokenOfLane() { return threadIdx.x % WARP / 2; }

    __device__ __forceinline__ static int firstOfWarp() { return GemmType::fragmentToken() - threadIdx.x % WARP / 4; }

    __device__ __forceinline__ void prepare(const GemmType& gemm) {
        shared += gemm.ring;
        prepared = -1;
        if (blockIdx.x < gemm.tokenTiles() * gemm.rowTiles()) {
            begin(gemm, gemm.place(blockIdx.x).token);
        }
    }

    __device__ __forceinline__ void begin(const GemmType& gemm, int firstToken) {
        if (firstToken == prepared) {
            return;
        }
        prepared = firstToken;
#pragma unroll
        for (int i = 0; i < SUBTILES; i++) {
            int index = STEP_HEADER + min(firstToken + firstOfWarp() + tokenOfLane() + 64 * i, gemm.tokens - 1);
            const SampleRow& row = p.rows[p.sample[index]];
            float t = row.temperature;
            rows[i] = SampledRow{row.seed, row.completion, p.sample[index + p.maxRows], t < LEAST_NORMAL ? -1.0f : __fdiv_rn(1.0f, t)};
        }
    }

    __device__ __forceinline__ void finish(const GemmType& gemm, int firstToken, int firstRow, const float (&scales)[SUBTILES][2],
                                           const float (&acc)[SUBTILES][ACCUMULATORS]) const {
        unsigned finite[SUBTILES];  // a bit per part: whether the lane's token can be sampled from it
        bool samples = false;
#pragma unroll
        for (int i = 0; i < SUBTILES; i++) {
            finite[i] = 0;
            int token = firstToken + firstOfWarp() + 64 * i;
            if (token < gemm.tokens) {
#pragma unroll
                for (int part = 0; part < PARTS; part++) {
                    int first = firstRow + part * HEAD_TILE;
                    if (first < p.matmul.columns) {
                        finite[i] |= findHighest(gemm.tokens, token, first, scales[i], acc[i], part) << part;
                    }
                }
            }
            // From the lanes that hold it.
            finite[i] = __shfl_sync(ALL_LANES, finite[i], tokenOfLane() % 8 * 4 + tokenOfLane() / 8);
            finite[i] = rows[i].inverse > 0.0f ? finite[i] : 0;
            samples |= finite[i] != 0;
        }
        if (__any_sync(ALL_LANES, samples)) {
            // Not unrolled: one copy of the code for all parts.
#pragma unroll 1
            for (int i = 0; i < SUBTILES * PARTS; i++) {
                int index = firstToken + firstOfWarp() + i / PARTS * 64 + tokenOfLane();
                SampledRow row = rows[0];
                unsigned may = finite[0];
#pragma unroll
                for (int j = 1; j < SUBTILES; j++) {
                    row = i / PARTS == j ? rows[j] : row;
                    may = i / PARTS == j ? finite[j] : may;
                }
                may = index < gemm.tokens ? may >> i % PARTS & 1 : 0;
                if (!__any_sync(ALL_LANES, may)) {
                    continue;
                }
#pragma unroll
                for (int j = 0; j < SUBTILES * PARTS; j++) {
                    if (i == j) {
                        spread(scales[j / PARTS], acc[j / PARTS], j % PARTS);
                    }
                }
                __syncwarp();
                sample(index, row, may, firstRow + i % PARTS * HEAD_TILE);
                __syncwarp();
            }
        }
    }

    /**
     * Writes the HeadTiles of 16 tokens of x, as if all were greedy. Returns whether this lane's token has no bad logit and one above -infinity:
     * of lanes 4 g + c it is token g if c is even, otherwise g + 8.
     */
    __device__ __forceinline__ unsigned findHighest(
            int tokens, int token, int first, const float (&scales)[2], const float (&acc)[ACCUMULATORS], int part) const {
        float l[2][2 * EIGHTS];
        int c = threadIdx.x % 4;
#pragma unroll
        for (int k = 0; k < 4 * EIGHTS; k++) {
            l[k / 2 % 2][k / 4 * 2 + k % 2] = acc[part * 4 * EIGHTS + k] * scales[k / 2 % 2];
        }
        if (first + HEAD_TILE > p.matmul.columns) {
#pragma unroll
            for (int k = 0; k < 4 * EIGHTS; k++) {
                float& x = l[k / 2 % 2][k / 4 * 2 + k % 2];
                x = first + k / 4 * 8 + 2 * c + k % 2 < p.matmul.columns ? x : -INFINITY;
            }
        }
        bool odd = c % 2;
        float most[2] = {maximum<2 * EIGHTS>(l[0]), maximum<2 * EIGHTS>(l[1])};
        float mine = maxOrNan(odd ? most[1] : most[0], __shfl_xor_sync(ALL_LANES, odd ? most[0] : most[1], 1));
        mine = maxOrNan(mine, __shfl_xor_sync(ALL_LANES, mine, 2));
        float other = __shfl_xor_sync(ALL_LANES, mine, 1);
        most[0] = odd ? other : mine;
        most[1] = odd ? mine : other;
        int at[2];
#pragma unroll
        for (int half = 0; half < 2; half++) {
            at[half] = HEAD_TILE;
#pragma unroll
            for (int k = 2 * EIGHTS - 1; k >= 0; k--) {
                at[half] = l[half][k] == most[half] ? k / 2 * 8 + k % 2 : at[half];
            }
            at[half] += first + 2 * c;
        }
        int best = min(odd ? at[1] : at[0], __shfl_xor_sync(ALL_LANES, odd ? at[0] : at[1], 1));
        best = min(best, __shfl_xor_sync(ALL_LANES, best, 2));
        bool bad = !(mine < INFINITY);
        bool alive = mine > -INFINITY;
        int index = token + threadIdx.x % WARP / 4 + 8 * odd;
        if (c < 2 && index < tokens) {
            *(int4*)(p.tiles + tileOf(index, first)) =
                    make_int4(__float_as_int(mine), best, __float_as_int(-INFINITY), (bad ? BAD : 0) | (alive ? ALIVE : 0));
        }
        return !bad && alive;
    }

    __device__ __forceinline__ u64 tileOf(int index, int first) const {
        return (u64)index * dividedUp(p.matmul.columns, HEAD_TILE) + first / HEAD_TILE;
    }

    template <int COUNT>
    __device__ __forceinline__ static float maximum(const float* x) {
        if constexpr (COUNT == 1) {
            return *x;
        } else {
            return maxOrNan(maximum<COUNT / 2>(x), maximum<COUNT / 2>(x + COUNT / 2));
        }
    }

    /** Address of the warp's logits. */
    __device__ __forceinline__ uint32_t ofWarp() const { return shared + threadIdx.x / WARP * WARP_BYTES; }

    /** Stores a part's logits in shared memory. */
    __device__ __forceinline__ void spread(const float (&scales)[2], const float (&acc)[ACCUMULATORS], int part) const {
        uint32_t to = ofWarp() + threadIdx.x % WARP * 8;
#pragma unroll
        for (int k = 0; k < 2 * EIGHTS; k++) {
            const float* sums = acc + part * 4 * EIGHTS + 2 * k;
            asm volatile("st.shared.v2.f32 [%0], {%1, %2};" ::"r"(to + k / 2 * EIGHT_BYTES + k % 2 * (EIGHT_BYTES / 2)),
                         "f"(sums[0] * scales[k % 2]), "f"(sums[1] * scales[k % 2])
                         : "memory");
        }
    }

    /** Loads the logits of a quad of this lane; those past the vocabulary are -infinity. */
    __device__ __forceinline__ void load(int first, int quad, float (&l)[4]) const {
        asm volatile("ld.shared.v4.f32 {%0,%1,%2,%3}, [%4];"
                     : "=f"(l[0]), "=f"(l[1]), "=f"(l[2]), "=f"(l[3])
                     : "r"(ofWarp() + quad * EIGHT_BYTES + threadIdx.x % WARP * 16)
                     : "memory");
        if (first + HEAD_TILE > p.matmul.columns) {
#pragma unroll
            for (int k = 0; k < 4; k++) {
                l[k] = tokenOf(first, quad) + k < p.matmul.columns ? l[k] : -INFINITY;
            }
        }
    }

    /** The first token of a quad of this lane. */
    __device__ __forceinline__ static int tokenOf(int first, int quad) { return first + quad * 8 + threadIdx.x % 2 * 4; }

    /** Completes the HeadTile of row `index` with rank and candidate, if the token `may` be sampled. */
    __device__ __forceinline__ void sample(int index, const SampledRow& row, bool may, int first) const {
        Ranks ranks = rank(row, may, first);
        if (!may) {
            return;
        }
        bool ranked = fabsf(ranks.first) < RANKABLE;
        bool several = !ranked || !(ranks.second < withSlack(ranks.first));
        if (several) {
            float* logits = p.matmul.outRows + (size_t)index * pad64(p.matmul.columns);
#pragma unroll 1
            for (int quad = 0; quad < EIGHTS; quad++) {
                float l[4];
                load(first, quad, l);
                *(float4*)(logits + tokenOf(first, quad)) = make_float4(l[0], l[1], l[2], l[3]);
            }
        }
        if (threadIdx.x % 2 == 0) {
            u64 out = tileOf(index, first);
            if (!several) {
                p.candidates[out] = ranks.candidate;
            }
            HeadTile* tile = p.tiles + out;
            tile->rank = ranks.first;
            tile->state = ALIVE | (several ? SEVERAL : 0) | (ranked ? 0 : UNRANKED);
        }
    }

    __device__ __forceinline__ static uint4 wordsOf(const SampledRow& row, int token) {
        return philox((unsigned)token >> 2, (unsigned)row.position, row.completion, 0u, (unsigned)row.seed, (unsigned)(row.seed >> 32));
    }

    /** Upper bounds of the ranks of a quad's tokens. */
    __device__ __forceinline__ static void ceilings(const float (&l)[4], uint4 words, float inverse, float (&most)[4]) {
#pragma unroll
        for (int k = 0; k < 4; k++) {
            most[k] = __fmaf_rn(l[k], inverse, noiseCeiling(wordOf(words, k)));
        }
    }

    /** The two highest ranks of a row's part, over both lanes that have it. Ranks below the slack of the highest may be left out. */
    __device__ __forceinline__ Ranks rank(const SampledRow& row, bool may, int first) const {
        float promise = -INFINITY;
        float behind = -INFINITY;  // the highest of all others
        int at = 0;
        float l[4];
        float most[4];
#pragma unroll 4
        for (int quad = 0; quad < EIGHTS; quad++) {
            load(first, quad, l);
            ceilings(l, wordsOf(row, tokenOf(first, quad)), row.inverse, most);
            float top = fmaxf(fmaxf(most[0], most[1]), fmaxf(most[2], most[3]));
            behind = fmaxf(behind, fminf(promise, top));
            at = top > promise ? quad : at;
            promise = fmaxf(promise, top);
        }
        load(first, at, l);
        uint4 words = wordsOf(row, tokenOf(first, at));
        ceilings(l, words, row.inverse, most);
        float top = most[0];
        SamplePick promising = {l[0], tokenOf(first, at)};
        unsigned word = words.x;
#pragma unroll
        for (int k = 1; k < 4; k++) {
            bool more = most[k] > top;
            behind = fmaxf(behind, more ? top : most[k]);
            promising = more ? SamplePick{l[k], tokenOf(first, at) + k} : promising;
            word = more ? wordOf(words, k) : word;
            top = more ? most[k] : top;
        }
        Ranks ranks = {__fmaf_rn(promising.value, row.inverse, gumbel(word)), -INFINITY, promising};
        float needed = withSlack(fmaxf(ranks.first, __shfl_xor_sync(ALL_LANES, ranks.first, 1)));
        bool more = may && behind >= needed;
        if (__any_sync(ALL_LANES, more)) {
            if (more) {
                ranks = {-INFINITY, -INFINITY, {-INFINITY, NO_TOKEN}};
            }
#pragma unroll 1
            for (int quad = 0; quad < EIGHTS; quad++) {
                load(first, quad, l);
                words = wordsOf(row, tokenOf(first, quad));
                ceilings(l, words, row.inverse, most);
#pragma unroll
                for (int k = 0; k < 4; k++) {
                    if (more && most[k] >= needed) {
                        add(ranks, __fmaf_rn(l[k], row.inverse, gumbel(wordOf(words, k))), SamplePick{l[k], tokenOf(first, quad) + k});
                    }
                }
            }
        }
        __syncwarp();
        Ranks other;
        other.first = __shfl_xor_sync(ALL_LANES, ranks.first, 1);
        other.second = __shfl_xor_sync(ALL_LANES, ranks.second, 1);
        other.candidate.value = __shfl_xor_sync(ALL_LANES, ranks.candidate.value, 1);
        other.candidate.token = __shfl_xor_sync(ALL_LANES, ranks.candidate.token, 1);
        add(ranks, other.first, other.candidate);
        ranks.second = fmaxf(ranks.second, other.second);
        return ranks;
    }
};

#define HEAD_BODY(T, TOKENS, ROWS, SEGMENTS, MOST, STAGES)                                                                      \
    using Type = Gemm<T, TOKENS, ROWS, SEGMENTS, MOST, STAGES>;                                                                 \
    static_assert(headSharedBytes(TOKENS, ROWS, STAGES) ==                                                                      \
                          gemmSharedBytes(TOKENS, ROWS, 1, STAGES) + Type::CONSUMERS / WARP * SampleEpilogue<Type>::WARP_BYTES, \
                  "");                                                                                                          \
    Type gemm{p.matmul};                                                                                                        \
    SampleEpilogue<Type> epilogue{p, gemmSharedBytes(TOKENS, ROWS, 1, STAGES)};                                                 \
    gemm.run(epilogue);
#else
#define HEAD_BODY(...)
#endif

/** A kernel of a line of HEAD_TILES. It does nothing on GPUs other than Hopper. */
#define HEAD(NAME, TOKENS, ROWS, SEGMENTS, MOST, STAGES, CTAS)                          \
    extern "C" __global__ void __launch_bounds__(gemmThreads(TOKENS, ROWS, MOST), CTAS) \
            head_bf16_##NAME(const __grid_constant__ HeadParams p) {                    \
        HEAD_BODY(Bf16, TOKENS, ROWS, SEGMENTS, MOST, STAGES)                           \
    }

HEAD_TILES(HEAD)

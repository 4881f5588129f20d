// attention_prefill_sm90: attention of rows of several tokens on Hopper's tensor cores
//
// Shapes   as attention.cu
// Order    the contract of docs/numerics.md: the same bits as attention_prefill
// Items    128 pairs of one kv head: pair i is token i / group, head i % group. A CTA takes the next item when it is free; the longest
//          items of a row come first, all of a kv head before the next, so that its K and V stay in L2.
// Warps    two consumer warpgroups take turns on the tensor cores: each starts the scores of tile j + 1, then the output of tile j, and
//          computes the weights of tile j + 1 while the latter runs. A third warpgroup produces: one warp copies K, one V, one takes
//          the next item and copies the first consumer's queries, one the second consumer's.
//
//          tensor cores   S0   S1 O0      S2 O1      S3 O2      ...      one warpgroup; the other fills the gaps
//          softmax           0    1          2          3
//
// Memory   a ring of stages, each a tile of K or V as in attention.cu: K0, K1, V0, K2, V1, ... Each is made of bulk copies, one per block
//          and slab. Positions that no pair of the item sees are not read; those of V are set to 0. The fold of earlier chunks is in
//          shared memory, by thread; for heads of 64 in registers.
// Registers: at most 255.
// Roofline 16,384 tokens of 32 heads of 128: 2.2 TFLOP, 2.8 ms at 788 TFLOP/s
#include "attention.h"
#include "launch.h"
#include "mma.h"
#include "wgmma_attention.h"

#if __CUDA_ARCH__ >= 900

/** An item; it is prepared while the one before is computed. */
template <int PAIRS>
struct PrefillUnit {
    int table;   // where the row's block table begins in p.blocks
    int kvHead;  // -1: no more items
    int from;    // first position that some token sees
    int limit;
    int allFrom;  // first position that all tokens see
    int allLimit;
    int reserved[2];
    int2 pairs[PAIRS];  // token * heads + head, position; -1, -1 past the last
};

template <class T, int D, int STAGES>
struct Prefill {
    static constexpr int WARPGROUPS = 2;  // consumers
    static constexpr int PAIRS = 64 * WARPGROUPS;
    static constexpr int CONSUMERS = 128 * WARPGROUPS;
    static constexpr int SLABS = D / 64;
    static constexpr int SLAB = TILE * 128;
    static constexpr int TILE_BYTES = SLABS * SLAB;
    static constexpr int QUERY_BYTES = 64 * D * 2;
    static constexpr bool FOLD_IN_REGISTERS = D == 64;
    static constexpr int FOLD_BYTES = FOLD_IN_REGISTERS ? 0 : CONSUMERS * D / 2 * 4;
    static constexpr int LANES = TILE / QUARTER;
    static_assert((STAGES & STAGES - 1) == 0, "a stage is an index's last bits");
    using Unit = PrefillUnit<PAIRS>;

    const AttentionParams& p;
    char* shared;
    int items;

    __device__ __forceinline__ uint32_t ring() const { return sharedAddress(shared); }
    __device__ __forceinline__ uint32_t stage(int index) const { return ring() + (index & STAGES - 1) * TILE_BYTES; }
    __device__ __forceinline__ uint32_t queries(int warpgroup) const { return ring() + STAGES * TILE_BYTES + warpgroup * QUERY_BYTES; }
    __device__ __forceinline__ float4* folded() const { return (float4*)(shared + STAGES * TILE_BYTES + WARPGROUPS * QUERY_BYTES) + threadIdx.x; }
    __device__ __forceinline__ Unit& unit(int n) const {
        return ((Unit*)(shared + STAGES * TILE_BYTES + WARPGROUPS * QUERY_BYTES + FOLD_BYTES))[n & 1];
    }
    __device__ __forceinline__ uint32_t barriers() const {
        return ring() + STAGES * TILE_BYTES + WARPGROUPS * QUERY_BYTES + FOLD_BYTES + 2 * sizeof(Unit);
    }
    __device__ __forceinline__ uint32_t full(int stage) const { return barriers() + 8 * stage; }
    __device__ __forceinline__ uint32_t empty(int stage) const { return barriers() + 8 * (STAGES + stage); }
    __device__ __forceinline__ uint32_t unitFull(int n) const { return barriers() + 8 * (2 * STAGES + (n & 1)); }
    __device__ __forceinline__ uint32_t unitEmpty(int n) const { return barriers() + 8 * (2 * STAGES + 2 + (n & 1)); }
    __device__ __forceinline__ uint32_t unitWanted() const { return barriers() + 8 * (2 * STAGES + 4); }
    __device__ __forceinline__ uint32_t queriesFull(int warpgroup) const { return barriers() + 8 * (2 * STAGES + 5 + warpgroup); }
    __device__ __forceinline__ uint32_t queriesEmpty(int warpgroup) const { return barriers() + 8 * (2 * STAGES + 5 + WARPGROUPS + warpgroup); }

    /** Which tile of an item is the i-th in the ring; the first tile's K is number 0. */
    __device__ __forceinline__ static int indexOfKeys(int tile) { return max(2 * tile - 1, 0); }
    __device__ __forceinline__ static int indexOfValues(int tile, int tiles) { return min(2 * tile + 2, 2 * tiles - 1); }

    __device__ __forceinline__ void awaitFull(int index) const { waitBarrier(full(index & STAGES - 1), index / STAGES & 1); }

    /**
     * One warp: finds the items of this CTA, and copies the queries of the first consumer. Its first is its number; from then on it takes the next
     * that nobody has.
     */
    __device__ __forceinline__ void findUnits() const {
        int lane = threadIdx.x & 31;
        int group = p.heads / p.kvHeads;
        int units = items * p.kvHeads;
        int next = blockIdx.x;
        for (int n = 0;; n++) {
            if (n > 0) {
                waitBarrier(unitWanted(), (n - 1) & 1);
                if (lane == 0) {
                    int before = atomicAdd(&p.work->nextPrefill, 1);
                    next = gridDim.x + before;
                    // The last of as many requests as there are items, over all CTAs, sets the counter back.
                    if (before == units - 1) {
                        p.work->nextPrefill = 0;
                    }
                }
                next = __shfl_sync(ALL_LANES, next, 0);
            }
            waitBarrier(unitEmpty(n), (n >> 1 & 1) ^ 1);
            Unit& to = unit(n);
            if (next >= units) {
                if (lane == 0) {
                    to.kvHead = -1;
                    arrive(unitFull(n));
                }
                return;
            }
            PrefillItem item = p.prefill[items - 1 - next % items];
            int kvHead = next / items;
            int firstToken = p.rowStart[item.row];
            int pairs = min(PAIRS, (p.rowStart[item.row + 1] - firstToken) * group - item.firstPair);
#pragma unroll 2
            for (int i = lane; i < PAIRS; i += 32) {
                int pair = item.firstPair + i;
                int token = firstToken + pair / group;
                to.pairs[i] = i < pairs ? make_int2(token * p.heads + kvHead * group + pair % group, p.positions[token]) : make_int2(-1, -1);
            }
            if (lane == 0) {
                int first = p.positions[firstToken + item.firstPair / group];
                int last = p.positions[firstToken + (item.firstPair + pairs - 1) / group];
                to.table = p.rowTable[item.row] * p.tableStride;
                to.kvHead = kvHead;
                to.from = firstSeen(first, p.window);
                to.limit = last + 1;
                to.allFrom = firstSeen(last, p.window);
                to.allLimit = first + 1;
            }
            __syncwarp();
            if (lane == 0) {
                arrive(unitFull(n));
            }
            if (n == 0) {
                waitForInputs();
            }
            copyQueries(n, 0);
        }
    }

    /** The part of a tile that this lane copies; a slab of it is at most 16 pieces. */
    struct Piece {
        int block;  // index in the row's table
        int from;   // first position
        int to;

        __device__ __forceinline__ Piece(int tile, int blockSize, int seenFrom, int seenTo) {
            int lane = threadIdx.x & 31;
            block = tile * TILE / blockSize + (lane & 15);
            from = max(max(tile * TILE, block * blockSize), seenFrom);
            to = min(min(tile * TILE + TILE, block * blockSize + blockSize), seenTo);
            if (lane >= 16 * SLABS) {
                to = from;
            }
        }
    };

    __device__ __forceinline__ int blockOf(const Piece& piece, int table) const { return piece.from < piece.to ? p.blocks[table + piece.block] : 0; }

    /** Copies K (0) or V (1) of a tile into its stage; one warp. */
    __device__ __forceinline__ void copyTile(int index, int value, int tile, int block, int kvHead, int from, int limit) const {
        int lane = threadIdx.x & 31;
        int stage = index & STAGES - 1;
        Piece piece(tile, p.blockSize, from, limit);
        uint32_t to = ring() + stage * TILE_BYTES;
        int first = max(from - tile * TILE, 0);
        int last = min(limit - tile * TILE, TILE);
        waitBarrier(empty(stage), (index / STAGES & 1) ^ 1);
        if (value != 0 && last - first < TILE) {
            // No pair sees these positions; their values are multiplied by 0.
            for (int i = lane; i < TILE * 8; i += 32) {
                int row = i >> 3;
                if (row < first || row >= last) {
#pragma unroll
                    for (int slab = 0; slab < SLABS; slab++) {
                        asm volatile("st.shared.v4.u32 [%0], {%1, %1, %1, %1};" ::"r"(to + slab * SLAB + i * 16), "r"(0) : "memory");
                    }
                }
            }
            storesReady();
            __syncwarp();
        }
        if (lane == 0) {
            arriveForBytes(full(stage), (last - first) * 128 * SLABS);
        }
        __syncwarp();
        if (piece.from < piece.to) {
            int slab = lane >> 4;
            const char* source = (const char*)p.kv + kvOffset(block, kvHead, value, piece.from - piece.block * p.blockSize, p.kvHeads, D, p.blockSize, 2) +
                                 (size_t)slab * p.blockSize * 128;
            copyBulk(to + slab * SLAB + (piece.from - tile * TILE) * 128, source, (piece.to - piece.from) * 128, full(stage));
        }
    }

    /** Copies K (0) or V (1) of all items; one warp. */
    __device__ __forceinline__ void copyTiles(int value) const {
        int lane = threadIdx.x & 31;
        int begin = 0;
        for (int n = 0;; n++) {
            waitBarrier(unitFull(n), n >> 1 & 1);
            const Unit& now = unit(n);
            int table = now.table;
            int kvHead = now.kvHead;
            int from = now.from;
            int limit = now.limit;
            if (kvHead < 0) {
                return;
            }
            int firstTile = from / TILE;
            int tiles = (limit - 1) / TILE - firstTile + 1;
            int block = blockOf(Piece(firstTile, p.blockSize, from, limit), table);
            if (n == 0) {
                waitForInputs();
            }
            for (int i = 0; i < tiles; i++) {
                int next = 0;
                if (i + 1 < tiles) {
                    next = blockOf(Piece(firstTile + i + 1, p.blockSize, from, limit), table);
                } else if (lane == 0) {
                    arrive(unitEmpty(n));
                    if (value == 0) {
                        arrive(unitWanted());
                    }
                }
                int index = begin + (value == 0 ? indexOfKeys(i) : indexOfValues(i, tiles));
                copyTile(index, value, firstTile + i, block, kvHead, from, limit);
                block = next;
            }
            begin += 2 * tiles;
        }
    }

    /** Copies the queries of a consumer, [slab][64][128 bytes], pieces XORed; one warp. */
    __device__ __forceinline__ void copyQueries(int n, int warpgroup) const {
        int lane = threadIdx.x & 31;
        waitBarrier(queriesEmpty(warpgroup), (n & 1) ^ 1);
#pragma unroll 4
        for (int i = lane; i < 64 * D / 8; i += 32) {
            int row = i / (D / 8);
            int piece = i % (D / 8);
            int at = unit(n).pairs[warpgroup * 64 + row].x;
            copy16OrZero(queries(warpgroup) + (piece >> 3) * 64 * 128 + row * 128 + ((piece & 7) ^ (row & 7)) * 16,
                         (const char*)p.q + (at < 0 ? 0 : (size_t)at * D * 2 + piece * 16), at >= 0);
        }
        commitCopies();
        waitCopies<0>();
        storesReady();
        __syncwarp();
        if (lane == 0) {
            arrive(queriesFull(warpgroup));
        }
    }

    /** Copies the queries of the second consumer; one warp. */
    __device__ __forceinline__ void copySecondQueries() const {
        waitForInputs();
        for (int n = 0;; n++) {
            waitBarrier(unitFull(n), n >> 1 & 1);
            if (unit(n).kvHead < 0) {
                return;
            }
            copyQueries(n, 1);
            done(unitEmpty(n));
        }
    }

    /** Softmax state of a thread's two rows: of the chunk, and of the fold. */
    struct Rows {
        float m[2];
        float l[2][LANES];
        float M[2];
        float L[2];
        float rescale[2];

        __device__ __forceinline__ void begin() {
#pragma unroll
            for (int i = 0; i < 2; i++) {
                M[i] = minusInfinity();
                L[i] = 0.0f;
                beginChunk(i);
            }
        }

        __device__ __forceinline__ void beginChunk(int i) {
            m[i] = minusInfinity();
#pragma unroll
            for (int j = 0; j < LANES; j++) {
                l[i][j] = 0.0f;
            }
        }
    };

    /** Factors that fold a chunk's sums into those before. */
    struct Factors {
        float before[2];
        float chunk[2];
    };

    __device__ __forceinline__ Factors closeChunk(Rows& rows) const {
        Factors factors;
#pragma unroll
        for (int i = 0; i < 2; i++) {
            Fold fold(rows.M[i], rows.m[i], p.scale);
            rows.M[i] = fold.max;
            float sum = closeQuad(rows.l[i][0]);
#pragma unroll
            for (int j = 1; j < LANES; j++) {
                sum += closeQuad(rows.l[i][j]);
            }
            rows.L[i] = fmaf(sum, fold.chunk, rows.L[i] * fold.before);
            factors.before[i] = fold.before;
            factors.chunk[i] = fold.chunk;
            rows.beginChunk(i);
        }
        return factors;
    }

    /** Sets scores to -infinity where a row does not see a position of the tile. */
    __device__ __forceinline__ static void mask(float (&s)[64], int tile, const int (&seenFrom)[2], const int (&seenTo)[2]) {
        int first = tile * TILE + (threadIdx.x & 3) * 2;
#pragma unroll
        for (int j = 0; j < 16; j++) {
#pragma unroll
            for (int k = 0; k < 4; k++) {
                int at = first + 8 * j + (k & 1);
                if (at < seenFrom[k >> 1] || at >= seenTo[k >> 1]) {
                    s[4 * j + k] = minusInfinity();
                }
            }
        }
    }

    /** Turns scores into weights, which are not rounded yet. */
    __device__ __forceinline__ void weigh(float (&s)[64], Rows& rows) const {
#pragma unroll
        for (int i = 0; i < 2; i++) {
            float most[4];
#pragma unroll
            for (int j = 0; j < 4; j++) {
                most[j] = fmaxf(s[4 * j + 2 * i], s[4 * j + 2 * i + 1]);
            }
#pragma unroll
            for (int j = 4; j < 16; j++) {
                most[j & 3] = fmaxf(most[j & 3], fmaxf(s[4 * j + 2 * i], s[4 * j + 2 * i + 1]));
            }
            float all = fmaxf(fmaxf(most[0], most[1]), fmaxf(most[2], most[3]));
            all = fmaxf(all, __shfl_xor_sync(ALL_LANES, all, 1));
            all = fmaxf(all, __shfl_xor_sync(ALL_LANES, all, 2));
            Shift shift(rows.m[i], all, p.scale);
            rows.m[i] = shift.max;
            rows.rescale[i] = shift.rescale;
#pragma unroll
            for (int j = 0; j < LANES; j++) {
                rows.l[i][j] *= shift.rescale;
            }
#pragma unroll
            for (int j = 0; j < 16; j++) {
                float& low = s[4 * j + 2 * i];
                float& high = s[4 * j + 2 * i + 1];
                low = shift.weight(low, p.scale);
                high = shift.weight(high, p.scale);
                rows.l[i][j / (QUARTER / 8)] += low;
                rows.l[i][j / (QUARTER / 8)] += high;
            }
        }
    }

    /**
     * Keeps the wait for wgmma that follows behind the weights: ptxas otherwise moves the weights behind the wait, and nothing is left to do
     * meanwhile. No sum of weights is negative.
     */
    __device__ __forceinline__ static void holdHere(const Rows& rows) {
        int signs = 0;
#pragma unroll
        for (int i = 0; i < 2; i++) {
#pragma unroll
            for (int j = 0; j < LANES; j++) {
                signs |= __float_as_int(rows.l[i][j]);
            }
        }
        if (signs < 0) {
            __nanosleep(0);
        }
    }

    /** Starts the scores of a tile; they are in flight when this returns. */
    __device__ __forceinline__ static void multiplyKeys(float (&s)[64], uint32_t queries, uint32_t keys) {
        uint64_t a = matrixDescriptor(queries);
        uint64_t b = matrixDescriptor(keys);
        beginProducts();
        beginScores<T>(s, a, b);
#pragma unroll
        for (int step = 1; step < D / 16; step++) {
            Wgmma<T, TILE>::add(s, a + (step >> 2) * (64 * 128 >> 4) + (step & 3) * 2, b + (step >> 2) * (SLAB >> 4) + (step & 3) * 2);
        }
        commitProducts();
    }

    /** Starts weights times values of a tile, likewise. */
    __device__ __forceinline__ static void multiplyValues(float (&o)[D / 2], const uint32_t (&weights)[32], uint32_t values) {
        uint64_t b = columnsDescriptor(values, SLAB);
        beginProducts();
#pragma unroll
        for (int step = 0; step < TILE / 16; step++) {
            WeightedValues<T, D>::add(o, weights + 4 * step, b + step * (16 * 128 >> 4));
        }
        commitProducts();
    }

    __device__ __forceinline__ static void narrowWeights(uint32_t (&weights)[32], const float (&s)[64]) {
#pragma unroll
        for (int i = 0; i < 32; i++) {
            weights[i] = narrowPair<T>(s[2 * i], s[2 * i + 1]);
        }
    }

    /** Arrives at a barrier, by one lane of each warp. */
    __device__ __forceinline__ static void done(uint32_t barrier) {
        if (threadIdx.x % 32 == 0) {
            arrive(barrier);
        }
    }

    /** Takes this warpgroup's turn on the tensor cores, so that one warpgroup computes weights while the other multiplies. */
    __device__ __forceinline__ static void awaitTurn(int warpgroup) { syncThreads(1 + warpgroup, CONSUMERS); }

    __device__ __forceinline__ static void giveTurn(int warpgroup) {
        asm volatile("bar.arrive %0, %1;" ::"r"(1 + (warpgroup + 1) % WARPGROUPS), "r"(CONSUMERS) : "memory");
    }

    /** Folds a chunk's sums into those of the chunks before it, if there are any. The result is kept for the next chunk, or in o after the last. */
    template <bool FIRST, bool END>
    __device__ __forceinline__ void foldInto(float (&o)[D / 2], float (&kept)[FOLD_IN_REGISTERS ? D / 2 : 1], const Factors& by) const {
        float4* waiting = folded();
#pragma unroll
        for (int i = 0; i < D / 8; i++) {
            float before[4] = {0.0f, 0.0f, 0.0f, 0.0f};
            if constexpr (FOLD_IN_REGISTERS) {
#pragma unroll
                for (int j = 0; j < 4; j++) {
                    before[j] = kept[4 * i + j];
                }
            } else if constexpr (!FIRST) {
                float4 sums = waiting[i * CONSUMERS];
                before[0] = sums.x;
                before[1] = sums.y;
                before[2] = sums.z;
                before[3] = sums.w;
            }
#pragma unroll
            for (int j = 0; j < 4; j++) {
                float sum = fmaf(o[4 * i + j], by.chunk[j >> 1], before[j] * by.before[j >> 1]);
                before[j] = sum;
                o[4 * i + j] = END ? sum : 0.0f;
                if constexpr (FOLD_IN_REGISTERS && !END) {
                    kept[4 * i + j] = sum;
                }
            }
            if constexpr (!FOLD_IN_REGISTERS && !END) {
                waiting[i * CONSUMERS] = make_float4(before[0], before[1], before[2], before[3]);
            }
        }
    }

    template <bool END>
    __device__ __forceinline__ void fold(float (&o)[D / 2], float (&kept)[FOLD_IN_REGISTERS ? D / 2 : 1], const Factors& by, bool first) const {
        if (FOLD_IN_REGISTERS || !first) {
            foldInto<false, END>(o, kept, by);
        } else {
            foldInto<true, END>(o, kept, by);
        }
    }

    /** Transposes among four threads: each has a quarter of four 16-byte pieces; thread c gets piece c whole. */
    __device__ __forceinline__ static uint4 gatherPiece(uint32_t a, uint32_t b, uint32_t c, uint32_t d) {
        bool odd = threadIdx.x & 1;
        bool high = threadIdx.x & 2;
        uint32_t x = __shfl_xor_sync(ALL_LANES, odd ? a : b, 1);
        uint32_t y = __shfl_xor_sync(ALL_LANES, odd ? c : d, 1);
        uint2 one = odd ? make_uint2(x, b) : make_uint2(a, x);
        uint2 other = odd ? make_uint2(y, d) : make_uint2(c, y);
        x = __shfl_xor_sync(ALL_LANES, high ? one.x : other.x, 2);
        y = __shfl_xor_sync(ALL_LANES, high ? one.y : other.y, 2);
        return high ? make_uint4(x, y, other.x, other.y) : make_uint4(one.x, one.y, x, y);
    }

    /** Stores this thread's columns of one row. */
    __device__ __forceinline__ void store(int pair, int half, const float (&o)[D / 2], float inverse) const {
        int c = threadIdx.x & 3;
        int token = pair / p.heads;
        int head = pair - token * p.heads;
        if (p.headSize == D) {
            char* to = (char*)p.out + ((size_t)(token >> 6) * p.heads + head) * SLABS * 8192 + (token & 63) * 128;
#pragma unroll
            for (int i = 0; i < D / 32; i++) {
                uint32_t parts[4];
#pragma unroll
                for (int j = 0; j < 4; j++) {
                    const float* two = o + 16 * i + 4 * j + 2 * half;
                    parts[j] = (uint32_t)narrow<T>(two[0] * inverse).bits | (uint32_t)narrow<T>(two[1] * inverse).bits << 16;
                }
                uint4 piece = gatherPiece(parts[0], parts[1], parts[2], parts[3]);
                if (pair >= 0) {
                    *(uint4*)(to + (i >> 1) * 8192 + (((i & 1) * 4 + c) ^ (token & 7)) * 16) = piece;
                }
            }
        } else if (pair >= 0) {
#pragma unroll
            for (int j = 0; j < D / 8; j++) {
                storeOut<T>(p, token, head, j * 8 + c * 2, o[4 * j + 2 * half] * inverse, o[4 * j + 2 * half + 1] * inverse);
            }
        }
    }

    /** A consumer warpgroup: 64 pairs of each item. */
    __device__ __forceinline__ void consume() const {
        int warpgroup = threadIdx.x / 128;
        int row = threadIdx.x % 128 / 32 * 16 + threadIdx.x % 32 / 4;
        waitForInputs();
        if (warpgroup == WARPGROUPS - 1) {
            giveTurn(warpgroup);
        }
        int begin = 0;
        for (int n = 0;; n++) {
            waitBarrier(unitFull(n), n >> 1 & 1);
            const Unit& now = unit(n);
            if (now.kvHead < 0) {
                return;
            }
            int firstTile = now.from / TILE;
            int tiles = (now.limit - 1) / TILE - firstTile + 1;
            int allFrom = now.allFrom;
            int allLimit = now.allLimit;
            int pair[2];
            int seenFrom[2];
            int seenTo[2];
#pragma unroll
            for (int i = 0; i < 2; i++) {
                int2 of = now.pairs[warpgroup * 64 + row + 8 * i];
                pair[i] = of.x;
                seenFrom[i] = firstSeen(of.y, p.window);
                seenTo[i] = of.y + 1;
            }
            __syncwarp();
            done(unitEmpty(n));

            float s[64];
            float o[D / 2];
            float kept[FOLD_IN_REGISTERS ? D / 2 : 1];
            uint32_t weights[32];
            Rows rows;
            rows.begin();
#pragma unroll
            for (int i = 0; i < D / 2; i++) {
                o[i] = 0.0f;
            }
#pragma unroll
            for (int i = 0; i < (FOLD_IN_REGISTERS ? D / 2 : 1); i++) {
                kept[i] = 0.0f;
            }
            bool first = true;
            auto masked = [&](int tile) { return tile * TILE < allFrom || tile * TILE + TILE > allLimit; };

            waitBarrier(queriesFull(warpgroup), n & 1);
            awaitFull(begin);
            awaitTurn(warpgroup);
            multiplyKeys(s, queries(warpgroup), stage(begin));
            giveTurn(warpgroup);
            waitProductsBut<0>();
            afterWait(s);
            done(empty(begin & STAGES - 1));
            if (masked(firstTile)) {
                mask(s, firstTile, seenFrom, seenTo);
            }
            weigh(s, rows);
            narrowWeights(weights, s);
#pragma unroll 1
            for (int i = 1; i < tiles; i++) {
                int tile = firstTile + i;
                int keys = begin + indexOfKeys(i);
                int values = begin + indexOfValues(i - 1, tiles);
                awaitFull(keys);
                awaitTurn(warpgroup);
                multiplyKeys(s, queries(warpgroup), stage(keys));
                awaitFull(values);
                multiplyValues(o, weights, stage(values));
                giveTurn(warpgroup);
                waitProductsBut<1>();
                afterWait(s);
                done(empty(keys & STAGES - 1));
                if (masked(tile)) {
                    mask(s, tile, seenFrom, seenTo);
                }
                bool anew = tile % (CHUNK / TILE) == 0;
                Factors factors;
                if (anew) {
                    factors = closeChunk(rows);
                }
                weigh(s, rows);
                holdHere(rows);
                waitProductsBut<0>();
                afterWait(o);
                done(empty(values & STAGES - 1));
                if (anew) {
                    fold<false>(o, kept, factors, first);
                    first = false;
                } else {
#pragma unroll
                    for (int j = 0; j < D / 2; j++) {
                        o[j] *= rows.rescale[j >> 1 & 1];
                    }
                }
                narrowWeights(weights, s);
            }
            done(queriesEmpty(warpgroup));
            begin += 2 * tiles;
            awaitFull(begin - 1);
            awaitTurn(warpgroup);
            multiplyValues(o, weights, stage(begin - 1));
            giveTurn(warpgroup);
            Factors factors = closeChunk(rows);
            waitProductsBut<0>();
            afterWait(o);
            done(empty(begin - 1 & STAGES - 1));
            fold<true>(o, kept, factors, first);
#pragma unroll
            for (int i = 0; i < 2; i++) {
                store(pair[i], i, o, __frcp_rn(rows.L[i]));
            }
        }
    }

    __device__ __forceinline__ void run() {
        extern __shared__ __align__(1024) char dynamic[];
        shared = dynamic;
        letNextBegin();
        items = p.work->prefillItems;
        if (threadIdx.x == 0) {
            for (int i = 0; i < STAGES; i++) {
                initBarrier(full(i), 1);
                initBarrier(empty(i), 4 * WARPGROUPS);
            }
            for (int i = 0; i < 2; i++) {
                initBarrier(unitFull(i), 1);
                initBarrier(unitEmpty(i), 4 * WARPGROUPS + 3);
            }
            initBarrier(unitWanted(), 1);
            for (int i = 0; i < WARPGROUPS; i++) {
                initBarrier(queriesFull(i), 1);
                initBarrier(queriesEmpty(i), 4);
            }
            barriersReady();
        }
        if (blockIdx.x >= items * p.kvHeads) {
            waitForInputs();
            return;
        }
        __syncthreads();
        if (threadIdx.x < CONSUMERS) {
            asm volatile("setmaxnreg.inc.sync.aligned.u32 224;");
            consume();
        } else {
            asm volatile("setmaxnreg.dec.sync.aligned.u32 56;");
            int warp = threadIdx.x / 32 - 4 * WARPGROUPS;
            if (warp < 2) {
                copyTiles(warp);
            } else if (warp == 2) {
                findUnits();
            } else {
                copySecondQueries();
            }
        }
    }
};
#endif

#if __CUDA_ARCH__ >= 900
#define PREFILL_BODY(...)              \
    Prefill<__VA_ARGS__> attention{p}; \
    attention.run();
#else
#define PREFILL_BODY(...)
#endif

/** Instances; on GPUs other than Hopper they do nothing. */
#define PREFILL(NAME, T, D, STAGES)                                                                        \
    extern "C" __global__ void __launch_bounds__(384, 1) NAME(const __grid_constant__ AttentionParams p) { \
        PREFILL_BODY(T, D, STAGES)                                                                         \
    }

PREFILL(attention_prefill_sm90_bf16_128, Bf16, 128, 4)
PREFILL(attention_prefill_sm90_bf16_64, Bf16, 64, 8)

// attention_decode_sm90: attention of rows of one token, with the bits of attention.cu's, on compute capability 9.0. Up to 8 query heads
// a kv head, BF16 and F16; attention_decode has the rest.
//
// Shapes   as attention.cu
// Order    as attention.cu; work is split at chunks only
// Mapping  a CTA walks through (item, kv head) pairs of the plan's list. Two warps copy: K and V come through a ring of units, a unit
//          being 64 elements of each of a tile's 128 positions, all of a chunk's K before its V, and those of the next item behind them.
//          Four warps multiply: each takes 32 positions of every tile's scores, as they come. The maxima of all tiles are then exchanged
//          at once, and the weights of the chunk; of the output each warp has 16 of every 64 columns, one chain over all tiles. So an
//          item has two barriers, and units are asked for while another one's softmax is computed. The CTA that computes the last chunk
//          of a token folds them all.
// Early    Where the kernel may begin before the kernel before it has ended (AttentionParams.early), the ring is filled before it waits:
//          positions before a row's own were written by earlier steps. Of the units that hold the row's own position that one comes later.
// Memory   units are [128 positions][128 bytes] as in their blocks, pieces XORed. What the token does not see is not read but zero.
// Registers: at most 168.
// Roofline Qwen2.5-0.5B, 64 rows of 512 positions, one layer: 16.8 MB, 3.9 us at 4.3 TB/s
#include "attention_decode.h"
#include "launch.h"
#include "mma.h"
#include "wgmma.h"

#if __CUDA_ARCH__ >= 900

constexpr int UNIT = TILE * 128;  // bytes
constexpr int UNITS = 6;          // of the ring: as many as two CTAs of a multiprocessor have room for
constexpr int TILES = CHUNK / TILE;
constexpr int HEADS = 8;  // query heads of a kv head, at most
constexpr int WARPS = 4;  // that multiply
constexpr int MULTIPLYING = 32 * WARPS;
constexpr int COPYING = 2;  // warps
constexpr int WEIGHTS = CHUNK / 64 * HEADS * 128;  // bytes: [64 positions][heads][128 bytes], pieces XORed

/** Shared memory behind the ring and the weights. */
struct Exchange {
    float maxima[TILES][HEADS][WARPS];
    float sums[HEADS][WARPS];
    uint64_t full[UNITS];   // barriers: a unit is there
    uint64_t empty[UNITS];  // a unit has been read by all
    int whole;
};

/** Units of the ring, as all warps walk through it. */
struct Turn {
    int unit = 0;
    uint32_t parity = 0;

    __device__ __forceinline__ void next() {
        if (++unit == UNITS) {
            unit = 0;
            parity ^= 1;
        }
    }
};

/** This CTA's share of (item, kv head) pairs: every gridDim.x-th. */
struct Walk {
    int item;
    int kvHead;
    int items;    // that a step of it is
    int kvHeads;  // and more of these

    __device__ __forceinline__ explicit Walk(int all)
        : item(blockIdx.x / all), kvHead(blockIdx.x % all), items(gridDim.x / all), kvHeads(gridDim.x % all) {}

    __device__ __forceinline__ void next(int all) {
        item += items;
        kvHead += kvHeads;
        if (kvHead >= all) {
            kvHead -= all;
            item++;
        }
    }
};

/** What a token sees of a chunk. */
struct SeenChunk {
    int start;      // of the chunk
    int from;       // positions that are seen
    int limit;
    int firstTile;  // of the chunk
    int lastTile;

    __device__ __forceinline__ SeenChunk(int position, int chunk, int window) {
        start = chunk * CHUNK;
        from = max(firstSeen(position, window), start);
        limit = min(position + 1, start + CHUNK);
        firstTile = (from - start) / TILE;
        lastTile = (limit - 1 - start) / TILE;
    }

    __device__ __forceinline__ bool has(int tile) const { return tile >= firstTile && tile <= lastTile; }

    __device__ __forceinline__ bool hasAllOf(int tile) const { return start + tile * TILE >= from && start + (tile + 1) * TILE <= limit; }

    __device__ __forceinline__ bool sees(int position) const { return position >= from && position < limit; }
};

/** Where a chunk lies: of its i-th 8 positions, lane i % 32 has the place in the layer's arena, counted in 128 bytes. */
struct Places {
    uint32_t at[2];

    /** 0 for what is not seen. */
    template <int SLABS>
    __device__ __forceinline__ static Places of(const AttentionParams& p, const SeenChunk& chunk, int kvHead, int tableRow) {
        const int32_t* table = p.blocks + (size_t)tableRow * p.tableStride;
        Places places;
#pragma unroll
        for (int i = 0; i < 2; i++) {
            int position = chunk.start + (32 * i + (threadIdx.x & 31)) * 8;
            uint32_t at = 0;
            if (position + 8 > chunk.from && position < chunk.limit) {
                int block = position / p.blockSize;
                at = (uint32_t)(table[block] * p.kvHeads + kvHead) * (2 * SLABS * p.blockSize) + (position - block * p.blockSize);
            }
            places.at[i] = at;
        }
        return places;
    }
};

/** Copies 16 bytes, or 16 zeros if not `real`; nothing if not `wanted`. */
__device__ __forceinline__ void copy16If(bool wanted, uint32_t to, const void* from, bool real) {
    asm volatile("{.reg .pred p; setp.ne.u32 p, %3, 0; @p cp.async.cg.shared.global [%0], [%1], 16, %2;}" ::"r"(to), "l"(from),
                 "r"(real ? 16 : 0), "r"((uint32_t)wanted)
                 : "memory");
}

/** Arrives once all that this thread has asked for so far is there. */
__device__ __forceinline__ void arriveWithCopies(uint32_t barrier) {
    asm volatile("cp.async.mbarrier.arrive.noinc.shared::cta.b64 [%0];" ::"r"(barrier) : "memory");
}

template <class T, int D>
struct DecodeCta {
    static constexpr int SLABS = D / 64;
    static constexpr int STEPS = D / 16;

    const AttentionParams& p;
    int items;
    uint32_t ring;
    uint32_t weights;
    Exchange& shared;

    __device__ __forceinline__ uint32_t full(int unit) const { return sharedAddress(&shared.full[unit]); }

    __device__ __forceinline__ uint32_t empty(int unit) const { return sharedAddress(&shared.empty[unit]); }

    /** One of the warps that copy: every COPYING-th four positions of a unit, a lane 16 bytes. */
    __device__ __forceinline__ void copy() const {
        constexpr int MINE = TILE / 4 / COPYING;
        int lane = threadIdx.x & 31;
        int warp = threadIdx.x / 32 - WARPS;
        Walk walk(p.kvHeads);
        int ahead = p.early ? UNITS : 0;  // units to ask for before inputs are there
        if (ahead == 0 || walk.item >= items) {
            waitForInputs();
        }
        if (walk.item >= items) {
            return;
        }
        uint32_t incomplete = 0;     // of those units, the ones that lack the row's own position
        const char* late = nullptr;  // where it is, of the unit that has this lane's number
        uint32_t lateTo = 0;
        Turn turn;
        DecodeItem item = p.decode[walk.item];
        int position = p.positions[item.token];
        SeenChunk chunk(position, item.chunk, p.window);
        Places places = Places::of<SLABS>(p, chunk, walk.kvHead, p.rowTable[item.row]);
        walk.next(p.kvHeads);
        DecodeItem next = p.decode[min(walk.item, items - 1)];
        while (true) {
            bool more = walk.item < items;
            int nextHead = walk.kvHead;
            walk.next(p.kvHeads);
            DecodeItem afterNext = p.decode[min(walk.item, items - 1)];
            int nextPosition = 0;
            int nextTable = 0;
            SeenChunk nextChunk = chunk;
            Places nextPlaces = places;
            int half = (chunk.lastTile - chunk.firstTile + 1) * SLABS;
            for (int i = 0; i < 2 * half; i++) {
                bool values = i >= half;
                int tile = chunk.firstTile + (i - (values ? half : 0)) / SLABS;
                int start = chunk.start + tile * TILE;
                int low = chunk.from - start;  // rows of the unit that are seen
                int high = chunk.limit - start;
                int own = -1;  // the row that comes later
                uint32_t at = tile < 2 ? places.at[0] : places.at[1];
                uint32_t slab = ((values ? SLABS : 0) + i % SLABS) * p.blockSize;
                uint32_t to = ring + turn.unit * UNIT + warp * 512 + lane * 16;
                const char* kv = (const char*)p.kv + (lane & 7) * 16 + (size_t)(slab + (lane >> 3)) * 128;
                if (ahead == 0) {
                    waitBarrier(empty(turn.unit), turn.parity ^ 1);
                } else if (position >= start && position < start + TILE) {
                    own = position - start;
                    uint32_t group = __shfl_sync(ALL_LANES, at, (tile & 1) * 16 + (own >> 3));
                    incomplete |= 1u << turn.unit;
                    if (lane == turn.unit) {
                        late = (const char*)p.kv + (size_t)(group + (own & 7) + slab) * 128;
                        lateTo = ring + turn.unit * UNIT + own * 128;
                    }
                }
                if (low <= 0 && high >= TILE && own < 0) {
#pragma unroll
                    for (int j = 0; j < MINE; j++) {
                        int four = j * COPYING + warp;
                        uint32_t group = __shfl_sync(ALL_LANES, at, (tile & 1) * 16 + four / 2);
                        copy16(to + j * COPYING * 512, kv + (size_t)(group + four % 2 * 4) * 128);
                    }
                } else {
#pragma unroll 4
                    for (int j = 0; j < MINE; j++) {
                        int four = j * COPYING + warp;
                        int row = four * 4 + (lane >> 3);
                        uint32_t group = __shfl_sync(ALL_LANES, at, (tile & 1) * 16 + four / 2);
                        copy16If(row != own, to + j * COPYING * 512, kv + (size_t)(group + four % 2 * 4) * 128, row >= low && row < high);
                    }
                }
                if (own < 0) {
                    arriveWithCopies(full(turn.unit));
                }
                turn.next();
                // What the next item needs to know comes meanwhile.
                if (i == 0) {
                    nextPosition = p.positions[next.token];
                    nextTable = p.rowTable[next.row];
                } else if (i == 1) {
                    nextChunk = SeenChunk(nextPosition, next.chunk, p.window);
                    nextPlaces = Places::of<SLABS>(p, nextChunk, nextHead, nextTable);
                }
                if (ahead > 0 && (--ahead == 0 || (i + 1 == 2 * half && !more))) {
                    ahead = 0;
                    waitForInputs();
                    for (int unit = 0; unit < UNITS; unit++) {
                        if (incomplete >> unit & 1) {
                            auto from = (const char*)__shfl_sync(ALL_LANES, (unsigned long long)late, unit);
                            uint32_t there = __shfl_sync(ALL_LANES, lateTo, unit);
                            if (warp == 0 && lane < 8) {
                                copy16(there + lane * 16, from + lane * 16);
                            }
                            arriveWithCopies(full(unit));
                        }
                    }
                }
            }
            if (!more) {
                waitCopies<0>();
                return;
            }
            item = next;
            next = afterNext;
            position = nextPosition;
            chunk = nextChunk;
            places = nextPlaces;
        }
    }

    /** An item's queries as A of the tensor core: heads are its first 8 rows, zeros where there are none. */
    __device__ __forceinline__ void loadQueries(uint32_t (&a)[STEPS][2], int token, int kvHead, int group) const {
        int g = threadIdx.x % 32 >> 2;
        auto from = (const uint32_t*)((const char*)p.q + ((size_t)token * p.heads + kvHead * group + g) * D * 2) + (threadIdx.x & 3);
#pragma unroll
        for (int step = 0; step < STEPS; step++) {
            a[step][0] = g < group ? __ldcg(from + step * 8) : 0;
            a[step][1] = g < group ? __ldcg(from + step * 8 + 4) : 0;
        }
    }

    /** Of A the first 8 rows; the others are 0. */
    __device__ __forceinline__ static void multiply(float (&d)[4], const uint32_t (&a)[2], uint32_t b0, uint32_t b1) {
        uint32_t whole[4] = {a[0], 0, a[1], 0};
        mma<T>(d, whole, b0, b1);
    }

    /** This warp has read the unit. */
    __device__ __forceinline__ void release(Turn& turn) const {
        __syncwarp();
        if (threadIdx.x % 32 == 0) {
            arrive(empty(turn.unit));
        }
        turn.next();
    }

    /** This warp's 32 positions of a tile: scores of row `lane / 4`, -inf where it does not see, and the largest of them to all warps. */
    __device__ __forceinline__ void score(Turn& turn, const uint32_t (&queries)[STEPS][2], const SeenChunk& chunk, int tile, float (&s)[4][2]) const {
        int lane = threadIdx.x & 31;
        int warp = threadIdx.x >> 5;
        float acc[4][4] = {};
#pragma unroll
        for (int slab = 0; slab < SLABS; slab++) {
            waitBarrier(full(turn.unit), turn.parity);
            uint32_t keys = ring + turn.unit * UNIT + (warp * 32 + (lane & 7) + (lane >> 4) * 8) * 128;
#pragma unroll
            for (int step = 0; step < 4; step++) {
                uint32_t piece = (step * 2 + (lane >> 3 & 1)) ^ (lane & 7);
#pragma unroll
                for (int j = 0; j < 4; j += 2) {
                    uint32_t b[4];
                    ldmatrix(b, keys + j * 8 * 128 + piece * 16);
                    multiply(acc[j], queries[slab * 4 + step], b[0], b[1]);
                    multiply(acc[j + 1], queries[slab * 4 + step], b[2], b[3]);
                }
            }
            release(turn);
        }
        float most = minusInfinity();
#pragma unroll
        for (int j = 0; j < 4; j++) {
#pragma unroll
            for (int k = 0; k < 2; k++) {
                s[j][k] = acc[j][k];
                if (!chunk.hasAllOf(tile) && !chunk.sees(chunk.start + tile * TILE + warp * 32 + j * 8 + lane % 4 * 2 + k)) {
                    s[j][k] = minusInfinity();
                }
                most = fmaxf(most, s[j][k]);
            }
        }
        most = fmaxf(most, __shfl_xor_sync(ALL_LANES, most, 1));
        most = fmaxf(most, __shfl_xor_sync(ALL_LANES, most, 2));
        if (lane % 4 == 0) {
            shared.maxima[tile][lane >> 2][warp] = most;
        }
    }

    /** This warp's 16 of each 64 columns: adds a tile's weights times V. */
    __device__ __forceinline__ void addValues(Turn& turn, int tile, float rescale, float (&o)[SLABS][2][4]) const {
        int lane = threadIdx.x & 31;
        int warp = threadIdx.x >> 5;
        uint32_t a[TILE / 16][2];
#pragma unroll
        for (int step = 0; step < TILE / 16; step += 2) {
            uint32_t two[4];
            uint32_t piece = ((step & 3) * 2 + (lane >> 3)) ^ (lane & 7);
            ldmatrix(two, weights + ((tile * 2 + (step >> 2)) * HEADS + (lane & 7)) * 128 + piece * 16);
            a[step][0] = two[0];
            a[step][1] = two[1];
            a[step + 1][0] = two[2];
            a[step + 1][1] = two[3];
        }
#pragma unroll
        for (int slab = 0; slab < SLABS; slab++) {
#pragma unroll
            for (int j = 0; j < 2; j++) {
                o[slab][j][0] *= rescale;
                o[slab][j][1] *= rescale;
            }
            waitBarrier(full(turn.unit), turn.parity);
            uint32_t values = ring + turn.unit * UNIT + (lane & 15) * 128 + ((warp * 2 + (lane >> 4)) ^ (lane & 7)) * 16;
#pragma unroll
            for (int step = 0; step < TILE / 16; step++) {
                uint32_t b[4];
                ldmatrixTransposed(b, values + step * 16 * 128);
                multiply(o[slab][0], a[step], b[0], b[1]);
                multiply(o[slab][1], a[step], b[2], b[3]);
            }
            release(turn);
        }
    }

    /** One of the warps that multiply. */
    __device__ __forceinline__ void attend() const {
        int lane = threadIdx.x & 31;
        int warp = threadIdx.x >> 5;
        int g = lane >> 2;
        int c = lane & 3;
        int group = p.heads / p.kvHeads;
        Walk walk(p.kvHeads);
        if (walk.item >= items) {
            waitForInputs();
            return;
        }
        Turn turn;
        DecodeItem item = p.decode[walk.item];
        int position = p.positions[item.token];
        waitForInputs();
        uint32_t queries[STEPS][2];
        loadQueries(queries, item.token, walk.kvHead, group);
        while (true) {
            int kvHead = walk.kvHead;
            walk.next(p.kvHeads);
            bool more = walk.item < items;
            DecodeItem next = more ? p.decode[walk.item] : item;
            SeenChunk chunk(position, item.chunk, p.window);
            float s[TILES][4][2];
#pragma unroll
            for (int tile = 0; tile < TILES; tile++) {
                if (chunk.has(tile)) {
                    score(turn, queries, chunk, tile, s[tile]);
                }
            }
            int nextPosition = p.positions[next.token];
            syncThreads(1, MULTIPLYING);
            // All have multiplied the weights of the item before, and read its sums.
            float m = minusInfinity();
            float l = 0.0f;  // this warp's and thread's lane
            float rescale[TILES];
#pragma unroll
            for (int tile = 0; tile < TILES; tile++) {
                if (chunk.has(tile)) {
                    float4 most = *(const float4*)shared.maxima[tile][g];
                    Shift shift(m, fmaxf(fmaxf(most.x, most.y), fmaxf(most.z, most.w)), p.scale);
                    m = shift.max;
                    rescale[tile] = shift.rescale;
                    l *= shift.rescale;
                    uint32_t to = weights + ((tile * 2 + (warp >> 1)) * HEADS + g) * 128 + c * 4;
#pragma unroll
                    for (int j = 0; j < 4; j++) {
                        float low = shift.weight(s[tile][j][0], p.scale);
                        float high = shift.weight(s[tile][j][1], p.scale);
                        l += low;
                        l += high;
                        uint32_t piece = ((warp & 1) * 4 + j) ^ g;
                        asm volatile("st.shared.b32 [%0], %1;" ::"r"(to + piece * 16), "r"(narrowPair<T>(low, high)) : "memory");
                    }
                }
            }
            l = closeQuad(l);
            if (c == 0) {
                shared.sums[g][warp] = l;
            }
            syncThreads(1, MULTIPLYING);
            float o[SLABS][2][4] = {};
#pragma unroll
            for (int tile = 0; tile < TILES; tile++) {
                if (tile == TILES / 2) {
                    loadQueries(queries, next.token, more ? walk.kvHead : kvHead, group);
                }
                if (chunk.has(tile)) {
                    addValues(turn, tile, rescale[tile], o);
                }
            }
            finish(item, position, kvHead, group, m, o);
            if (!more) {
                return;
            }
            item = next;
            position = nextPosition;
        }
    }

    /** The end of one chunk of one token: its partial, or the answer if there is no other. */
    __device__ __forceinline__ void finish(const DecodeItem& item, int position, int kvHead, int group, float m, const float (&o)[SLABS][2][4]) const {
        int lane = threadIdx.x & 31;
        int warp = threadIdx.x >> 5;
        int g = lane >> 2;
        int c = lane & 3;
        Chunks chunks = {item.token, item.partials, firstSeen(position, p.window) / CHUNK, position / CHUNK};
        bool alone = chunks.first == chunks.last;
        if (g < group) {
            int head = kvHead * group + g;
            float4 sums = *(const float4*)shared.sums[g];
            float sum = ((sums.x + sums.y) + sums.z) + sums.w;
            float inverse = __frcp_rn(sum);
            float* to = partialOf<D>(p, item.partials + item.chunk, head);
#pragma unroll
            for (int slab = 0; slab < SLABS; slab++) {
#pragma unroll
                for (int j = 0; j < 2; j++) {
                    int d = slab * 64 + warp * 16 + j * 8 + c * 2;
                    if (alone) {
                        storeOut<T>(p, item.token, head, d, o[slab][j][0] * inverse, o[slab][j][1] * inverse);
                    } else {
                        *(float2*)(to + d) = make_float2(o[slab][j][0], o[slab][j][1]);
                    }
                }
            }
            if (!alone && warp == 0 && c == 0) {
                *(float2*)(to + D) = make_float2(m, sum);
            }
        }
        if (alone) {
            return;
        }
        syncThreads(1, MULTIPLYING);
        if (threadIdx.x == 0) {
            uint32_t* arrivals = p.arrivals + (size_t)item.token * p.kvHeads + kvHead;
            __threadfence();
            bool whole = atomicAdd(arrivals, 1) == chunks.last - chunks.first;
            if (whole) {
                *arrivals = 0;
            }
            shared.whole = whole;
            __threadfence();
        }
        syncThreads(1, MULTIPLYING);
        if (shared.whole) {
            for (int i = threadIdx.x; i < group * (D / 4); i += MULTIPLYING) {
                foldColumns<T, D>(p, chunks, kvHead * group + i / (D / 4), i % (D / 4) * 4);
            }
        }
    }
};

template <class T, int D>
__device__ __forceinline__ void attentionDecode(const AttentionParams& p) {
    extern __shared__ __align__(1024) char dynamic[];
    auto& shared = *(Exchange*)(dynamic + UNITS * UNIT + WEIGHTS);
    letNextBegin();
    if (threadIdx.x == 0) {
        for (int i = 0; i < UNITS; i++) {
            initBarrier(sharedAddress(&shared.full[i]), 32 * COPYING);
            initBarrier(sharedAddress(&shared.empty[i]), WARPS);
        }
        barriersReady();
    }
    DecodeCta<T, D> cta{p, p.work->decodeItems, sharedAddress(dynamic), sharedAddress(dynamic) + UNITS * UNIT, shared};
    __syncthreads();
    if (threadIdx.x < MULTIPLYING) {
        cta.attend();
    } else {
        cta.copy();
    }
}

#define DECODE_BODY(T, D) attentionDecode<T, D>(p)
#else
#define DECODE_BODY(T, D)
#endif

/** It does nothing on another GPU than Hopper. */
#define DECODE(NAME, T, D)                                                                                                     \
    extern "C" __global__ void __launch_bounds__(192, 2) attention_decode_sm90_##NAME(const __grid_constant__ AttentionParams p) { \
        DECODE_BODY(T, D);                                                                                                     \
    }

DECODE(bf16_64, Bf16, 64)
DECODE(bf16_128, Bf16, 128)
DECODE(f16_64, F16, 64)
DECODE(f16_128, F16, 128)

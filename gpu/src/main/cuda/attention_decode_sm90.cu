// attention_decode_sm90: attention_decode of attention.cu, with the same bits, for compute capability 9.0. For up to 8 query heads per
// kv head, BF16 and F16; attention_decode does the rest.
//
// Shapes   as attention.cu
// Order    as attention.cu; work is split at chunks only
// Mapping  a CTA loops over (item, kv head) pairs of the plan's list. Two producer warps copy K and V through a ring of units. A unit is
//          64 elements of each of a tile's 128 positions; a chunk's K comes before its V, then the next item follows. Four consumer
//          warps compute: each takes 32 positions of every tile's scores as they arrive. The warps then exchange the maxima of all tiles
//          and the weights of the chunk, once each. Of the output a warp has 16 of every 64 columns, one accumulation chain over all
//          tiles. So an item has two barriers, and the next item's units are loaded during the softmax. The CTA that computes the last
//          chunk of a token folds all its chunks.
// Early    With programmatic dependent launch (AttentionParams.early) the ring is filled before the wait for the kernel before: earlier
//          steps wrote all positions but the row's own. That one is copied after the wait.
// Memory   units are [128 positions][128 bytes] as in their blocks, pieces XORed. Positions that the token does not see are not read;
//          they are zero.
// Registers: at most 168.
// Roofline Qwen2.5-0.5B, 64 rows of 512 positions, one layer: 16.8 MB, 3.9 us at 4.3 TB/s
#include "attention_decode.h"
#include "launch.h"
#include "mma.h"
#include "wgmma.h"

#if __CUDA_ARCH__ >= 900

constexpr int UNIT = TILE * 128;  // bytes
constexpr int UNITS = 6;          // of the ring: two CTAs of a multiprocessor have no room for more
constexpr int TILES = CHUNK / TILE;
constexpr int HEADS = 8;  // most query heads of a kv head
constexpr int WARPS = 4;  // consumers
constexpr int MULTIPLYING = 32 * WARPS;
constexpr int COPYING = 2;                         // producers
constexpr int WEIGHTS = CHUNK / 64 * HEADS * 128;  // bytes: [64 positions][heads][128 bytes], pieces XORed

/** Shared memory after the ring and the weights. */
struct Exchange {
    float maxima[TILES][HEADS][WARPS];
    float sums[HEADS][WARPS];
    uint64_t full[UNITS];   // barriers: the unit has arrived
    uint64_t empty[UNITS];  // barriers: all consumers have read the unit
    int whole;
};

/** Position in the ring; every warp keeps its own. */
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

/** The (item, kv head) pairs of this CTA: every gridDim.x-th. */
struct Walk {
    int item;
    int kvHead;
    int items;    // to the next pair: items
    int kvHeads;  // to the next pair: kv heads

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

/** The part of a chunk that a token sees. */
struct SeenChunk {
    int start;  // the chunk's first position
    int from;   // first position that is seen
    int limit;
    int firstTile;  // first tile of the chunk with a position that is seen
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

/** Addresses of a chunk: lane i % 32 holds the offset of its i-th group of 8 positions in the layer's arena, in units of 128 bytes. */
struct Places {
    uint32_t at[2];

    /** 0 if the group is not seen. */
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

/** Copies 16 bytes, or stores 16 zeros if not `real`; does nothing if not `wanted`. */
__device__ __forceinline__ void copy16If(bool wanted, uint32_t to, const void* from, bool real) {
    asm volatile("{.reg .pred p; setp.ne.u32 p, %3, 0; @p cp.async.cg.shared.global [%0], [%1], 16, %2;}" ::"r"(to), "l"(from),
                 "r"(real ? 16 : 0), "r"((uint32_t)wanted)
                 : "memory");
}

/** Arrives at the barrier when all copies of this thread so far are complete. */
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

    /** A producer warp: copies every COPYING-th group of four positions of a unit, 16 bytes per lane. */
    __device__ __forceinline__ void copy() const {
        constexpr int MINE = TILE / 4 / COPYING;
        int lane = threadIdx.x & 31;
        int warp = threadIdx.x / 32 - WARPS;
        Walk walk(p.kvHeads);
        int ahead = p.early ? UNITS : 0;  // units to copy before waitForInputs
        if (ahead == 0 || walk.item >= items) {
            waitForInputs();
        }
        if (walk.item >= items) {
            return;
        }
        uint32_t incomplete = 0;     // a bit per such unit that lacks the row's own position
        const char* late = nullptr;  // address of that position, for the unit of this lane's number
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
                int low = chunk.from - start;  // first row of the unit that is seen
                int high = chunk.limit - start;
                int own = -1;  // the row that is copied later
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
                // The next item's data are loaded meanwhile.
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

    /** Loads an item's queries as the A operand: heads are its first 8 rows, 0 past the last head. */
    __device__ __forceinline__ void loadQueries(uint32_t (&a)[STEPS][2], int token, int kvHead, int group) const {
        int g = threadIdx.x % 32 >> 2;
        auto from = (const uint32_t*)((const char*)p.q + ((size_t)token * p.heads + kvHead * group + g) * D * 2) + (threadIdx.x & 3);
#pragma unroll
        for (int step = 0; step < STEPS; step++) {
            a[step][0] = g < group ? __ldcg(from + step * 8) : 0;
            a[step][1] = g < group ? __ldcg(from + step * 8 + 4) : 0;
        }
    }

    /** The first 8 rows of A; the others are 0. */
    __device__ __forceinline__ static void multiply(float (&d)[4], const uint32_t (&a)[2], uint32_t b0, uint32_t b1) {
        uint32_t whole[4] = {a[0], 0, a[1], 0};
        mma<T>(d, whole, b0, b1);
    }

    /** Signals that this warp has read the unit. */
    __device__ __forceinline__ void release(Turn& turn) const {
        __syncwarp();
        if (threadIdx.x % 32 == 0) {
            arrive(empty(turn.unit));
        }
        turn.next();
    }

    /** Computes this warp's 32 positions of a tile: scores of row `lane / 4`, -inf where it does not see; publishes their maximum to all warps. */
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

    /** Adds a tile's weights times V, for this warp's 16 of each 64 columns. */
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

    /** A consumer warp. */
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
            // All consumers have used the weights and the sums of the item before.
            float m = minusInfinity();
            float l = 0.0f;  // this thread's lane of l
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

    /** Ends one chunk of one token: writes its partial, or the output if it is the only chunk. */
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

/** Instances; on GPUs other than Hopper they do nothing. */
#define DECODE(NAME, T, D)                                                                                                         \
    extern "C" __global__ void __launch_bounds__(192, 2) attention_decode_sm90_##NAME(const __grid_constant__ AttentionParams p) { \
        DECODE_BODY(T, D);                                                                                                         \
    }

DECODE(bf16_64, Bf16, 64)
DECODE(bf16_128, Bf16, 128)
DECODE(f16_64, F16, 64)
DECODE(f16_128, F16, 128)

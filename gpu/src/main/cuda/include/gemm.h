// The GEMM of a weight and activations on Hopper's tensor cores. Shapes, order and mapping are in gemm.cu.
#pragma once
#include "gemm_epilogue.h"
#include "gemm_tiles.h"
#include "matmul.h"
#include "wgmma.h"

#if __CUDA_ARCH__ >= 900
#define GEMM_BODY(...)         \
    Gemm<__VA_ARGS__> gemm{p}; \
    StoreTile epilogue;        \
    gemm.run(epilogue);
#else
#define GEMM_BODY(...)
#endif

/** The kernel of a line of gemm_tiles.h. On GPUs other than Hopper it does nothing. */
#define GEMM(NAME, TOKENS, ROWS, SEGMENTS, MOST, STAGES, CTAS)                                            \
    extern "C" __global__ void __launch_bounds__(gemmThreads(TOKENS, ROWS, MOST), CTAS) CLUSTER(SEGMENTS) \
            gemm_bf16_##NAME(const __grid_constant__ MatmulParams p) {                                    \
        GEMM_BODY(Bf16, TOKENS, ROWS, SEGMENTS, MOST, STAGES)                                             \
    }

/** The same for a line of GEMM_TURN_TILES. */
#define GEMM_TURNS(NAME, TOKENS, ROWS, SEGMENTS, MOST, STAGES, CTAS)                    \
    extern "C" __global__ void __launch_bounds__(gemmThreads(TOKENS, ROWS, MOST), CTAS) \
            gemm_turns_bf16_##NAME(const __grid_constant__ MatmulParams p) {            \
        GEMM_BODY(Bf16, TOKENS, ROWS, SEGMENTS, MOST, STAGES, true)                     \
    }

#if __CUDA_ARCH__ >= 900

__device__ __forceinline__ float4 add(float4 a, float4 b) { return make_float4(a.x + b.x, a.y + b.y, a.z + b.z, a.w + b.w); }

/** Adds the segments of a weight by halves. */
template <int SEGMENTS>
__device__ __forceinline__ float4 closeSegments(const float4 (&parts)[SEGMENTS]) {
    float4 halves[2] = {parts[0], parts[SEGMENTS / 2]};
#pragma unroll
    for (int i = 1; i < SEGMENTS / 2; i++) {
        halves[0] = add(halves[0], parts[i]);
        halves[1] = add(halves[1], parts[SEGMENTS / 2 + i]);
    }
    return add(halves[0], halves[1]);
}

/** Epilogue that stores a tile as MatmulParams says. */
struct StoreTile {
    /** Finishes this CTA's share, once all CTAs of the cluster have stored their sums. */
    template <class GemmType>
    __device__ __forceinline__ void finishShare(const GemmType& gemm) const {
        syncCluster();
        gemm.finishShare();
    }

    template <class GemmType>
    __device__ __forceinline__ void prepare(const GemmType& gemm) const {}

    template <class GemmType>
    __device__ __forceinline__ void begin(const GemmType& gemm, int firstToken) const {}

    template <class GemmType, int SUBTILES, int ACCUMULATORS>
    __device__ __forceinline__ void finish(const GemmType& gemm, int firstToken, int firstRow, const float (&scales)[SUBTILES][2],
                                           const float (&acc)[SUBTILES][ACCUMULATORS]) const {
        using Sums = Fragments<typename GemmType::Type, 2 * ACCUMULATORS, SUBTILES>;
        Sums{gemm.p, gemm.tokens, firstToken + GemmType::fragmentToken(), firstRow, scales, acc}.finish();
    }
};

/**
 * A CTA with TOKENS x ROWS outputs.
 *
 * SEGMENTS: the weight's number of split-K segments, if the CTAs of a cluster have one each; 1 if a CTA computes all segments. These
 * are at most MOST: 1, 2, or 8, which takes registers for the sum of a half.
 * IN_TURNS: a warpgroup multiplies a whole tile, while the other finishes its own; for weights of one segment.
 */
template <class T, int TOKENS, int ROWS, int SEGMENTS, int MOST, int STAGES, bool IN_TURNS = false>
struct Gemm {
    using Type = T;
    static constexpr int TILE_ROWS = ROWS;
    static constexpr int CLUSTER_SEGMENTS = SEGMENTS;
    static constexpr int WARPGROUPS = TOKENS == 64 ? 1 : 2;
    static constexpr int TILE_WARPGROUPS = IN_TURNS ? 1 : WARPGROUPS;  // that multiply a tile
    static constexpr int SUBTILES = TOKENS / (64 * TILE_WARPGROUPS);   // per warpgroup, of 64 tokens each
    static constexpr int CONSUMERS = 128 * WARPGROUPS;
    static constexpr int THREADS = gemmThreads(TOKENS, ROWS, MOST);
    // With large tiles the producer's warpgroup gives registers to the consumers.
    static constexpr bool SHIFTED = THREADS == 384;
    static constexpr int STAGE = gemmStageBytes(TOKENS, ROWS);
    static constexpr int ACCUMULATORS = ROWS / 2;
    static constexpr int STRIDE = gemmSumStride(ROWS);
    /** Named barriers of the warpgroups' turns. */
    static constexpr int TURN_BARRIER = 2;

    const MatmulParams& p;
    int tokens;
    int blocks;  // 64-blocks of k
    uint32_t ring;
    uint32_t full;   // barriers: the stage has arrived
    uint32_t empty;  // barriers: all consumers have read the stage

    /** Position of a tile. TOKEN_TILES_TOGETHER tiles of tokens go through all rows together, so that L2 keeps both operands. */
    struct Place {
        int token;
        int row;
    };

    __device__ __forceinline__ int tokenTiles() const { return (tokens + TOKENS - 1) / TOKENS; }

    __device__ __forceinline__ int rowTiles() const { return (p.rows + ROWS - 1) / ROWS; }

    __device__ __forceinline__ Place place(int tile) const {
        int across = tokenTiles();
        int group = TOKEN_TILES_TOGETHER * rowTiles();
        int first = tile / group * TOKEN_TILES_TOGETHER;
        int together = min(TOKEN_TILES_TOGETHER, across - first);
        tile %= group;
        return Place{(first + tile % together) * TOKENS, tile / together * ROWS};
    }

    /** Position in the ring of stages; producer and consumers each keep their own. */
    struct Turn {
        int stage = 0;
        uint32_t parity = 0;

        __device__ __forceinline__ void next() {
            if (++stage == STAGES) {
                stage = 0;
                parity ^= 1;
            }
        }

        __device__ __forceinline__ void skip(int count) {
            stage += count;
            parity ^= stage / STAGES & 1;
            stage %= STAGES;
        }
    };

    /**
     * One warp: each lane brings one piece of every stage, at most 64 rows of x or of the weight. The weight's pieces of the first stages
     * come while x is still computed. The next kernel may begin once all is asked for: earlier, it takes room and bandwidth from this one.
     */
    __device__ __forceinline__ void produce() const {
        constexpr int PIECES_OF_X = TOKENS / 64;
        static_assert(PIECES_OF_X + (ROWS + 126) / 64 <= 32, "a lane a piece");
        int lane = threadIdx.x & 31;
        Turn turn;
        for (int tile = blockIdx.x; tile < tokenTiles() * rowTiles(); tile += gridDim.x) {
            Place at = place(tile);
            const char* from;
            uint32_t to;
            int bytes;
            if (lane < PIECES_OF_X) {
                int first = at.token + 64 * lane;
                from = (const char*)p.x + (size_t)(first >> 6) * blocks * BLOCK;
                to = lane * BLOCK;
                // Rows are copied by eights. The rest of the stage affects no row that is stored.
                bytes = min(64, (tokens - first + 7) & ~7) * 128;
            } else {
                int block = (at.row >> 6) + lane - PIECES_OF_X;
                int first = max(at.row, block * 64);
                from = (const char*)p.weight + (size_t)block * blocks * BLOCK + (first & 63) * 128;
                to = (TOKENS + first - at.row) * 128;
                bytes = (min(min(at.row + ROWS, block * 64 + 64), pad64(p.rows)) - first) * 128;
            }
            bytes = max(bytes, 0);
            uint32_t all = __reduce_add_sync(ALL_LANES, (uint32_t)bytes);
            int end = segmentStart(p, SEGMENTS > 1 ? blockIdx.z + 1 : p.segments);
            int block = SEGMENTS > 1 ? segmentStart(p, blockIdx.z) : 0;
            if (tile == blockIdx.x) {
                int ahead = min(STAGES, end - block);  // all stages are empty now
                if (lane < ahead) {
                    arriveForBytes(full + 8 * lane, all);
                }
                __syncwarp();
                auto copyAhead = [&](bool mine) {
                    for (int i = 0; mine && bytes > 0 && i < ahead; i++) {
                        copyBulk(ring + i * STAGE + to, from + (size_t)(block + i) * BLOCK, bytes, full + 8 * i);
                    }
                };
                copyAhead(lane >= PIECES_OF_X);
                __syncwarp();
                waitForInputs();
                copyAhead(lane < PIECES_OF_X);
                __syncwarp();
                block += ahead;
                turn = {ahead % STAGES, ahead == STAGES ? 1u : 0u};
            }
            for (; block < end; block++) {
                waitBarrier(empty + 8 * turn.stage, turn.parity ^ 1);
                if (lane == 0) {
                    arriveForBytes(full + 8 * turn.stage, all);
                }
                __syncwarp();
                if (bytes > 0) {
                    copyBulk(ring + turn.stage * STAGE + to, from + (size_t)block * BLOCK, bytes, full + 8 * turn.stage);
                }
                turn.next();
            }
        }
        letNextBegin();
    }

    /** Computes one accumulation chain over 64-blocks of k for the first LIVE subtiles; the sums of the others are 0. */
    template <int LIVE = SUBTILES>
    __device__ __forceinline__ void multiply(Turn& turn, int from, int to, float (&acc)[SUBTILES][ACCUMULATORS]) const {
        clear(acc);
        for (int block = from; block < to; block++) {
            addStage<LIVE>(turn, acc);
            // Meanwhile the other warpgroup, or the other CTA of the multiprocessor, keeps the tensor cores busy.
            waitProducts();
            release(turn.stage);
            turn.next();
        }
    }

    /**
     * The same for a whole tile. With `waits` it begins once the other warpgroup has asked for all products of its tile, and with `passes` it
     * lets the other begin. Products of a stage are asked for while those of the one before are under way.
     */
    __device__ __forceinline__ void multiplyInTurn(Turn& turn, bool waits, bool passes, float (&acc)[SUBTILES][ACCUMULATORS]) const {
        clear(acc);
        int warpgroup = threadIdx.x / 128;
        if (waits) {
            syncThreads(TURN_BARRIER + warpgroup, CONSUMERS);
        }
        int last = 0;
        for (int block = 0; block < blocks; block++) {
            addStage<SUBTILES>(turn, acc);
            waitProductsButOne();
            if (block > 0) {
                release(last);
            }
            last = turn.stage;
            turn.next();
        }
        if (passes) {
            arriveThreads(TURN_BARRIER + 1 - warpgroup, CONSUMERS);
        }
        waitProducts();
        release(last);
    }

    __device__ __forceinline__ static void clear(float (&acc)[SUBTILES][ACCUMULATORS]) {
#pragma unroll
        for (int i = 0; i < SUBTILES * ACCUMULATORS; i++) {
            (&acc[0][0])[i] = 0.0f;
        }
    }

    /** Asks for the products of a stage. */
    template <int LIVE>
    __device__ __forceinline__ void addStage(const Turn& turn, float (&acc)[SUBTILES][ACCUMULATORS]) const {
        waitBarrier(full + 8 * turn.stage, turn.parity);
        uint32_t stage = ring + turn.stage * STAGE;
        uint64_t x = matrixDescriptor(stage + (IN_TURNS ? 0 : threadIdx.x / 128 * SUBTILES * BLOCK));
        uint64_t weight = matrixDescriptor(stage + TOKENS * 128);
        beginProducts();
#pragma unroll
        for (int step = 0; step < 4; step++) {
#pragma unroll
            for (int i = 0; i < LIVE; i++) {
                Wgmma<T, ROWS>::add(acc[i], x + i * (BLOCK >> 4) + 2 * step, weight + 2 * step);
            }
        }
        commitProducts();
    }

    /** This warp has read a stage. */
    __device__ __forceinline__ void release(int stage) const {
        if (threadIdx.x % 32 == 0) {
            arrive(empty + 8 * stage);
        }
    }

    /** The first token of the tile of which this thread has sums; the second is 8 higher, and so on every 64. */
    __device__ __forceinline__ static int fragmentToken() {
        int warpgroup = IN_TURNS ? 0 : threadIdx.x / 128;
        return warpgroup * (64 * SUBTILES) + threadIdx.x % 128 / 32 * 16 + threadIdx.x % 32 / 4;
    }

    /** Computes all tiles; a warpgroup has 64 or 128 tokens of each. */
    template <class Epilogue>
    __device__ __forceinline__ void consume(Epilogue& epilogue) const {
        epilogue.prepare(*this);
        waitForInputs();
        float acc[SUBTILES][ACCUMULATORS];
        Turn turn;
        if constexpr (SEGMENTS > 1) {
            multiply(turn, segmentStart(p, blockIdx.z), segmentStart(p, blockIdx.z + 1), acc);
            spread(acc);
        } else {
            int tiles = tokenTiles() * rowTiles();
            int stride = gridDim.x;
            for (int tile = blockIdx.x; tile < tiles; tile += stride) {
                bool passes = tile + stride < tiles;
                if (IN_TURNS && (tile - blockIdx.x) / stride % 2 != threadIdx.x / 128) {
                    turn.skip(blocks);
                    continue;
                }
                Place at = place(tile);
                int token = at.token + fragmentToken();
                float scales[SUBTILES][2];  // loaded before they are needed
#pragma unroll
                for (int i = 0; i < 2 * SUBTILES; i++) {
                    scales[i / 2][i % 2] = rowScale(p, min(token + 64 * (i / 2) + 8 * (i % 2), tokens - 1));
                }
                epilogue.begin(*this, at.token);
                if constexpr (IN_TURNS) {
                    multiplyInTurn(turn, tile != blockIdx.x, passes, acc);
                } else {
                    multiplyLive(turn, tokens - at.token, acc);
                }
                epilogue.finish(*this, at.token, at.row, scales, acc);
            }
        }
    }

    /** Computes all segments of a tile with `tokens` tokens. A warpgroup with 64 of them or fewer skips its second subtile. */
    __device__ __forceinline__ void multiplyLive(Turn& turn, int there, float (&acc)[SUBTILES][ACCUMULATORS]) const {
        if constexpr (SUBTILES > 1 && MOST == 1) {
            if (there - (int)threadIdx.x / 128 * SUBTILES * 64 <= 64) {
                multiply<1>(turn, 0, blocks, acc);
                return;
            }
        }
        chain(turn, acc);
    }

    /** Computes the sum of all segments of a tile. */
    __device__ __forceinline__ void chain(Turn& turn, float (&acc)[SUBTILES][ACCUMULATORS]) const {
        if (MOST == 1 || p.segments == 1) {
            multiply(turn, 0, blocks, acc);
            return;
        }
        // The first half is kept in memory; the thread that stored it there reads it again.
        float4* parked = (float4*)p.partials + (size_t)blockIdx.x * (SUBTILES * ACCUMULATORS / 4) * CONSUMERS + threadIdx.x;
        if constexpr (MOST == 1) {
            return;
        } else if constexpr (MOST > 2) {
            for (int segment = 0; segment < p.segments; segment++) {
                float part[SUBTILES][ACCUMULATORS];
                multiply(turn, segmentStart(p, segment), segmentStart(p, segment + 1), part);
                bool first = segment == 0 || segment == p.segments / 2;
#pragma unroll
                for (int i = 0; i < SUBTILES * ACCUMULATORS; i++) {
                    float& sum = (&acc[0][0])[i];
                    sum = first ? (&part[0][0])[i] : sum + (&part[0][0])[i];
                }
                if (segment + 1 == p.segments / 2) {
                    park(parked, acc);
                }
            }
            takeUp(parked, acc);
        } else {
            multiply(turn, 0, segmentStart(p, 1), acc);
            park(parked, acc);
            multiply(turn, segmentStart(p, 1), blocks, acc);
            takeUp(parked, acc);
        }
    }

    __device__ __forceinline__ static void park(float4* to, const float (&sum)[SUBTILES][ACCUMULATORS]) {
        const float* s = &sum[0][0];
#pragma unroll
        for (int i = 0; i < SUBTILES * ACCUMULATORS / 4; i++) {
            to[i * CONSUMERS] = make_float4(s[4 * i], s[4 * i + 1], s[4 * i + 2], s[4 * i + 3]);
        }
    }

    __device__ __forceinline__ static void takeUp(const float4* from, float (&sum)[SUBTILES][ACCUMULATORS]) {
#pragma unroll
        for (int i = 0; i < SUBTILES * ACCUMULATORS / 4; i++) {
            float4 first = from[i * CONSUMERS];
            float* s = &sum[0][0] + 4 * i;
            s[0] = first.x + s[0];
            s[1] = first.y + s[1];
            s[2] = first.z + s[2];
            s[3] = first.w + s[3];
        }
    }

    /** Stores this segment's sums in the stages' shared memory, token after token. */
    __device__ __forceinline__ void spread(const float (&acc)[SUBTILES][ACCUMULATORS]) const {
        syncThreads(1, CONSUMERS);  // all consumers have read the last stage
        uint32_t at = ring + (fragmentToken() * STRIDE + threadIdx.x % 4 * 2) * 4;
#pragma unroll
        for (int i = 0; i < SUBTILES; i++) {
#pragma unroll
            for (int j = 0; j < ROWS / 8; j++) {
#pragma unroll
                for (int half = 0; half < 2; half++) {
                    asm volatile("st.shared.v2.f32 [%0], {%1, %2};" ::"r"(at + ((64 * i + 8 * half) * STRIDE + 8 * j) * 4),
                                 "f"(acc[i][4 * j + 2 * half]), "f"(acc[i][4 * j + 2 * half + 1])
                                 : "memory");
                }
            }
        }
    }

    /** Number of tokens of a tile that this CTA of the cluster finishes. */
    __device__ __forceinline__ int shareOf(int first) const {
        return (min(TOKENS, tokens - first) - (int)blockIdx.z + SEGMENTS - 1) / SEGMENTS;
    }

    /** Finishes this CTA's share of the cluster's tile: every SEGMENTS-th token. */
    __device__ __forceinline__ void finishShare() const {
        Place at = place(blockIdx.x);
        int mine = shareOf(at.token);
        withEpilogue(p, [&](auto known) {
            constexpr Epilogue E = decltype(known)::EPILOGUE;
            if constexpr (E != EPILOGUE_GATED) {
                constexpr int QUADS = ROWS / 4;
                constexpr int TOGETHER = SEGMENTS == 2 ? 4 : 2;  // whose loads are in flight at once
                for (int first = threadIdx.x; first < mine * QUADS; first += CONSUMERS * TOGETHER) {
                    float4 parts[TOGETHER][SEGMENTS];
                    alignas(16) float residual[TOGETHER][4];
                    float scale[TOGETHER];
#pragma unroll
                    for (int j = 0; j < TOGETHER; j++) {
                        // Tokens past the last read the last one again, and are not written.
                        int i = min(first + j * CONSUMERS, mine * QUADS - 1);
                        int token = i / QUADS * SEGMENTS + blockIdx.z;
                        int row = i % QUADS * 4;
                        scale[j] = rowScale(p, at.token + token);
                        if constexpr (E == EPILOGUE_ADD) {
                            loadResidual<4>(p, at.token + token, at.row + row, residual[j]);
                        }
                        readParts(token, row, parts[j]);
                    }
#pragma unroll
                    for (int j = 0; j < TOGETHER; j++) {
                        int i = first + j * CONSUMERS;
                        if (i < mine * QUADS) {
                            float4 x = closeSegments<SEGMENTS>(parts[j]);
                            float sums[4] = {x.x, x.y, x.z, x.w};
                            int token = i / QUADS * SEGMENTS + blockIdx.z;
                            finishColumns<T, E, 4>(p, at.token + token, at.row + i % QUADS * 4, scale[j], sums, residual[j]);
                        }
                    }
                }
            } else if constexpr (ROWS % 16 == 0) {
                constexpr int QUADS = ROWS / 8;  // each is four rows of gate and the four of up that are 8 higher
                for (int i = threadIdx.x; i < mine * QUADS; i += CONSUMERS) {
                    int token = i / QUADS * SEGMENTS + blockIdx.z;
                    int row = i % QUADS / 2 * 16 + i % 2 * 4;
                    float4 gates[SEGMENTS];
                    float4 ups[SEGMENTS];
                    readParts(token, row, gates);
                    readParts(token, row + 8, ups);
                    float4 x = closeSegments<SEGMENTS>(gates);
                    float4 y = closeSegments<SEGMENTS>(ups);
                    float gate[4] = {x.x, x.y, x.z, x.w};
                    float up[4] = {y.x, y.y, y.z, y.w};
                    finishGated<T, 4>(p, at.token + token, (at.row + row) / 16 * 8 + row % 8, rowScale(p, at.token + token), gate, up);
                }
            }
        });
    }

    /** The sums of four rows of a token, by CTA of the cluster. */
    __device__ __forceinline__ void readParts(int token, int row, float4 (&parts)[SEGMENTS]) const {
#pragma unroll
        for (int i = 0; i < SEGMENTS; i++) {
            parts[i] = readCluster(ring + (token * STRIDE + row) * 4, i);
        }
    }

    /**
     * Epilogue: `prepare` before inputs are there; of tiles whose CTA has all segments, `begin` before a tile's sums, `finish` with them; of
     * clusters `finishShare`, in which each warp waits for the cluster once.
     */
    template <class Epilogue>
    __device__ __forceinline__ void run(Epilogue& epilogue) {
        extern __shared__ __align__(1024) char dynamic[];
        ring = sharedAddress(dynamic);
        full = ring + gemmRingBytes(TOKENS, ROWS, SEGMENTS, STAGES);
        empty = full + 8 * STAGES;
        if (threadIdx.x == 0) {
            for (int i = 0; i < STAGES; i++) {
                initBarrier(full + 8 * i, 1);
                initBarrier(empty + 8 * i, 4 * TILE_WARPGROUPS);
            }
            barriersReady();
        }
        tokens = matmulTokens(p);
        blocks = pad64(p.k) >> 6;
        if (SEGMENTS > 1 && blockIdx.x >= tokenTiles() * rowTiles()) {
            waitForInputs();
            return;
        }
        __syncthreads();
        if (threadIdx.x < CONSUMERS) {
            if constexpr (SHIFTED) {
                asm volatile("setmaxnreg.inc.sync.aligned.u32 232;");
            }
            consume(epilogue);
        } else {
            if constexpr (SHIFTED) {
                asm volatile("setmaxnreg.dec.sync.aligned.u32 40;");
            }
            if (threadIdx.x < CONSUMERS + 32) {
                produce();
            }
        }
        if constexpr (SEGMENTS > 1) {
            if (threadIdx.x < CONSUMERS) {
                epilogue.finishShare(*this);
            } else {
                syncCluster();
            }
            syncCluster();  // a CTA must not exit while others read its sums
        }
    }
};

#endif

// The GEMM of a weight and activations, without its epilogue. Shapes, order and mapping are in matmul.cu.
#pragma once
#include "epilogue.h"
#include "launch.h"
#include "layout.h"
#include "mma.h"
#include "params.h"

constexpr int BLOCK = 8192;  // bytes of 64 rows x 64 k

#if __CUDA_ARCH__ >= 900
#define CLUSTER(SEGMENTS) __cluster_dims__(1, 1, SEGMENTS)
#else
#define CLUSTER(SEGMENTS)
#endif

/** Waits for all threads of the cluster, whose stores to shared memory before are then visible. */
__device__ __forceinline__ void syncCluster() {
#if __CUDA_ARCH__ >= 900
    asm volatile("barrier.cluster.arrive.release.aligned; barrier.cluster.wait.acquire.aligned;" ::: "memory");
#endif
}

/** Reads four floats from the shared memory of CTA `rank` of the cluster, at this CTA's address `at`. */
__device__ __forceinline__ float4 readCluster(uint32_t at, int rank) {
    float4 x = {};
#if __CUDA_ARCH__ >= 900
    asm volatile(
            "{.reg .b32 a; mapa.shared::cluster.u32 a, %4, %5; ld.shared::cluster.v4.f32 {%0,%1,%2,%3}, [a];}"
            : "=f"(x.x), "=f"(x.y), "=f"(x.z), "=f"(x.w)
            : "r"(at), "r"(rank)
            : "memory");
#endif
    return x;
}

/** SEGMENTS: the weight's number of split-K segments, if each has a CTA; 0 if one CTA computes all of them. */
template <class T, int ROWS, int TOKENS, int ROW_WARPS, int TOKEN_WARPS, int STAGES, int SEGMENTS>
struct Matmul {
    static constexpr int TILE_ROWS = ROWS;
    static constexpr int TILE_TOKENS = TOKENS;
    static constexpr bool SPLIT = SEGMENTS > 0;
    static constexpr bool CLUSTERED = SEGMENTS > 1;
    static constexpr int THREADS = 32 * ROW_WARPS * TOKEN_WARPS;
    static constexpr int STAGE = (ROWS + TOKENS) * 128;
    static constexpr int MI = ROWS / ROW_WARPS / 16;
    static constexpr int NI = TOKENS / TOKEN_WARPS / 8;
    static_assert(BLOCK % (THREADS * 16) == 0 && TOKENS * 8 % THREADS == 0, "a pass of all threads stays in one block");
    static_assert(NI % 2 == 0, "ldmatrix brings two column tiles at once");

    const MatmulParams& p;
    const char* weight[(ROWS + 63) / 64];
    const char* x[(TOKENS + 63) / 64];
    uint32_t shared;

    __device__ __forceinline__ void load(int block, int stage) const {
        loadWeight(block, stage);
        loadX(block, stage);
    }

    __device__ __forceinline__ void loadWeight(int block, int stage) const {
        uint32_t to = shared + stage * STAGE;
#pragma unroll
        for (int i = 0; i < ROWS * 8 / THREADS; i++) {
            constexpr int PASS = THREADS * 16;
            const char* from = weight[i * PASS / BLOCK] + (size_t)block * BLOCK + i * PASS % BLOCK;
            copy16(to + i * PASS + threadIdx.x * 16, from + threadIdx.x * 16);
        }
    }

    __device__ __forceinline__ void loadX(int block, int stage) const {
        uint32_t to = shared + stage * STAGE;
#pragma unroll
        for (int i = 0; i < TOKENS * 8 / THREADS; i++) {
            constexpr int PASS = THREADS * 16;
            const char* from = x[i * PASS / BLOCK] + (size_t)block * BLOCK + i * PASS % BLOCK;
            copy16(to + ROWS * 128 + i * PASS + threadIdx.x * 16, from + threadIdx.x * 16);
        }
    }

    /** Multiplies one stage: four steps of 16 k. */
    __device__ __forceinline__ void multiply(int stage, float (&acc)[MI][NI][4]) const {
        int lane = threadIdx.x & 31;
        int warp = threadIdx.x >> 5;
        // Row blocks are multiples of 8, so a lane's row & 7 is the same in all of them.
        uint32_t turn = lane & 7;
        uint32_t a = shared + stage * STAGE + (warp % ROW_WARPS * MI * 16 + (lane & 15)) * 128;
        uint32_t b = shared + stage * STAGE + ROWS * 128 +
                     (warp / ROW_WARPS * NI * 8 + (lane & 7) + (lane >> 4) * 8) * 128;
#pragma unroll
        for (int step = 0; step < 4; step++) {
            uint32_t pieceA = (step * 2 + (lane >> 4)) ^ turn;
            uint32_t pieceB = (step * 2 + (lane >> 3 & 1)) ^ turn;
            uint32_t af[MI][4];
#pragma unroll
            for (int i = 0; i < MI; i++) {
                ldmatrix(af[i], a + i * 16 * 128 + pieceA * 16);
            }
#pragma unroll
            for (int j = 0; j < NI; j += 2) {
                uint32_t bf[4];
                ldmatrix(bf, b + j * 8 * 128 + pieceB * 16);
#pragma unroll
                for (int i = 0; i < MI; i++) {
                    mma<T>(acc[i][j], af[i], bf[0], bf[1]);
                    mma<T>(acc[i][j + 1], af[i], bf[2], bf[3]);
                }
            }
        }
    }

    __device__ __forceinline__ static void clear(float (&acc)[MI][NI][4]) {
#pragma unroll
        for (int i = 0; i < MI * NI * 4; i++) {
            (&acc[0][0][0])[i] = 0.0f;
        }
    }

    static constexpr int WIDTH = ROWS + 4;  // stride of a token's sums in shared memory: fragments then touch 32 banks

    /** Stores the sums in shared memory by token, so that neighbouring threads read neighbouring columns. */
    __device__ __forceinline__ void spread(const float (&sum)[MI][NI][4]) const {
        extern __shared__ __align__(1024) char dynamic[];
        static_assert(TOKENS * WIDTH * 4 <= STAGES * STAGE, "sums fit where the stages were");
        float* sums = (float*)dynamic;
        int lane = threadIdx.x & 31;
        int warp = threadIdx.x >> 5;
        int row = warp % ROW_WARPS * MI * 16 + (lane >> 2);
        int token = warp / ROW_WARPS * NI * 8 + (lane & 3) * 2;
        waitCopies<0>();
        __syncthreads();
#pragma unroll
        for (int i = 0; i < MI; i++) {
#pragma unroll
            for (int j = 0; j < NI; j++) {
#pragma unroll
                for (int k = 0; k < 4; k++) {
                    sums[(token + j * 8 + (k & 1)) * WIDTH + row + i * 16 + (k >> 1) * 8] = sum[i][j][k];
                }
            }
        }
    }

    /** Four sums over the half of a cluster's segments that begins with `first`, left to right. */
    template <int RANKS>
    __device__ __forceinline__ static float4 closeHalf(uint32_t at, int first) {
        float4 x = readCluster(at, first);
#pragma unroll
        for (int segment = 1; segment < RANKS / 2; segment++) {
            x = add(x, readCluster(at, first + segment));
        }
        return x;
    }

    __device__ __forceinline__ static float4 add(float4 a, float4 b) {
        return make_float4(a.x + b.x, a.y + b.y, a.z + b.z, a.w + b.w);
    }

    /** Finishes share `rank` of RANKS of the tile: adds the sums that RANKS CTAs have stored. */
    template <int RANKS>
    __device__ __forceinline__ void finish(int firstRow, int firstToken, int tokens, int rank) const {
        constexpr int QUADS = ROWS / 8;  // per token; each is four rows, and the four that are 8 higher
        int quads = min(TOKENS, tokens - firstToken) * QUADS;
#pragma unroll 1
        for (int i = threadIdx.x * RANKS + rank; i < quads; i += THREADS * RANKS) {
            int t = i / QUADS;
            int r = i % QUADS / 2 * 16 + i % 2 * 4;
            uint32_t at = shared + (t * WIDTH + r) * 4;
            float sums[2][4];
#pragma unroll
            for (int j = 0; j < 2; j++) {
                float4 x = RANKS > 1 ? closeHalf<RANKS>(at + j * 32, 0) : readOwn(at + j * 32);
                if (RANKS > 1) {
                    x = add(x, closeHalf<RANKS>(at + j * 32, RANKS / 2));
                }
                sums[j][0] = x.x;
                sums[j][1] = x.y;
                sums[j][2] = x.z;
                sums[j][3] = x.w;
            }
            finishQuads<T>(p, firstToken + t, firstRow + r, sums[0], sums[1]);
        }
    }

    __device__ __forceinline__ static float4 readOwn(uint32_t at) {
        float4 x;
        asm volatile("ld.shared.v4.f32 {%0,%1,%2,%3}, [%4];" : "=f"(x.x), "=f"(x.y), "=f"(x.z), "=f"(x.w) : "r"(at) : "memory");
        return x;
    }

    /** Stores this segment's sums in `partials`; true in the CTA that arrives last, which then has the sum of all. */
    __device__ __forceinline__ bool closeInMemory(float (&acc)[MI][NI][4]) const {
        __shared__ bool last;
        int tile = blockIdx.y * gridDim.x + blockIdx.x;
        float* sums = p.partials + (size_t)tile * p.segments * ROWS * TOKENS + threadIdx.x;
        float* mine = sums + (size_t)blockIdx.z * ROWS * TOKENS;
#pragma unroll
        for (int i = 0; i < MI * NI * 4; i++) {
            __stcg(mine + i * THREADS, (&acc[0][0][0])[i]);
        }
        __threadfence();
        __syncthreads();
        if (threadIdx.x == 0) {
            last = atomicAdd(p.arrivals + tile, 1) == p.segments - 1;
        }
        __syncthreads();
        if (!last) {
            return false;
        }
        __threadfence();
        if (threadIdx.x == 0) {
            p.arrivals[tile] = 0;
        }
        float second[MI][NI][4];
        closeHalfInMemory(acc, sums, 0);
        closeHalfInMemory(second, sums, p.segments / 2);
#pragma unroll
        for (int i = 0; i < MI * NI * 4; i++) {
            (&acc[0][0][0])[i] += (&second[0][0][0])[i];
        }
        return true;
    }

    /** The sum over the half of the segments that begins with `first`, left to right. */
    __device__ __forceinline__ void closeHalfInMemory(float (&half)[MI][NI][4], const float* sums, int first) const {
#pragma unroll
        for (int i = 0; i < MI * NI * 4; i++) {
            (&half[0][0][0])[i] = __ldcg(sums + (size_t)first * ROWS * TOKENS + i * THREADS);
        }
        for (int segment = 1; segment < p.segments / 2; segment++) {
            const float* other = sums + (size_t)(first + segment) * ROWS * TOKENS;
#pragma unroll
            for (int i = 0; i < MI * NI * 4; i++) {
                (&half[0][0][0])[i] += __ldcg(other + i * THREADS);
            }
        }
    }

    /**
     * Epilogue: `begin` before the first tiles are asked for, and before x is there; `prepare` while they come, with what `begin` gave; `finish` once this
     * CTA's sums are in shared memory. Not for clusters.
     */
    template <class Epilogue>
    __device__ __forceinline__ void run(const Epilogue& epilogue) {
        extern __shared__ __align__(1024) char dynamic[];
        letNextBegin();
        shared = sharedAddress(dynamic);
        int tokens = matmulTokens(p);
        int firstToken = blockIdx.x * TOKENS;
        if (firstToken >= tokens) {
            waitForInputs();
            return;
        }
        int firstRow = blockIdx.y * ROWS;
        int blocks = pad64(p.k) >> 6;
#pragma unroll
        for (int i = 0; i < (ROWS + 63) / 64; i++) {
            // A tile may reach past the last block: it then reads the last one twice, and stores none of the second.
            int at = min(firstRow / 64 + i, (pad64(p.rows) >> 6) - 1);
            weight[i] = (const char*)p.weight + (size_t)at * blocks * BLOCK;
        }
#pragma unroll
        for (int i = 0; i < (TOKENS + 63) / 64; i++) {
            int at = min(firstToken / 64 + i, (tokens - 1) / 64);
            x[i] = (const char*)p.x + (size_t)at * blocks * BLOCK + firstToken % 64 * 128;
        }
        int from = SPLIT ? segmentStart(p, blockIdx.z) : 0;
        int to = SPLIT ? segmentStart(p, blockIdx.z + 1) : blocks;
        auto early = epilogue.begin(firstToken, tokens);
        // No kernel writes weights, so their copies start while x is still being computed. The first group includes x.
#pragma unroll
        for (int i = 0; i < STAGES - 1; i++) {
            if (from + i < to) {
                loadWeight(from + i, i);
            }
        }
        waitForInputs();
#pragma unroll
        for (int i = 0; i < STAGES - 1; i++) {
            if (from + i < to) {
                loadX(from + i, i);
            }
            commitCopies();
        }
        epilogue.template prepare<TOKENS>(early, firstToken, tokens);
        float acc[MI][NI][4];
        clear(acc);
        float sum[MI][NI][4];    // over the segments of the present half
        float first[MI][NI][4];  // over the first half
        clear(first);
        int segment = 0;
        int end = SPLIT ? to : segmentStart(p, 1);
        int stage = 0;
        for (int block = from; block < to; block++) {
            waitCopies<STAGES - 2>();
            __syncthreads();
            if (block + STAGES - 1 < to) {
                load(block + STAGES - 1, stage == 0 ? STAGES - 1 : stage - 1);
            }
            commitCopies();
            multiply(stage, acc);
            stage = stage + 1 == STAGES ? 0 : stage + 1;
            if (!SPLIT && block + 1 == end) {
                bool halfway = segment > 0 && segment == p.segments / 2;
#pragma unroll
                for (int i = 0; i < MI * NI * 4; i++) {
                    float s = (&acc[0][0][0])[i];
                    float& half = (&sum[0][0][0])[i];
                    if (halfway) {
                        (&first[0][0][0])[i] = half;
                    }
                    half = segment == 0 || halfway ? s : half + s;
                }
                clear(acc);
                segment++;
                end = segmentStart(p, segment + 1);
            }
        }
        if (!SPLIT && p.segments > 1) {
#pragma unroll
            for (int i = 0; i < MI * NI * 4; i++) {
                (&sum[0][0][0])[i] = (&first[0][0][0])[i] + (&sum[0][0][0])[i];
            }
        }
        if constexpr (!CLUSTERED) {
            spread(SPLIT ? acc : sum);
            __syncthreads();
            epilogue.finish(*this, firstRow, firstToken, tokens);
        } else {
#if __CUDA_ARCH__ >= 900
            spread(acc);
            syncCluster();
            finish<SEGMENTS>(firstRow, firstToken, tokens, blockIdx.z);
            syncCluster();  // a CTA must not exit while others read its sums
#else
            if (closeInMemory(acc)) {
                spread(acc);
                __syncthreads();
                finish<1>(firstRow, firstToken, tokens, 0);
            }
#endif
        }
    }
};

/** Epilogue that stores sums as MatmulParams says. */
struct Store {
    __device__ __forceinline__ int begin(int firstToken, int tokens) const { return 0; }

    template <int TOKENS>
    __device__ __forceinline__ void prepare(int early, int firstToken, int tokens) const {}

    template <class MatmulType>
    __device__ __forceinline__ void finish(const MatmulType& matmul, int firstRow, int firstToken, int tokens) const {
        matmul.template finish<1>(firstRow, firstToken, tokens, 0);
    }
};

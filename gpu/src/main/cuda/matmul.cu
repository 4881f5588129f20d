// matmul: sum[token][row] = x[token] . weight[row], segment sums added in order, then an epilogue (epilogue.h)
//
// Shapes   weight tiles (rows, k), x tiles (tokens, k); out rows or tiles (tokens, columns)
// Order    inside a segment one mma chain, 16 of k at a time; segments ascending (docs/numerics.md). Tiles, stages and the number
//          of CTAs change no bit.
// Mapping  the weight is the row side of the mma, tokens its columns. A CTA has ROWS x TOKENS outputs; its warps split them,
//          never k. 64 k of both operands are one stage: raw copies of 8 KB blocks, which ldmatrix reads as they lie.
//
//   _16 .. _128   64 rows, 4 warps of 16 rows. blockIdx = (token tile, row tile, segment).
//   x2, x4, x8    the same for a weight of 2, 4 or 8 segments: the CTAs of a tile are a cluster, leave their sums in shared memory
//                 and finish a share of the tile each. Before sm_90 there are no clusters: sums go to `partials`, and the last
//                 CTA of a tile to arrive adds them up.
//   _large        128 x 128, 8 warps of 64 x 32; segments one after the other, in registers. Token tiles are the fastest index, so
//                 that all tokens pass while a row tile's weights are in L2.
//
// Registers: at most 224.
// Roofline Qwen2.5-0.5B at 3.0 TB/s, 64 tokens: gate+up 17.4 MB 5.8 us, down 8.7 MB 2.9 us, head 272 MB 91 us; see docs/kernels.md.
#include "epilogue.h"
#include "layout.h"
#include "mma.h"
#include "params.h"

constexpr int BLOCK = 8192;  // bytes of 64 rows x 64 k

#if __CUDA_ARCH__ >= 900
#define CLUSTER(SEGMENTS) __cluster_dims__(1, 1, SEGMENTS)
#else
#define CLUSTER(SEGMENTS)
#endif

/** Waits for all threads of the cluster; what they wrote to shared memory before can then be read. */
__device__ __forceinline__ void syncCluster() {
#if __CUDA_ARCH__ >= 900
    asm volatile("barrier.cluster.arrive.release.aligned; barrier.cluster.wait.acquire.aligned;" ::: "memory");
#endif
}

/** Four floats of the shared memory of CTA `rank` of the cluster, at this CTA's address `at`. */
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

/** SEGMENTS is the weight's, if its CTAs split them; 0 if one CTA does them all. */
template <class T, int ROWS, int TOKENS, int ROW_WARPS, int TOKEN_WARPS, int STAGES, int SEGMENTS>
struct Matmul {
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
        uint32_t to = shared + stage * STAGE;
#pragma unroll
        for (int i = 0; i < ROWS * 8 / THREADS; i++) {
            constexpr int PASS = THREADS * 16;
            const char* from = weight[i * PASS / BLOCK] + (size_t)block * BLOCK + i * PASS % BLOCK;
            copy16(to + i * PASS + threadIdx.x * 16, from + threadIdx.x * 16);
        }
#pragma unroll
        for (int i = 0; i < TOKENS * 8 / THREADS; i++) {
            constexpr int PASS = THREADS * 16;
            const char* from = x[i * PASS / BLOCK] + (size_t)block * BLOCK + i * PASS % BLOCK;
            copy16(to + ROWS * 128 + i * PASS + threadIdx.x * 16, from + threadIdx.x * 16);
        }
    }

    /** One stage: four steps of 16 k. */
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

    static constexpr int WIDTH = ROWS + 4;  // of a token's sums in shared memory: fragments then touch 32 banks

    /** Lays the sums out in shared memory by token, so that neighbouring threads have neighbouring columns. */
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

    /** Finishes share `rank` of `RANKS` of the tile, adding up what that many CTAs spread. */
    template <int RANKS>
    __device__ __forceinline__ void finish(int firstRow, int firstToken, int tokens, int rank) const {
        constexpr int QUADS = ROWS / 8;  // of a token; each is four rows, and the four that are 8 further on
        int quads = min(TOKENS, tokens - firstToken) * QUADS;
#pragma unroll 1
        for (int i = threadIdx.x * RANKS + rank; i < quads; i += THREADS * RANKS) {
            int t = i / QUADS;
            int r = i % QUADS / 2 * 16 + i % 2 * 4;
            uint32_t at = shared + (t * WIDTH + r) * 4;
            float sums[2][4];
#pragma unroll
            for (int segment = 0; segment < RANKS; segment++) {
#pragma unroll
                for (int j = 0; j < 2; j++) {
                    float4 x = RANKS > 1 ? readCluster(at + j * 32, segment) : readOwn(at + j * 32);
                    sums[j][0] = segment == 0 ? x.x : sums[j][0] + x.x;
                    sums[j][1] = segment == 0 ? x.y : sums[j][1] + x.y;
                    sums[j][2] = segment == 0 ? x.z : sums[j][2] + x.z;
                    sums[j][3] = segment == 0 ? x.w : sums[j][3] + x.w;
                }
            }
            finishQuads<T>(p, firstToken + t, firstRow + r, sums[0], sums[1]);
        }
    }

    __device__ __forceinline__ static float4 readOwn(uint32_t at) {
        float4 x;
        asm volatile("ld.shared.v4.f32 {%0,%1,%2,%3}, [%4];" : "=f"(x.x), "=f"(x.y), "=f"(x.z), "=f"(x.w) : "r"(at) : "memory");
        return x;
    }

    /** Leaves this segment's sums; true in the CTA that came last, which then holds the sum of all. */
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
#pragma unroll
        for (int i = 0; i < MI * NI * 4; i++) {
            (&acc[0][0][0])[i] = __ldcg(sums + i * THREADS);
        }
        for (int segment = 1; segment < p.segments; segment++) {
            const float* other = sums + (size_t)segment * ROWS * TOKENS;
#pragma unroll
            for (int i = 0; i < MI * NI * 4; i++) {
                (&acc[0][0][0])[i] += __ldcg(other + i * THREADS);
            }
        }
        return true;
    }

    __device__ __forceinline__ void run() {
        extern __shared__ __align__(1024) char dynamic[];
        shared = sharedAddress(dynamic);
        int tokens = matmulTokens(p);
        int firstToken = blockIdx.x * TOKENS;
        if (firstToken >= tokens) {
            return;
        }
        int firstRow = blockIdx.y * ROWS;
        int blocks = pad64(p.k) >> 6;
#pragma unroll
        for (int i = 0; i < (ROWS + 63) / 64; i++) {
            // A tile may reach past the last block: it then reads that one twice, and stores nothing of it.
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
#pragma unroll
        for (int i = 0; i < STAGES - 1; i++) {
            if (from + i < to) {
                load(from + i, i);
            }
            commitCopies();
        }
        float acc[MI][NI][4];
        clear(acc);
        float sum[MI][NI][4];
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
#pragma unroll
                for (int i = 0; i < MI * NI * 4; i++) {
                    float s = (&acc[0][0][0])[i];
                    (&sum[0][0][0])[i] = segment == 0 ? s : (&sum[0][0][0])[i] + s;
                }
                clear(acc);
                segment++;
                end = segmentStart(p, segment + 1);
            }
        }
        if constexpr (!CLUSTERED) {
            spread(SPLIT ? acc : sum);
            __syncthreads();
            finish<1>(firstRow, firstToken, tokens, 0);
        } else {
#if __CUDA_ARCH__ >= 900
            spread(acc);
            syncCluster();
            finish<SEGMENTS>(firstRow, firstToken, tokens, blockIdx.z);
            syncCluster();  // nobody leaves while others read its sums
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

/** The oracle: one warp for 16 rows x 8 tokens, fragments gathered one element at a time. */
template <class T>
__device__ __forceinline__ void oracleMatmul(const MatmulParams& p) {
    int firstToken = blockIdx.x * 8;
    int firstRow = blockIdx.y * 16;
    int tokens = matmulTokens(p);
    if (firstToken >= tokens || firstRow >= pad64(p.rows)) {
        return;
    }
    int g = threadIdx.x >> 2;
    int c = threadIdx.x & 3;
    int columns = pad64(p.k);
    auto pair = [&](const void* from, int row, int k) {
        const T* at = (const T*)((const char*)from + tileOffset(row, k, columns, sizeof(T)));
        return (uint32_t)at[0].bits | (uint32_t)at[1].bits << 16;
    };
    int token = min(firstToken + g, tokens - 1);
    float sum[4];
    for (int segment = 0; segment < p.segments; segment++) {
        float acc[4] = {0.0f, 0.0f, 0.0f, 0.0f};
        for (int k = segmentStart(p, segment) * 64; k < segmentStart(p, segment + 1) * 64; k += 16) {
            uint32_t a[4];
            for (int i = 0; i < 4; i++) {
                a[i] = pair(p.weight, firstRow + g + (i & 1) * 8, k + 2 * c + (i >> 1) * 8);
            }
            mma<T>(acc, a, pair(p.x, token, k + 2 * c), pair(p.x, token, k + 2 * c + 8));
        }
        for (int i = 0; i < 4; i++) {
            sum[i] = segment == 0 ? acc[i] : sum[i] + acc[i];
        }
    }
    for (int i = 0; i < 2; i++) {
        if (firstToken + 2 * c + i < tokens) {
            finishSums<T>(p, firstToken + 2 * c + i, firstRow + g, sum[i], sum[i + 2]);
        }
    }
}

/** FP32: one chain of fmaf an output, 64 rows x 16 tokens a CTA; thread t has row t % 64 and eight tokens. */
__device__ __forceinline__ void matmulF32(const MatmulParams& p) {
    __shared__ float xs[16][33];
    __shared__ float ws[64][33];
    int tokens = matmulTokens(p);
    int firstToken = blockIdx.x * 16;
    if (firstToken >= tokens) {
        return;
    }
    int firstRow = blockIdx.y * 64;
    int columns = pad64(p.k);
    int row = threadIdx.x & 63;
    int half = threadIdx.x >> 6;
    float acc[8] = {};
    for (int k = 0; k < columns; k += 32) {
        __syncthreads();
        for (int i = threadIdx.x; i < 64 * 32; i += 128) {
            ws[i >> 5][i & 31] = *(const float*)((const char*)p.weight + tileOffset(firstRow + (i >> 5), k + (i & 31), columns, 4));
        }
        for (int i = threadIdx.x; i < 16 * 32; i += 128) {
            int token = min(firstToken + (i >> 5), tokens - 1);
            xs[i >> 5][i & 31] = *(const float*)((const char*)p.x + tileOffset(token, k + (i & 31), columns, 4));
        }
        __syncthreads();
        for (int i = 0; i < 32; i++) {
#pragma unroll
            for (int j = 0; j < 8; j++) {
                acc[j] = fmaf(xs[half * 8 + j][i], ws[row][i], acc[j]);
            }
        }
    }
    // finishSums takes rows in pairs r, r + 8: the partner's sums come from 8 lanes on.
#pragma unroll
    for (int j = 0; j < 8; j++) {
        float high = __shfl_down_sync(ALL_LANES, acc[j], 8);
        int token = firstToken + half * 8 + j;
        if ((row & 8) == 0 && token < tokens) {
            finishSums<float>(p, token, firstRow + row, acc[j], high);
        }
    }
}

#define MATMUL(NAME, CLUSTERS, T, THREADS, CTAS, ...)                                                                             \
    extern "C" __global__ void __launch_bounds__(THREADS, CTAS) CLUSTERS matmul_##NAME(const __grid_constant__ MatmulParams p) { \
        Matmul<T, __VA_ARGS__> product{p};                                                                                      \
        product.run();                                                                                                          \
    }
#define SPLIT_MATMUL(TYPE, T, TOKENS, STAGES)                                               \
    MATMUL(TYPE##_##TOKENS, , T, 128, 2, 64, TOKENS, 4, 1, STAGES, 1)                       \
    MATMUL(TYPE##_##TOKENS##x2, CLUSTER(2), T, 128, 2, 64, TOKENS, 4, 1, STAGES, 2)         \
    MATMUL(TYPE##_##TOKENS##x4, CLUSTER(4), T, 128, 2, 64, TOKENS, 4, 1, STAGES, 4)         \
    MATMUL(TYPE##_##TOKENS##x8, CLUSTER(8), T, 128, 2, 64, TOKENS, 4, 1, STAGES, 8)
#define MATMULS(TYPE, T)          \
    SPLIT_MATMUL(TYPE, T, 16, 8)  \
    SPLIT_MATMUL(TYPE, T, 32, 6)  \
    SPLIT_MATMUL(TYPE, T, 64, 6)  \
    SPLIT_MATMUL(TYPE, T, 128, 4) \
    MATMUL(TYPE##_large, , T, 256, 1, 128, 128, 2, 4, 3, 0)

MATMULS(bf16, Bf16)
MATMULS(f16, F16)

extern "C" __global__ void __launch_bounds__(128) matmul_f32(const __grid_constant__ MatmulParams p) { matmulF32(p); }
extern "C" __global__ void __launch_bounds__(32) oracle_matmul_bf16(const __grid_constant__ MatmulParams p) { oracleMatmul<Bf16>(p); }
extern "C" __global__ void __launch_bounds__(32) oracle_matmul_f16(const __grid_constant__ MatmulParams p) { oracleMatmul<F16>(p); }

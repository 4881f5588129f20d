// qkv: the GEMM of gemm_cluster.cu for queries, keys and values, with qkv_finish.cu as its epilogue
//
// Shapes   as gemm_cluster.cu and qkv_finish.cu; heads of 64 elements
// Order    as both: the same bits
// Mapping  as gemm_cluster.cu; a tile is whole heads. In the epilogue a warp takes one head of a token at a time; lane i has the pairs
//          j = i, i + 32, ...
//
// Registers: at most 168.
// Roofline Qwen2.5-0.5B at 4.3 TB/s, 64 tokens: 2.1 MB of weights, 0.5 us; see docs/kernels.md
#include "gemm.h"
#include "qkv_head.h"

#if __CUDA_ARCH__ >= 900

/** Epilogue of a tile of whole heads, of HEAD elements each. */
template <int HEAD>
struct FinishHeads {
    static constexpr int PAIRS = HEAD / 64;
    static constexpr int TOGETHER = 4;  // heads whose loads are in flight at once

    const QkvFinishParams& p;
    QkvPlace<Bf16> mine = {};  // destination of the warp's `lane`-th head

    /** Looks up the destinations of all heads of the warp. */
    template <class GemmType>
    __device__ __forceinline__ void prepare(const GemmType& gemm) {
        constexpr int HEADS = GemmType::TILE_ROWS / HEAD;
        auto at = gemm.place(blockIdx.x);
        int unit = (threadIdx.x >> 5) + GemmType::CONSUMERS / 32 * (threadIdx.x & 31);
        int head = at.row / HEAD + unit % HEADS;
        if (unit < gemm.shareOf(at.token) * HEADS && head < p.heads + 2 * p.kvHeads) {
            mine.find(p, at.token + unit / HEADS * GemmType::CLUSTER_SEGMENTS + blockIdx.z, head);
        }
    }

    __device__ __forceinline__ QkvPlace<Bf16> placeOf(int lane) const {
        QkvPlace<Bf16> place;
        place.out = (char*)__shfl_sync(ALL_LANES, (unsigned long long)mine.out, lane);
        place.slabBytes = __shfl_sync(ALL_LANES, mine.slabBytes, lane);
        place.turn = __shfl_sync(ALL_LANES, mine.turn, lane);
        place.position = __shfl_sync(ALL_LANES, mine.position, lane);
        return place;
    }

    /** A sum over all segments. */
    template <int SEGMENTS>
    __device__ __forceinline__ static float closeOne(uint32_t at) {
        float halves[2] = {readOne(at, 0), readOne(at, SEGMENTS / 2)};
#pragma unroll
        for (int i = 1; i < SEGMENTS / 2; i++) {
            halves[0] += readOne(at, i);
            halves[1] += readOne(at, SEGMENTS / 2 + i);
        }
        return halves[0] + halves[1];
    }

    /** Reads a float from the shared memory of CTA `rank` of the cluster. */
    __device__ __forceinline__ static float readOne(uint32_t at, int rank) {
        float x;
        asm volatile("{.reg .b32 a; mapa.shared::cluster.u32 a, %1, %2; ld.shared::cluster.f32 %0, [a];}" : "=f"(x) : "r"(at), "r"(rank));
        return x;
    }

    template <class GemmType>
    __device__ __forceinline__ void finishShare(const GemmType& gemm) const {
        constexpr int HEADS = GemmType::TILE_ROWS / HEAD;
        constexpr int SEGMENTS = GemmType::CLUSTER_SEGMENTS;
        constexpr int WARPS = GemmType::CONSUMERS / 32;
        auto at = gemm.place(blockIdx.x);
        int units = gemm.shareOf(at.token) * HEADS;
        int lane = threadIdx.x & 31;
        bool there = false;
        int done = 0;
        for (int first = threadIdx.x >> 5; first < units; first += WARPS * TOGETHER, done += TOGETHER) {
            float low[TOGETHER][PAIRS];
            float high[TOGETHER][PAIRS];
            QkvPlace<Bf16> places[TOGETHER];
            QkvTurn<PAIRS> turns[TOGETHER];
            float scales[TOGETHER];
#pragma unroll
            for (int k = 0; k < TOGETHER; k++) {
                // Heads past the last read the last one again, and are not written.
                int unit = min(first + k * WARPS, units - 1);
                int token = at.token + unit / HEADS * SEGMENTS + blockIdx.z;
                places[k] = placeOf(done + k);
                turns[k].load(p, places[k].position, at.row / HEAD + unit % HEADS);
                scales[k] = rowScale(gemm.p, token);
            }
            if (!there) {
                syncCluster();
                there = true;
            }
#pragma unroll
            for (int k = 0; k < TOGETHER; k++) {
                int unit = min(first + k * WARPS, units - 1);
                int token = unit / HEADS * SEGMENTS + blockIdx.z;
                uint32_t sums = gemm.ring + (token * GemmType::STRIDE + unit % HEADS * HEAD + lane) * 4;
#pragma unroll
                for (int i = 0; i < PAIRS; i++) {
                    low[k][i] = closeOne<SEGMENTS>(sums + 128 * i);
                    high[k][i] = closeOne<SEGMENTS>(sums + 128 * i + HEAD * 2);
                }
            }
#pragma unroll
            for (int k = 0; k < TOGETHER; k++) {
                int unit = first + k * WARPS;
                int head = at.row / HEAD + unit % HEADS;
                if (unit < units && head < p.heads + 2 * p.kvHeads) {
#pragma unroll
                    for (int i = 0; i < PAIRS; i++) {
                        low[k][i] = low[k][i] * scales[k];
                        high[k][i] = high[k][i] * scales[k];
                    }
                    finishHead<Bf16, PAIRS>(p, head, places[k], turns[k], low[k], high[k]);
                }
            }
        }
        if (!there) {
            syncCluster();
        }
    }
};
#define QKV_BODY(HEAD, TOKENS, ROWS, SEGMENTS, STAGES)            \
    Gemm<Bf16, TOKENS, ROWS, SEGMENTS, 1, STAGES> gemm{p.matmul}; \
    FinishHeads<HEAD> epilogue{p.heads};                          \
    gemm.run(epilogue);
#else
#define QKV_BODY(...)
#endif

/** Instances, for heads of HEAD elements; tiles are as in gemm_tiles.h. On GPUs other than Hopper they do nothing. */
#define QKV(HEAD, TOKENS, ROWS, SEGMENTS, STAGES, CTAS)                                                \
    extern "C" __global__ void __launch_bounds__(gemmThreads(TOKENS, ROWS, 1), CTAS) CLUSTER(SEGMENTS) \
            qkv_bf16_##HEAD##_##TOKENS##x##ROWS##x##SEGMENTS(const __grid_constant__ QkvParams p) {    \
        QKV_BODY(HEAD, TOKENS, ROWS, SEGMENTS, STAGES)                                                 \
    }

QKV_TILES(QKV)

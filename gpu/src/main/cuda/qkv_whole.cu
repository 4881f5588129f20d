// qkv_whole: the GEMM of gemm.cu for queries, keys and values, with qkv_finish.cu as its epilogue; for many tokens
//
// Shapes   as gemm.cu and qkv_finish.cu; heads of 64 or 128 elements
// Order    as both: the same bits
// Mapping  as gemm.cu; a tile is whole heads, a thread has both elements of the pairs that are rotated together (qkv_fragments.h)
//
// Registers: at most 168.
// Roofline Llama-3.2-1B at 788 TFLOP/s, 2,048 tokens: 33 us; see docs/kernels.md
#include "gemm.h"
#include "qkv_fragments.h"

#if __CUDA_ARCH__ >= 900
#define QKV_WHOLE_BODY(HEAD, TOKENS, ROWS, MOST, STAGES)      \
    Gemm<Bf16, TOKENS, ROWS, 1, MOST, STAGES> gemm{p.matmul}; \
    FinishFragments<HEAD> epilogue{p.heads};                  \
    gemm.run(epilogue);
#else
#define QKV_WHOLE_BODY(...)
#endif

/** Instances, for heads of HEAD elements; tiles are as in gemm_tiles.h. On GPUs other than Hopper they do nothing. */
#define QKV_WHOLE(HEAD, TOKENS, ROWS, MOST, STAGES, CTAS)                                         \
    extern "C" __global__ void __launch_bounds__(gemmThreads(TOKENS, ROWS, MOST), CTAS)           \
            qkv_bf16_##HEAD##_##TOKENS##x##ROWS##all##MOST(const __grid_constant__ QkvParams p) { \
        QKV_WHOLE_BODY(HEAD, TOKENS, ROWS, MOST, STAGES)                                          \
    }

QKV_WHOLE_TILES(QKV_WHOLE)

// gemm: sum[token][row] = x[token] . weight[row], segment sums added by halves, then an epilogue: the products of matmul.cu, with their
// bits, on Hopper's tensor cores (wgmma). BF16, compute capability 9.0.
//
// Shapes   as matmul.cu
// Order    as matmul.cu: a chain of wgmma has the bits of one of mma.sync, whatever its tile (docs/numerics.md)
// Mapping  tokens are the rows of the tensor core's products, rows of the weight its columns, so that tiles can have any multiple of 8
//          of them, and a token's neighbouring columns are in one thread. One warp copies (bulk copies of at most 64 rows x 64 k, a ring
//          of stages, two barriers each); one warpgroup, or two that have half of the tokens each, multiply.
//
//   A x B        A tokens, B rows of the weight; CTAs walk through the tiles, and the copies of the next one run under the epilogue
//   all2, all8   the same for weights of up to 2 or 8 segments, one after the other; the first half's sums wait in `partials`
//
// gemm_cluster.cu has those whose CTAs have a segment each. Which tile is taken when: GemmTiles.java.
//
// Registers: at most 168.
// Roofline Llama-3.1-8B at 4.3 TB/s and 788 TFLOP/s, 256 tokens: gate+up 76 us; see docs/kernels.md
#include "gemm.h"

GEMM_WHOLE_TILES(GEMM)

// gemm: sum[token][row] = x[token] . weight[row], segment sums added by halves, then an epilogue: the GEMMs of matmul.cu, with the same
// bits, on Hopper's tensor cores (wgmma). BF16, compute capability 9.0.
//
// Shapes   as matmul.cu
// Order    as matmul.cu: an accumulation chain of wgmma has the bits of one of mma.sync, for every tile (docs/numerics.md)
// Mapping  tokens are the M dimension of the tensor core, rows of the weight its N dimension: so a tile can have any multiple of 8 rows,
//          and a thread holds neighbouring columns of a token. A producer warp copies (bulk copies of at most 64 rows x 64 k into a ring
//          of stages, two barriers each); one consumer warpgroup, or two with half of the tokens each, multiply.
//
//   A x B        A tokens, B rows of the weight; CTAs are persistent, and the copies of the next tile overlap the epilogue
//   all2, all8   the same for weights of up to 2 or 8 split-K segments, one after the other; `partials` keeps the first half's sums
//   turns        each of the two warpgroups multiplies a whole tile, in turns; the epilogue of one is hidden by the other
//
// gemm_cluster.cu has the kernels with one segment per CTA. GemmTiles.java chooses the tile.
//
// Registers: at most 168.
// Roofline Llama-3.1-8B at 4.3 TB/s and 788 TFLOP/s, 256 tokens: gate+up 76 us; see docs/kernels.md
#include "gemm.h"

GEMM_WHOLE_TILES(GEMM)
GEMM_TURN_TILES(GEMM_TURNS)

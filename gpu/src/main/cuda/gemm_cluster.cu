// gemm_cluster: the GEMMs of gemm.cu for weights of 2, 4 or 8 split-K segments and few tokens
//
// Mapping  as gemm.cu, but blockIdx = (tile, 0, segment), and the CTAs of a tile are a cluster: each stores its segment's sums in shared
//          memory and finishes every S-th token of the tile
//
//   A x B x S    A tokens, B rows of the weight, S segments
//
// Registers: at most 168.
// Roofline Llama-3.1-8B at 4.3 TB/s and 788 TFLOP/s, 256 tokens: down 38 us; see docs/kernels.md
#include "gemm.h"

GEMM_CLUSTER_TILES(GEMM)

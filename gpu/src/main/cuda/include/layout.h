// Address of an element in each storage layout. Kernels use these functions alone; TileLayout.java has the same for the host.
//
// tiles: a matrix (rows, k) in blocks of 64 rows x 128 bytes, [row / 64][k bytes / 128][64 rows][128 bytes]. The 16-byte
// piece c of a block's row r lies at piece c ^ (r & 7), so that eight rows of one column of pieces touch all banks.
// Rows and k are padded to 64; padding holds zeros and is not written after the start.
//
//            piece   0   1   2   3   4   5   6   7
//   row 0            0   1   2   3   4   5   6   7
//   row 1            1   0   3   2   5   4   7   6
//   row 2            2   3   0   1   6   7   4   5      ...
//
// kv: [block][kv head][K, V][slab][position in block][128 bytes], a slab being 128 bytes of a head (64 elements of 16
// bits, 32 of FP32); piece c of a position lies at c ^ (position & 7), positions of a block a multiple of 8.
#pragma once
#include <stddef.h>
#include <stdint.h>

__host__ __device__ inline int pad64(int n) { return (n + 63) & ~63; }

/** Elements of a head as stored: 64 or 128. */
__host__ __device__ inline int paddedHead(int headSize) { return headSize <= 64 ? 64 : 128; }

/** Byte offset of element (row, k) in tiles of `paddedK` columns, for elements of `bytes` bytes. */
__host__ __device__ inline size_t tileOffset(int row, int k, int paddedK, int bytes) {
    int at = k * bytes;
    size_t block = (size_t)(row >> 6) * (paddedK * bytes >> 7) + (at >> 7);
    int piece = (at >> 4 & 7) ^ (row & 7);
    return block * 8192 + (size_t)(row & 63) * 128 + piece * 16 + (at & 15);
}

/** Bytes of one block of one layer. */
__host__ __device__ inline size_t kvBlockBytes(int kvHeads, int head, int blockSize, int bytes) {
    return (size_t)kvHeads * 2 * head * bytes * blockSize;
}

/** Byte offset, in a layer's arena, of slab 0 of K (or V) at a position of a block; slabs are blockSize * 128 bytes apart. */
__host__ __device__ inline size_t kvOffset(
        int block, int kvHead, int value, int offset, int kvHeads, int head, int blockSize, int bytes) {
    size_t plane = (size_t)head * bytes * blockSize;
    return (((size_t)block * kvHeads + kvHead) * 2 + value) * plane + (size_t)offset * 128;
}

// tile_{bf16,f16,f32}: copies rows in a file's layout into tiles
//
//   tiles[target(row), k] = rows[row, k]       target: firstRow + row; rows of gate and up alternate by eight
//
// If a tensor has an infinity or NaN, its number goes to `refused`, the least of several; the values are copied as they are.
//
// Shapes   rows (count, rowBytes), wherever the GPU can read: pinned host memory; tiles (stored rows, paddedBytes), zero before
// Mapping  16 bytes of a tile per thread and iteration; rows are read in order, eight threads write a row of a tile
// Roofline 2 MB: bus-bound. H200: 46 GB/s on PCIe 5 from 32 CTAs on; the copy engine reaches 51 but needs a buffer and a second pass
#include "layout.h"
#include "params.h"
#include "scalar.h"

/** Not 0 if one of the numbers in these bits is an infinity or NaN, which have an exponent of all ones. */
template <class T>
__device__ __forceinline__ uint32_t notFinite(uint32_t bits);
template <>
__device__ __forceinline__ uint32_t notFinite<Bf16>(uint32_t bits) {
    return ((bits & 0x7f807f80u) + 0x00800080u) & 0x80008000u;
}
template <>
__device__ __forceinline__ uint32_t notFinite<F16>(uint32_t bits) {
    return ((bits & 0x7c007c00u) + 0x04000400u) & 0x80008000u;
}
template <>
__device__ __forceinline__ uint32_t notFinite<float>(uint32_t bits) {
    return ((bits & 0x7f800000u) + 0x00800000u) & 0x80000000u;
}

/** Reads a word at any even address; bytes past the row are zeros. */
__device__ __forceinline__ uint32_t word(const char* row, int at, int rowBytes) {
    uint32_t low = at < rowBytes ? *(const uint16_t*)(row + at) : 0;
    uint32_t high = at + 2 < rowBytes ? *(const uint16_t*)(row + at + 2) : 0;
    return low | high << 16;
}

template <class T>
__device__ __forceinline__ void tile(const TileParams& p) {
    int pieces = (p.rowBytes + 15) / 16;
    bool aligned = p.rowBytes % 16 == 0;
    uint32_t bad = 0;
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < p.count * pieces; i += gridDim.x * blockDim.x) {
        int row = i / pieces;
        int at = (i - row * pieces) * 16;
        const char* from = (const char*)p.rows + (size_t)row * p.rowBytes;
        uint4 piece;
        if (aligned) {
            piece = *(const uint4*)(from + at);
        } else {
            piece = make_uint4(word(from, at, p.rowBytes), word(from, at + 4, p.rowBytes),
                               word(from, at + 8, p.rowBytes), word(from, at + 12, p.rowBytes));
        }
        bad |= notFinite<T>(piece.x) | notFinite<T>(piece.y) | notFinite<T>(piece.z) | notFinite<T>(piece.w);
        int to = p.firstRow + row;
        if (p.alternate != ALTERNATE_NONE) {
            to = to / 8 * 16 + (p.alternate == ALTERNATE_UP ? 8 : 0) + to % 8;
        }
        *(uint4*)((char*)p.tiles + tileOffset(to, at, p.paddedBytes, 1)) = piece;
    }
    if (bad != 0) {
        atomicMin(p.refused, (uint32_t)p.number);
    }
}

extern "C" __global__ void __launch_bounds__(256) tile_bf16(const __grid_constant__ TileParams p) { tile<Bf16>(p); }
extern "C" __global__ void __launch_bounds__(256) tile_f16(const __grid_constant__ TileParams p) { tile<F16>(p); }
extern "C" __global__ void __launch_bounds__(256) tile_f32(const __grid_constant__ TileParams p) { tile<float>(p); }

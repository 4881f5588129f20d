// Finishes whole heads whose sums are in the registers of a warpgroup, as wgmma leaves them; the bits are those of finishHead (qkv_head.h).
#pragma once
#include "gemm_epilogue.h"
#include "layout.h"
#include "params.h"
#include "scalar.h"

/**
 * Epilogue of a tile of whole heads, of HEAD elements each. Of every head a thread has elements 8 j + 2 c, + 1 of tokens `token` and
 * `token + 8`, so both elements that are rotated together; c is its place in a quad of lanes.
 */
template <int HEAD>
struct FinishFragments {
    static constexpr int PIECES = HEAD / 16;  // of eight elements, in half a head

    const QkvFinishParams& p;
    int position[2] = {};
    int block[2] = {};  // KV block of the position

    template <class GemmType>
    __device__ __forceinline__ void prepare(const GemmType& gemm) const {}

    /** Looks up where keys and values of this thread's tokens go; tokens past the last read the last one's. */
    template <class GemmType>
    __device__ __forceinline__ void begin(const GemmType& gemm, int firstToken) {
#pragma unroll
        for (int half = 0; half < 2; half++) {
            int token = min(firstToken + GemmType::fragmentToken() + 8 * half, gemm.tokens - 1);
            position[half] = p.positions[token];
            block[half] = p.blocks[(size_t)p.rowTable[p.rowOf[token]] * p.tableStride + position[half] / p.blockSize];
        }
    }

    template <class GemmType, int ACCUMULATORS>
    __device__ __forceinline__ void finish(const GemmType& gemm, int firstToken, int firstRow, const float (&scales)[1][2],
                                           const float (&acc)[1][ACCUMULATORS]) const {
        int firstHead = firstRow / HEAD;
        int column = threadIdx.x % 4 * 2;
#pragma unroll
        for (int half = 0; half < 2; half++) {
            int token = firstToken + GemmType::fragmentToken() + 8 * half;
            float2 cos[PIECES];
            float2 sin[PIECES];
            if (firstHead < p.heads + p.kvHeads) {
                size_t turns = (size_t)position[half] * p.pairs + column;
#pragma unroll
                for (int j = 0; j < PIECES; j++) {
                    cos[j] = *(const float2*)(p.cos + turns + 8 * j);
                    sin[j] = *(const float2*)(p.sin + turns + 8 * j);
                }
            }
#pragma unroll
            for (int i = 0; i < GemmType::TILE_ROWS / HEAD; i++) {
                int head = firstHead + i;
                if (head >= p.heads + 2 * p.kvHeads) {
                    break;
                }
                float2 low[PIECES];
                float2 high[PIECES];
#pragma unroll
                for (int j = 0; j < PIECES; j++) {
                    const float* a = acc[0] + (i * 2 * PIECES + j) * 4 + 2 * half;
                    const float* b = a + PIECES * 4;
                    low[j] = make_float2(a[0] * scales[0][half], a[1] * scales[0][half]);
                    high[j] = make_float2(b[0] * scales[0][half], b[1] * scales[0][half]);
                }
                addBias(head, low, high);
                normalize(head, low, high);
                store(token < gemm.tokens, head, token, half, cos, sin, low, high);
            }
        }
    }

    __device__ __forceinline__ void addBias(int head, float2 (&low)[PIECES], float2 (&high)[PIECES]) const {
        if (p.bias == nullptr) {
            return;
        }
        const float* bias = p.bias + head * HEAD + threadIdx.x % 4 * 2;
#pragma unroll
        for (int j = 0; j < PIECES; j++) {
            float2 a = *(const float2*)(bias + 8 * j);
            float2 b = *(const float2*)(bias + HEAD / 2 + 8 * j);
            low[j] = make_float2(low[j].x + a.x, low[j].y + a.y);
            high[j] = make_float2(high[j].x + b.x, high[j].y + b.y);
        }
    }

    /** Scales a head that has a norm. Squares are added as 32 lanes of finishHead add them; this thread has its lanes 8 j + 2 c, + 1. */
    __device__ __forceinline__ void normalize(int head, float2 (&low)[PIECES], float2 (&high)[PIECES]) const {
        bool query = head < p.heads;
        const float* weight = query ? p.queryNorm : (head >= p.heads + p.kvHeads ? nullptr : p.keyNorm);
        if (weight == nullptr) {
            return;
        }
        float2 squares[4];
#pragma unroll
        for (int j = 0; j < 4; j++) {
            squares[j] = make_float2(0.0f, 0.0f);
#pragma unroll
            for (int i = j; i < PIECES; i += 4) {
                squares[j].x = fmaf(high[i].x, high[i].x, fmaf(low[i].x, low[i].x, squares[j].x));
                squares[j].y = fmaf(high[i].y, high[i].y, fmaf(low[i].y, low[i].y, squares[j].y));
            }
        }
        float even = (squares[0].x + squares[2].x) + (squares[1].x + squares[3].x);
        float odd = (squares[0].y + squares[2].y) + (squares[1].y + squares[3].y);
#pragma unroll
        for (int apart = 2; apart > 0; apart /= 2) {
            even += __shfl_xor_sync(ALL_LANES, even, apart);
            odd += __shfl_xor_sync(ALL_LANES, odd, apart);
        }
        float inverse = inverseRoot(even + odd, HEAD, query ? p.queryEpsilon : p.keyEpsilon);
        weight += threadIdx.x % 4 * 2;
#pragma unroll
        for (int j = 0; j < PIECES; j++) {
            float2 a = *(const float2*)(weight + 8 * j);
            float2 b = *(const float2*)(weight + HEAD / 2 + 8 * j);
            low[j] = make_float2((low[j].x * inverse) * a.x, (low[j].y * inverse) * a.y);
            high[j] = make_float2((high[j].x * inverse) * b.x, (high[j].y * inverse) * b.y);
        }
    }

    /** Rotates queries and keys, rounds, and stores pieces of 16 bytes; all lanes of a warp call it. */
    __device__ __forceinline__ void store(bool there, int head, int token, int half, const float2 (&cos)[PIECES], const float2 (&sin)[PIECES],
                                          const float2 (&low)[PIECES], const float2 (&high)[PIECES]) const {
        bool value = head >= p.heads + p.kvHeads;
        uint32_t words[2 * PIECES];
#pragma unroll
        for (int j = 0; j < PIECES; j++) {
            float2 a = low[j];
            float2 b = high[j];
            if (!value) {
                a = make_float2(low[j].x * cos[j].x - high[j].x * sin[j].x, low[j].y * cos[j].y - high[j].y * sin[j].y);
                b = make_float2(high[j].x * cos[j].x + low[j].x * sin[j].x, high[j].y * cos[j].y + low[j].y * sin[j].y);
            }
            words[j] = (uint32_t)narrow<Bf16>(a.x).bits | (uint32_t)narrow<Bf16>(a.y).bits << 16;
            words[PIECES + j] = (uint32_t)narrow<Bf16>(b.x).bits | (uint32_t)narrow<Bf16>(b.y).bits << 16;
        }
        char* out = (char*)p.q + ((size_t)token * p.heads + head) * HEAD * 2;
        int slabBytes = 128;
        int turn = 0;
        if (head >= p.heads) {
            int offset = position[half] % p.blockSize;
            out = (char*)p.kv + kvOffset(block[half], (head - p.heads) % p.kvHeads, value, offset, p.kvHeads, HEAD, p.blockSize, 2);
            slabBytes = p.blockSize * 128;
            turn = offset & 7;
        }
        int lane = threadIdx.x % 4;
#pragma unroll
        for (int j = 0; j < 2 * PIECES; j += 4) {
            uint4 piece = turnQuad(words[j], words[j + 1], words[j + 2], words[j + 3]);
            if (there) {
                *(uint4*)(out + (size_t)(j / 8) * slabBytes + ((j % 8 + lane) ^ turn) * 16) = piece;
            }
        }
    }
};

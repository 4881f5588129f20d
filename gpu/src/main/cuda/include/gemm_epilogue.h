// The epilogue for sums of neighbouring columns in a thread's registers; the bits are those of epilogue.h.
#pragma once
#include "epilogue.h"
#include "silu.h"

/** An epilogue as a compile-time constant. */
template <Epilogue E>
struct Known {
    static constexpr Epilogue EPILOGUE = E;
};

/** Calls `body` with the launch's epilogue: one branch, outside all loops. */
template <class Body>
__device__ __forceinline__ void withEpilogue(const MatmulParams& p, const Body& body) {
    switch (p.epilogue) {
        case EPILOGUE_STORE: body(Known<EPILOGUE_STORE>()); break;
        case EPILOGUE_ADD: body(Known<EPILOGUE_ADD>()); break;
        case EPILOGUE_GATED: body(Known<EPILOGUE_GATED>()); break;
        default: body(Known<EPILOGUE_GELU>());
    }
}

/** Stores COUNT columns of one token, 2 or 4; `column` is a multiple of COUNT. Columns past the last are left out. */
template <class T, int COUNT>
__device__ __forceinline__ void storeColumns(const MatmulParams& p, int token, int column, const T (&y)[COUNT]) {
    char* to = outTile<T>(p, token, column);
    if (column + COUNT <= p.columns) {
        uint32_t low = (uint32_t)y[0].bits | (uint32_t)y[1].bits << 16;
        if constexpr (COUNT == 4) {
            *(uint2*)to = make_uint2(low, (uint32_t)y[2].bits | (uint32_t)y[3].bits << 16);
        } else {
            *(uint32_t*)to = low;
        }
        return;
    }
#pragma unroll
    for (int i = 0; i < COUNT; i++) {
        if (column + i < p.columns) {
            ((T*)to)[i] = y[i];
        }
    }
}

/** GATED; `column` is the output's. */
template <class T, int COUNT>
__device__ __forceinline__ void finishGated(
        const MatmulParams& p, int token, int column, float scale, const float (&gate)[COUNT], const float (&up)[COUNT]) {
    T y[COUNT];
#pragma unroll
    for (int i = 0; i < COUNT; i++) {
        y[i] = narrow<T>(silu(gate[i] * scale) * (up[i] * scale));
    }
    storeColumns<T, COUNT>(p, token, column, y);
}

template <int COUNT>
struct Floats;
template <>
struct Floats<2> {
    using Type = float2;
};
template <>
struct Floats<4> {
    using Type = float4;
};

/** Loads COUNT columns of the residual stream of a token, for ADD; columns past the last are 0. */
template <int COUNT>
__device__ __forceinline__ void loadResidual(const MatmulParams& p, int token, int column, float (&x)[COUNT]) {
    const float* from = p.outRows + (size_t)token * pad64(p.columns) + column;
    if (column + COUNT <= p.columns) {
        *(typename Floats<COUNT>::Type*)x = *(const typename Floats<COUNT>::Type*)from;
        return;
    }
#pragma unroll
    for (int i = 0; i < COUNT; i++) {
        x[i] = column + i < p.columns ? from[i] : 0.0f;
    }
}

/** STORE, ADD and GELU; ADD adds to `residual`. */
template <class T, Epilogue E, int COUNT>
__device__ __forceinline__ void finishColumns(
        const MatmulParams& p, int token, int column, float scale, const float (&sums)[COUNT], const float (&residual)[COUNT]) {
    alignas(16) float x[COUNT];
#pragma unroll
    for (int i = 0; i < COUNT; i++) {
        x[i] = sums[i] * scale;
    }
    if (p.bias != nullptr) {
#pragma unroll
        for (int i = 0; i < COUNT; i++) {
            x[i] += column + i < p.columns ? p.bias[column + i] : 0.0f;
        }
    }
    if constexpr (E == EPILOGUE_GELU) {
        T y[COUNT];
#pragma unroll
        for (int i = 0; i < COUNT; i++) {
            y[i] = narrow<T>(gelu(x[i]));
        }
        storeColumns<T, COUNT>(p, token, column, y);
    } else {
        if constexpr (E == EPILOGUE_ADD) {
#pragma unroll
            for (int i = 0; i < COUNT; i++) {
                x[i] = residual[i] + x[i];
            }
        }
        float* out = p.outRows + (size_t)token * pad64(p.columns) + column;
        if (column + COUNT <= p.columns) {
            *(typename Floats<COUNT>::Type*)out = *(const typename Floats<COUNT>::Type*)x;
            return;
        }
#pragma unroll
        for (int i = 0; i < COUNT; i++) {
            if (column + i < p.columns) {
                out[i] = x[i];
            }
        }
    }
}

/** Word c of the two lanes of a pair, in lane c. */
__device__ __forceinline__ uint2 turnPair(uint32_t a, uint32_t b) {
    bool odd = threadIdx.x & 1;
    uint32_t x = __shfl_xor_sync(ALL_LANES, odd ? a : b, 1);
    return odd ? make_uint2(x, b) : make_uint2(a, x);
}

/** Word c of the four lanes of a quad, in lane c. */
__device__ __forceinline__ uint4 turnQuad(uint32_t a, uint32_t b, uint32_t c, uint32_t d) {
    uint2 low = turnPair(a, b);
    uint2 up = turnPair(c, d);
    bool high = threadIdx.x & 2;
    uint32_t x = __shfl_xor_sync(ALL_LANES, high ? low.x : up.x, 2);
    uint32_t y = __shfl_xor_sync(ALL_LANES, high ? low.y : up.y, 2);
    return high ? make_uint4(x, y, up.x, up.y) : make_uint4(low.x, low.y, x, y);
}

/**
 * A thread's sums after wgmma, of tokens by rows: of every 64 tokens `token` and `token + 8`, of every eight rows 2 c and 2 c + 1.
 */
template <class T, int ROWS, int SUBTILES>
struct Fragments {
    static constexpr int CHUNK = ROWS % 32 == 0 ? 32 : 16;
    static constexpr int CHUNKS = ROWS / CHUNK;
    static_assert(ROWS % 16 == 0, "gate and up are in one chunk");

    const MatmulParams& p;
    int tokens;
    int token;
    int firstRow;
    const float (&scales)[SUBTILES][2];
    const float (&acc)[SUBTILES][ROWS / 2];

    __device__ __forceinline__ void finish() const {
        int columns = p.epilogue == EPILOGUE_GATED ? firstRow / 2 + ROWS / 2 : firstRow + ROWS;
        bool plain = columns <= p.columns && p.bias == nullptr;
        withEpilogue(p, [&](auto known) {
            constexpr Epilogue E = decltype(known)::EPILOGUE;
            bool finished = false;
            if constexpr (E != EPILOGUE_GELU) {
                if (plain) {
                    finished = true;
#pragma unroll
                    for (int i = 0; i < SUBTILES; i++) {
                        finished = finishRows<E>(token + 64 * i, scales[i], acc[i]) && finished;
                    }
                }
            }
            // A lane that finishes again overwrites what other lanes have stored for it.
            __syncwarp();
            if (!finished) {
                finishInTurn<E>();
            }
        });
    }

    /** Finishes all columns of tokens `at` and `at + 8`; false if they have to be finished again, in turn. */
    template <Epilogue E>
    __device__ __forceinline__ bool finishRows(int at, const float (&scale)[2], const float (&sums)[ROWS / 2]) const {
        if constexpr (E == EPILOGUE_GATED) {
            // All lanes of the warp, or none.
            return __all_sync(ALL_LANES, at + 8 < tokens) ? finishGatedRows(at, scale, sums) : at >= tokens;
        } else {
#pragma unroll
            for (int half = 0; half < 2; half++) {
                if (at + 8 * half < tokens) {
                    finishRow<E>(at + 8 * half, half, scale[half], sums);
                }
            }
            return true;
        }
    }

    /** The same for GATED with both tokens there; false if a gate is not moderate. Stores whole sectors. */
    __device__ __forceinline__ bool finishGatedRows(int at, const float (&scale)[2], const float (&sums)[ROWS / 2]) const {
        constexpr int PIECES = ROWS / 16;
        constexpr int QUADS = PIECES / 4 * 4;
        size_t block = (size_t)(at >> 6) * (pad64(p.columns) >> 6) * 8192;
        int lane = threadIdx.x % 4;
        float most = 0.0f;
        auto pair = [&](int j, int half) {  // this lane's part of a piece
            float y[2];
#pragma unroll
            for (int k = 0; k < 2; k++) {
                float gate = sums[8 * j + 2 * half + k] * scale[half];
                most = maxOrNan(most, fabsf(gate));
                y[k] = siluModerate(gate) * (sums[8 * j + 4 + 2 * half + k] * scale[half]);
            }
            return narrowFinite<T>(y[0], y[1]);
        };
        auto there = [&](int j, int half) {
            uint32_t piece = firstRow / 16 + j;
            return (char*)p.outTiles + block + ((at & 63) * 128 + piece / 8 * 8192 + (piece ^ at) % 8 * 16 + half * 1024);
        };
#pragma unroll
        for (int j = 0; j < QUADS; j += 4) {
#pragma unroll
            for (int half = 0; half < 2; half++) {
                *(uint4*)there(j + lane, half) = turnQuad(pair(j, half), pair(j + 1, half), pair(j + 2, half), pair(j + 3, half));
            }
        }
        if constexpr (PIECES % 4 >= 2) {
            *(uint4*)there(QUADS + lane % 2, lane / 2) = turnQuad(pair(QUADS, 0), pair(QUADS + 1, 0), pair(QUADS, 1), pair(QUADS + 1, 1));
        }
        if constexpr (PIECES % 2 == 1) {
            *(uint2*)(there(PIECES - 1, lane % 2) + lane / 2 * 8) = turnPair(pair(PIECES - 1, 0), pair(PIECES - 1, 1));
        }
        return moderate(most);
    }

    template <Epilogue E>
    __device__ __forceinline__ void finishRow(int at, int half, float scale, const float (&sums)[ROWS / 2]) const {
        float2* to = (float2*)(p.outRows + (size_t)at * pad64(p.columns) + firstRow + threadIdx.x % 4 * 2);
        constexpr int BATCH = 16;  // loads in flight
#pragma unroll
        for (int first = 0; first < ROWS / 8; first += BATCH) {
            float2 residual[BATCH];
            if constexpr (E == EPILOGUE_ADD) {
#pragma unroll
                for (int j = first; j < ROWS / 8 && j < first + BATCH; j++) {
                    residual[j - first] = to[4 * j];
                }
            }
#pragma unroll
            for (int j = first; j < ROWS / 8 && j < first + BATCH; j++) {
                float2 x = make_float2(sums[4 * j + 2 * half] * scale, sums[4 * j + 2 * half + 1] * scale);
                if constexpr (E == EPILOGUE_ADD) {
                    x = make_float2(residual[j - first].x + x.x, residual[j - first].y + x.y);
                }
                to[4 * j] = x;
            }
        }
    }

    /** Handles a bias, GELU, or columns past the last: a few columns per iteration, so that there is one copy of the code. */
    template <Epilogue E>
    __device__ __forceinline__ void finishInTurn() const {
#pragma unroll 1
        for (int i = 0; i < SUBTILES * CHUNKS; i++) {
            float sums[CHUNK / 2];
            float scale[2];
#pragma unroll
            for (int j = 0; j < SUBTILES * CHUNKS; j++) {
                if (i == j) {
#pragma unroll
                    for (int k = 0; k < CHUNK / 2; k++) {
                        sums[k] = acc[j / CHUNKS][j % CHUNKS * (CHUNK / 2) + k];
                    }
                    scale[0] = scales[j / CHUNKS][0];
                    scale[1] = scales[j / CHUNKS][1];
                }
            }
            int row = firstRow + i % CHUNKS * CHUNK;
            int column = threadIdx.x % 4 * 2;
#pragma unroll
            for (int half = 0; half < 2; half++) {
                int at = token + i / CHUNKS * 64 + 8 * half;
                if (at >= tokens) {
                    break;
                }
#pragma unroll
                for (int j = 0; j < CHUNK / 8; j++) {
                    float two[2] = {sums[4 * j + 2 * half], sums[4 * j + 2 * half + 1]};
                    if constexpr (E != EPILOGUE_GATED) {
                        alignas(8) float residual[2] = {};
                        if constexpr (E == EPILOGUE_ADD) {
                            loadResidual<2>(p, at, row + 8 * j + column, residual);
                        }
                        finishColumns<T, E, 2>(p, at, row + 8 * j + column, scale[half], two, residual);
                    } else if (j % 2 == 0) {
                        float up[2] = {sums[4 * j + 4 + 2 * half], sums[4 * j + 4 + 2 * half + 1]};
                        finishGated<T, 2>(p, at, row / 2 + 4 * j + column, scale[half], two, up);
                    }
                }
            }
        }
    }
};

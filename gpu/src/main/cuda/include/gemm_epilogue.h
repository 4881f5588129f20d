// The epilogue for sums of neighbouring columns in a thread's registers; the bits are those of epilogue.h.
#pragma once
#include "epilogue.h"

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
            if constexpr (E == EPILOGUE_GELU) {
                finishInTurn<E>();
            } else if (!plain) {
                finishInTurn<E>();
            } else {
#pragma unroll
                for (int i = 0; i < SUBTILES; i++) {
#pragma unroll
                    for (int half = 0; half < 2; half++) {
                        int at = token + 64 * i + 8 * half;
                        if (at < tokens) {
                            if constexpr (E == EPILOGUE_GATED) {
                                finishGatedRow(at, half, scales[i][half], acc[i]);
                            } else {
                                finishRow<E>(at, half, scales[i][half], acc[i]);
                            }
                        }
                    }
                }
            }
        });
    }

    /** Finishes all columns of one token. */
    __device__ __forceinline__ void finishGatedRow(int at, int half, float scale, const float (&sums)[ROWS / 2]) const {
        char* to = outTile<T>(p, at, 0) - (at & 7) * 16 + threadIdx.x % 4 * 4;
#pragma unroll
        for (int j = 0; j < ROWS / 16; j++) {
            int piece = firstRow / 16 + j;
            T y[2];
#pragma unroll
            for (int k = 0; k < 2; k++) {
                y[k] = narrow<T>(silu(sums[8 * j + 2 * half + k] * scale) * (sums[8 * j + 4 + 2 * half + k] * scale));
            }
            *(uint32_t*)(to + (size_t)(piece >> 3) * 8192 + ((piece ^ at) & 7) * 16) = (uint32_t)y[0].bits | (uint32_t)y[1].bits << 16;
        }
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

// embed: residual = widened row of the token (+ row of its position)
//
// Shapes   table tiles (vocabulary, hidden), residual rows (tokens, hidden)
// Mapping  one CTA per token; a thread takes eight elements (16 bytes of 16-bit types) per iteration
// Roofline Qwen2.5-0.5B, 64 tokens: 115 KB read, 229 KB written: 0.1 us; launch-bound
#include "launch.h"
#include "layout.h"
#include "params.h"
#include "scalar.h"

template <class T>
__device__ __forceinline__ void embed(const EmbedParams& p) {
    beginWithInputs();
    int token = blockIdx.x;
    if (token >= p.step->tokens) {
        return;
    }
    int id = p.tokenIds[token];
    int columns = pad64(p.hidden);
    float* out = p.residual + (size_t)token * columns;
    for (int k = threadIdx.x * 8; k < p.hidden; k += blockDim.x * 8) {
#pragma unroll
        for (int i = 0; i < 8; i++) {
            if (k + i < p.hidden) {
                float x = widen(*(const T*)((const char*)p.table + tileOffset(id, k + i, columns, sizeof(T))));
                if (p.positionTable != nullptr) {
                    size_t at = tileOffset(p.positions[token], k + i, columns, sizeof(T));
                    x += widen(*(const T*)((const char*)p.positionTable + at));
                }
                out[k + i] = x;
            }
        }
    }
}

extern "C" __global__ void __launch_bounds__(128) embed_bf16(const __grid_constant__ EmbedParams p) { embed<Bf16>(p); }
extern "C" __global__ void __launch_bounds__(128) embed_f16(const __grid_constant__ EmbedParams p) { embed<F16>(p); }
extern "C" __global__ void __launch_bounds__(128) embed_f32(const __grid_constant__ EmbedParams p) { embed<float>(p); }

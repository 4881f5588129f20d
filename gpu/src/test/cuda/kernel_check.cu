// Checks every kernel on a GPU, then times it: kernel_check FOLDER_OF_FATBINS [small | check | time | products] [only this op, or products of this model]
//                                              kernel_check FOLDER_OF_FATBINS race KERNEL_OF_MATMUL
//
// Checked: fast kernels against the oracles, bit for bit; oracles and the rest against double; prefill against decode; odd shapes;
// outputs poisoned with NaN beforehand, so that a missing or a stray write shows; KV arenas full of NaN where nothing is stored.
// `small` is a handful of shapes, for compute-sanitizer. `race` launches one kernel of matmul once, and nothing else: racecheck takes
// long for each launch; race.sh runs it. The launch rules are those of Launches.java.
//   nvcc -std=c++17 -O2 -arch=sm_90 -I ../../main/cuda/include -o kernel_check kernel_check.cu
#include <algorithm>
#include <array>
#include <climits>
#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <string>
#include <vector>
#include "gemm_tiles.h"
#include "head_sample.h"
#include "head_tiles.h"
#include "layout.h"
#include "params.h"
#include "scalar.h"
#include "silu.h"

#define CK(x)                                                                        \
    do {                                                                             \
        cudaError_t e = (x);                                                         \
        if (e != cudaSuccess) {                                                      \
            printf("FAILED line %d: %s: %s\n", __LINE__, #x, cudaGetErrorString(e)); \
            exit(1);                                                                 \
        }                                                                            \
    } while (0)

static std::string folder;
static std::map<std::string, cudaKernel_t> kernels;
static std::string only;
static int failures = 0;
static int checks = 0;

/** Loads all kernels, or the one of that name. */
static void load(const std::string& lone) {
    FILE* index = fopen((folder + "/kernels.index").c_str(), "r");
    if (!index) {
        printf("no kernels.index in %s\n", folder.c_str());
        exit(2);
    }
    std::map<std::string, cudaLibrary_t> libraries;
    char kernel[100], module[100];
    while (fscanf(index, "%99s %99s", kernel, module) == 2) {
        if (!lone.empty() && lone != kernel) continue;
        if (!libraries.count(module)) {
            cudaLibrary_t library;
            CK(cudaLibraryLoadFromFile(&library, (folder + "/" + module + ".fatbin").c_str(), nullptr, nullptr, 0, nullptr, nullptr, 0));
            libraries[module] = library;
        }
        CK(cudaLibraryGetKernel(&kernels[kernel], libraries[module], kernel));
    }
    fclose(index);
}

static bool skipped(const char* op) { return !only.empty() && only != op; }

static cudaStream_t stream;
static bool early;  // kernels begin before the one before has ended, as in recorded steps

template <class P>
static void launch(const std::string& name, dim3 grid, int threads, int shared, P p) {
    auto it = kernels.find(name);
    if (it == kernels.end()) {
        printf("no kernel %s\n", name.c_str());
        exit(2);
    }
    if (shared > 48 * 1024) {
        static std::map<std::string, int> raised;
        if (raised[name] < shared) {
            CK(cudaFuncSetAttribute((const void*)it->second, cudaFuncAttributeMaxDynamicSharedMemorySize, shared));
            raised[name] = shared;
        }
    }
    void* args[] = {&p};
    cudaLaunchAttribute overlap{};
    overlap.id = cudaLaunchAttributeProgrammaticStreamSerialization;
    overlap.val.programmaticStreamSerializationAllowed = 1;
    cudaLaunchConfig_t config{};
    config.gridDim = grid;
    config.blockDim = dim3(threads);
    config.dynamicSmemBytes = shared;
    config.stream = stream;
    config.attrs = &overlap;
    config.numAttrs = early ? 1 : 0;
    CK(cudaLaunchKernelExC(&config, (const void*)it->second, args));
}

static void report(bool ok, const std::string& what) {
    checks++;
    if (!ok) {
        failures++;
        printf("WRONG %s\n", what.c_str());
    }
}

// ---- memory, random numbers, types --------------------------------------------------------------------------------

static std::vector<void*> allocated;
static void* alloc(size_t bytes, int fill = 0) {
    void* p;
    CK(cudaMalloc(&p, bytes + 1024));
    CK(cudaMemsetAsync(p, fill, bytes + 1024, stream));
    allocated.push_back(p);
    return p;
}
static void freeAll() {
    CK(cudaStreamSynchronize(stream));
    for (void* p : allocated) CK(cudaFree(p));
    allocated.clear();
}
template <class E>
static E* upload(const std::vector<E>& v) {
    E* p = (E*)alloc(v.size() * sizeof(E));
    CK(cudaMemcpyAsync(p, v.data(), v.size() * sizeof(E), cudaMemcpyHostToDevice, stream));
    CK(cudaStreamSynchronize(stream));
    return p;
}
static StepHeader* header(int tokens, int rows, int sampled) {
    return upload(std::vector<StepHeader>{{tokens, rows, sampled, 0}});
}

__host__ __device__ inline float randomValue(uint32_t r, uint32_t k, uint32_t s) {
    uint32_t x = r * 2654435761u ^ (k * 2246822519u + s * 3266489917u);
    x ^= x >> 15;
    x *= 2246822519u;
    x ^= x >> 13;
    x *= 3266489917u;
    x ^= x >> 16;
    uint32_t y = x * 747796405u + 2891336453u;
    y ^= y >> 16;
    float v = ((x & 0xffff) + (y & 0xffff)) / 65536.f - 1.f;
    return (x >> 20) % 61 == 0 ? 4 * v : v;  // a heavy tail
}

template <class T> struct Name;
template <> struct Name<Bf16> {
    static const char* of() { return "bf16"; }
};
template <> struct Name<F16> {
    static const char* of() { return "f16"; }
};
template <> struct Name<float> {
    static const char* of() { return "f32"; }
};

template <class T>
__global__ void fillTiles(char* to, int rows, int k, float scale, uint32_t seed) {
    size_t i = blockIdx.x * (size_t)blockDim.x + threadIdx.x;
    if (i < (size_t)rows * k) {
        int r = i / k, c = i % k;
        *(T*)(to + tileOffset(r, c, pad64(k), sizeof(T))) = narrow<T>(randomValue(r, c, seed) * scale);
    }
}
template <class T>
static void* tiles(int rows, int k, float scale, uint32_t seed, int fill = 0) {
    void* p = alloc((size_t)pad64(rows) * pad64(k) * sizeof(T), 0);
    if (fill) {  // rows past the last hold NaN, columns past k are zero in rows that count
        CK(cudaMemsetAsync(p, fill, (size_t)pad64(rows) * pad64(k) * sizeof(T), stream));
        fillTiles<T><<<((size_t)rows * pad64(k) + 255) / 256, 256, 0, stream>>>((char*)p, rows, pad64(k), 0.0f, seed);
    }
    fillTiles<T><<<((size_t)rows * k + 255) / 256, 256, 0, stream>>>((char*)p, rows, k, scale, seed);
    CK(cudaGetLastError());
    return p;
}
__global__ void fillRows(float* to, int rows, int k, int stride, float scale, float shift, uint32_t seed) {
    size_t i = blockIdx.x * (size_t)blockDim.x + threadIdx.x;
    if (i < (size_t)rows * k) to[i / k * stride + i % k] = randomValue(i / k, i % k, seed) * scale + shift;
}
static float* rowsOf(int rows, int k, int stride, float scale, float shift, uint32_t seed) {
    float* p = (float*)alloc((size_t)rows * stride * 4);
    fillRows<<<((size_t)rows * k + 255) / 256, 256, 0, stream>>>(p, rows, k, stride, scale, shift, seed);
    CK(cudaGetLastError());
    return p;
}
template <class E>
static std::vector<E> download(const void* p, size_t count) {
    std::vector<E> v(count);
    CK(cudaMemcpyAsync(v.data(), p, count * sizeof(E), cudaMemcpyDeviceToHost, stream));
    CK(cudaStreamSynchronize(stream));
    return v;
}

/** Differing bytes of two buffers on the device. */
__global__ void differing(const unsigned char* a, const unsigned char* b, size_t n, unsigned long long* count) {
    unsigned long long mine = 0;
    for (size_t i = blockIdx.x * (size_t)blockDim.x + threadIdx.x; i < n; i += (size_t)gridDim.x * blockDim.x) mine += a[i] != b[i];
    if (mine) atomicAdd(count, mine);
}
static void same(const void* a, const void* b, size_t bytes, const std::string& what) {
    auto* count = (unsigned long long*)alloc(8);
    differing<<<512, 256, 0, stream>>>((const unsigned char*)a, (const unsigned char*)b, bytes, count);
    unsigned long long n = download<unsigned long long>(count, 1)[0];
    report(n == 0, what + ": " + std::to_string(n) + " bytes differ");
}

static std::string text(const char* format, ...) {
    char buffer[300];
    va_list args;
    va_start(args, format);
    vsnprintf(buffer, sizeof buffer, format, args);
    va_end(args);
    return buffer;
}

/** Error sums of a float-or-T result against doubles: err[0] squares of differences, err[1] of the reference, err[2] NaNs. */
static void close(const std::vector<double>& err, double bound, const std::string& what) {
    double relative = std::sqrt(err[0] / std::max(err[1], 1e-30));
    report(relative <= bound && err[2] == 0, what + text(": relative error %.3g, bound %.3g, NaN %g", relative, bound, err[2]));
}

// ---- launch rules: Launches.java ----------------------------------------------------------------------------------

static int ceilDiv(int n, int by) { return (n + by - 1) / by; }
static int segmentsOf(int rows, int k, bool added = false) {
    int s = added && pad64(k) / 2 >= 448 ? 2 : 1;
    while (s < 8 && pad64(rows) / 64 * s < 96 && pad64(k) / (2 * s) >= 448) s *= 2;
    return s;
}
struct Tile {
    const char* name;
    int rows, tokens, threads, stages;
    bool split;
};
static const Tile TILES[] = {{"16", 64, 16, 128, 8, true}, {"32", 64, 32, 128, 6, true}, {"64", 64, 64, 128, 6, true}, {"128", 64, 128, 128, 4, true}, {"large", 128, 128, 256, 3, false}};
template <class T>
static void matmulOn(const Tile& t, int bucket, const MatmulParams& p) {
    launch(std::string("matmul_") + Name<T>::of() + "_" + t.name + (t.split && p.segments > 1 ? text("x%d", p.segments) : ""),
           dim3(ceilDiv(bucket, t.tokens), ceilDiv(pad64(p.rows), t.rows), t.split ? p.segments : 1), t.threads,
           t.stages * (t.rows + t.tokens) * 128, p);
}

/** A tile of gemm.cu: CTAs of a cluster have a segment each, or a CTA does all, `most` at the most. */
struct GemmTile {
    const char* name;
    int tokens, rows, cluster, most, stages, resident;
    const char* kind = "";  // "turns_": its warpgroups have a tile each
    template <class T>
    std::string kernel() const { return std::string("gemm_") + kind + Name<T>::of() + "_" + name; }
    std::string label() const { return std::string(kind) + name; }
    bool takes(const MatmulParams& p) const {
        return (cluster > 1 ? p.segments == cluster : p.segments <= most) && (p.epilogue != EPILOGUE_GATED || rows % 16 == 0);
    }
    int tiles(int bucket, const MatmulParams& p) const { return ceilDiv(bucket, tokens) * ceilDiv(p.rows, rows); }
    size_t partials(int ctas) const { return most > 1 ? (size_t)ctas * tokens * rows * 4 : 0; }
};
#define GEMM_TILE(NAME, ...) GemmTile{#NAME, __VA_ARGS__},
#define GEMM_TURN_TILE(NAME, ...) GemmTile{#NAME, __VA_ARGS__, "turns_"},
static const GemmTile GEMMS[] = {GEMM_TILES(GEMM_TILE) GEMM_TURN_TILES(GEMM_TURN_TILE)};
/** At most `ctas` of them, if each does all segments of its tiles. */
template <class T>
static void gemmOn(const GemmTile& t, int bucket, int ctas, const MatmulParams& p) {
    int tiles = t.tiles(bucket, p);
    launch(t.kernel<T>(), dim3(t.cluster > 1 ? tiles : std::min(tiles, ctas), 1, t.cluster),
           gemmThreads(t.tokens, t.rows, t.most), gemmSharedBytes(t.tokens, t.rows, t.cluster, t.stages), p);
}

// ---- matmul -------------------------------------------------------------------------------------------------------

/** silu and gelu of every float there is, against a division that rounds by itself; and what GATED has in their place where it can. */
__global__ void everyLogistic(unsigned long long* wrong) {
    unsigned long long mine = 0;
    auto timesPlain = [](float x, float y) {
        float e = expNegative(-fabsf(y));
        return __fdiv_rn(y < 0.0f ? x * e : x, 1.0f + e);
    };
    auto differ = [](float a, float b) { return __float_as_uint(a) != __float_as_uint(b) && !(isnan(a) && isnan(b)); };
    for (unsigned long long i = blockIdx.x * (unsigned long long)blockDim.x + threadIdx.x; i < 1ull << 32; i += (unsigned long long)gridDim.x * blockDim.x) {
        float x = __uint_as_float((unsigned)i);
        mine += differ(silu(x), timesPlain(x, x));
        mine += moderate(x) && __float_as_uint(siluModerate(x)) != __float_as_uint(silu(x));
        float y = __uint_as_float((unsigned)i * 2654435761u);
        mine += narrowFinite<Bf16>(x, y) != (narrow<Bf16>(x).bits | (uint32_t)narrow<Bf16>(y).bits << 16);
        mine += narrowFinite<F16>(x, y) != (narrow<F16>(x).bits | (uint32_t)narrow<F16>(y).bits << 16);
        mine += differ(gelu(x), timesPlain(x, (fmaf(x * x, 0.044715f, 1.0f) * x) * 1.59576912f));
    }
    if (mine) atomicAdd(wrong, mine);
}
static void checkLogistic() {
    if (skipped("logistic")) return;
    auto* wrong = (unsigned long long*)alloc(8);
    everyLogistic<<<2048, 256, 0, stream>>>(wrong);
    CK(cudaGetLastError());
    unsigned long long n = download<unsigned long long>(wrong, 1)[0];
    report(n == 0, text("logistic: %llu of all floats", n));
    freeAll();
}

/** What rows of x may still have to be multiplied by: not near a power of two, so that a scale left out or taken twice shows. */
static float* inversesOf(int rows) { return rowsOf(1, rows, rows, 0.2f, 1.4f, 15); }

__device__ double epilogueDouble(const MatmulParams& p, double low, double high, int column, double before) {
    if (p.epilogue == EPILOGUE_GATED) return low / (1 + exp(-low)) * high;
    double x = low + (p.bias ? (double)p.bias[column] : 0.0);
    if (p.epilogue == EPILOGUE_GELU) return x / 2 * (1 + tanh(sqrt(2 / 3.14159265358979) * (x + 0.044715 * x * x * x)));
    return p.epilogue == EPILOGUE_ADD ? before + x : x;
}
template <class T>
__global__ void matmulDouble(MatmulParams p, const float* before, int tokens, double* err) {
    int column = blockIdx.x * blockDim.x + threadIdx.x;
    if (column >= p.columns) return;
    bool gated = p.epilogue == EPILOGUE_GATED;
    int row = gated ? column / 8 * 16 + column % 8 : column;
    for (int token = blockIdx.y; token < tokens; token += gridDim.y) {
        double low = 0, high = 0;
        for (int k = 0; k < p.k; k++) {
            double x = widen(*(const T*)((const char*)p.x + tileOffset(token, k, pad64(p.k), sizeof(T))));
            low += x * widen(*(const T*)((const char*)p.weight + tileOffset(row, k, pad64(p.k), sizeof(T))));
            if (gated) high += x * widen(*(const T*)((const char*)p.weight + tileOffset(row + 8, k, pad64(p.k), sizeof(T))));
        }
        if (p.inverse) low *= p.inverse[token], high *= p.inverse[token];
        size_t at = (size_t)token * pad64(p.columns) + column;
        double want = epilogueDouble(p, low, high, column, before ? before[at] : 0);
        double got = p.epilogue <= EPILOGUE_ADD ? p.outRows[at]
                                                : widen(*(const T*)((const char*)p.outTiles + tileOffset(token, column, pad64(p.columns), sizeof(T))));
        if (isnan(got)) atomicAdd(err + 2, 1.0);
        else {
            atomicAdd(err, (got - want) * (got - want));
            atomicAdd(err + 1, want * want);
        }
    }
}

template <class T>
static void checkMatmul(int rows, int k, const std::vector<int>& tokenCounts) {
    if (skipped("matmul")) return;
    bool wide = sizeof(T) == 2;
    for (int epilogue = 0; epilogue < 4; epilogue++) {
        for (int tokens : tokenCounts) {
            for (int variant = 0; variant < 4; variant++) {
                bool withBias = variant & 1, scaled = variant & 2;
                if (withBias != (epilogue == EPILOGUE_GELU) && !(epilogue == EPILOGUE_ADD && tokens == 17)) continue;
                // All bits but the epilogue's are the same with and without.
                if (scaled && tokens > 100 && epilogue != EPILOGUE_GATED) continue;
                MatmulParams p{};
                int columns = epilogue == EPILOGUE_GATED ? rows / 2 - (rows > 200 ? 3 : 0) : rows;
                p.rows = epilogue == EPILOGUE_GATED ? rows / 16 * 16 : rows;
                if (epilogue == EPILOGUE_GATED) columns = std::min(columns, p.rows / 2);
                p.k = k;
                p.columns = columns;
                p.segments = segmentsOf(p.rows, k, epilogue == EPILOGUE_ADD);
                p.epilogue = epilogue;
                p.sampledOnly = tokens == 54;
                p.inverse = scaled ? inversesOf(tokens) : nullptr;
                p.weight = tiles<T>(p.rows, k, 1.5f / std::sqrt((float)k), 11);
                p.x = tiles<T>(tokens, k, 1.0f, 12, 0xff);
                p.bias = withBias ? rowsOf(1, columns, columns, 0.5f, 0.1f, 13) : nullptr;
                p.step = p.sampledOnly ? header(7, 7, tokens) : header(tokens, 3, 5);
                int spare = pad64(tokens) + 128;  // rows that nobody may touch
                size_t outBytes = (size_t)spare * pad64(columns) * (epilogue <= EPILOGUE_ADD ? 4 : sizeof(T));
                float* before = epilogue == EPILOGUE_ADD ? rowsOf(spare, columns, pad64(columns), 2.0f, 0.0f, 14) : nullptr;
                auto fresh = [&]() {
                    void* out = alloc(outBytes, 0xff);
                    if (before) CK(cudaMemcpyAsync(out, before, outBytes, cudaMemcpyDeviceToDevice, stream));
                    (epilogue <= EPILOGUE_ADD ? (void*&)p.outRows : p.outTiles) = out;
                    return out;
                };
                std::string name = text("matmul %s rows %d k %d segments %d tokens %d epilogue %d bias %d scaled %d", Name<T>::of(), p.rows, k, p.segments, tokens, epilogue, withBias, scaled);
                auto* err = (double*)alloc(24);
                void* oracle = fresh();
                if (wide) launch(std::string("oracle_matmul_") + Name<T>::of(), dim3(ceilDiv(tokens, 8), pad64(p.rows) / 16), 32, 0, p);
                else launch("matmul_f32", dim3(ceilDiv(tokens, 16), pad64(p.rows) / 64), 128, 0, p);
                matmulDouble<T><<<dim3(ceilDiv(columns, 128), std::min(tokens, 256)), 128, 0, stream>>>(p, before, tokens, err);
                CK(cudaGetLastError());
                double rounding = std::is_same<T, Bf16>::value ? 3e-3 : (std::is_same<T, F16>::value ? 4e-4 : 2e-6);
                close(download<double>(err, 3), epilogue <= EPILOGUE_ADD ? 2e-5 : rounding, name + " oracle");
                if (wide) {
                    for (const Tile& t : TILES) {
                        // A bucket past the count, as graphs have it.
                        for (int bucket : {tokens, tokens + 100}) {
                            if (t.split && bucket > 512) continue;
                            size_t partials = (size_t)ceilDiv(bucket, t.tokens) * t.tokens * pad64(p.rows) * p.segments * 4;
                            p.partials = (float*)alloc(partials, 0xff);
                            p.arrivals = (uint32_t*)alloc(ceilDiv(bucket, t.tokens) * pad64(p.rows) / 64 * 4);
                            void* out = fresh();
                            matmulOn<T>(t, bucket, p);
                            same(out, oracle, outBytes, name + " " + t.name);
                            if (t.split && p.segments > 1) {
                                void* again = fresh();
                                matmulOn<T>(t, bucket, p);
                                same(again, oracle, outBytes, name + " again " + t.name);
                            }
                        }
                    }
                    for (const GemmTile& t : GEMMS) {
                        if (!t.takes(p) || !kernels.count(t.kernel<T>())) continue;
                        // A bucket past the count; a CTA a tile, and three CTAs that have all tiles between them.
                        for (int bucket : {tokens, tokens + 100}) {
                            for (int ctas : {INT_MAX, 3}) {
                                if (ctas == 3 && (t.cluster > 1 || bucket > tokens)) continue;
                                p.partials = (float*)alloc(t.partials(std::min(ctas, t.tiles(bucket, p))), 0xff);
                                void* out = fresh();
                                gemmOn<T>(t, bucket, ctas, p);
                                same(out, oracle, outBytes, name + text(" gemm %s at most %d CTAs", t.label().c_str(), ctas));
                            }
                        }
                    }
                }
                freeAll();
            }
        }
    }
}

/** Elements (row, k) of tiles that hold 0 else; bits of T's whole powers of two. */
template <class T>
static void* sparseTiles(int rows, int k, const std::function<int(int, int)>& exponent) {
    std::vector<char> host((size_t)pad64(rows) * k * sizeof(T));
    for (int r = 0; r < rows; r++) {
        for (int c = 0; c < k; c++) {
            int e = exponent(r, c);
            if (e < 0) continue;
            uint16_t bits = std::is_same<T, F16>::value ? (15 + e) << 10 : (127 + e) << 7;
            memcpy(host.data() + tileOffset(r, c, k, sizeof(T)), &bits, 2);
        }
    }
    return upload(host);
}

/**
 * The order in which segments are added, which the host knows: a segment's sum is 2^24 if it is the row's large one, else 1 or 3. Beyond
 * 2^24 odd numbers are rounded, so that another order has other bits.
 */
template <class T>
static void checkSegments(int segments) {
    if (skipped("matmul")) return;
    constexpr int ROWS = 64, BLOCKS = 8;
    MatmulParams p{};
    int tokens = 54;
    p.rows = p.columns = ROWS;
    p.k = 64 * BLOCKS * segments;
    p.segments = segments;
    p.epilogue = EPILOGUE_STORE;
    auto large = [&](int row) { return row % (segments + 1); };
    auto odd = [&](int row, int segment) { return (row / (segments + 1) >> segment & 1) != 0; };
    // Of a segment column 17 makes 2^24, column 5 one and column 40 two more.
    p.weight = sparseTiles<T>(ROWS, p.k, [&](int row, int k) {
        int segment = k / (64 * BLOCKS), at = k % (64 * BLOCKS);
        if (segment == large(row)) return at == 17 ? 12 : -1;
        return at == 5 ? 0 : (at == 40 && odd(row, segment) ? 1 : -1);
    });
    p.x = sparseTiles<T>(tokens, p.k, [&](int, int k) { return k % (64 * BLOCKS) == 17 ? 12 : 0; });
    p.step = header(tokens, 1, 1);
    std::vector<float> want(ROWS);
    int differ = 0;
    for (int row = 0; row < ROWS; row++) {
        float halves[2] = {}, straight = 0;
        for (int i = 0; i < segments; i++) {
            float s = i == large(row) ? 16777216.0f : (odd(row, i) ? 3.0f : 1.0f);
            float& half = halves[i >= (segments + 1) / 2];
            half = i == 0 || i == segments / 2 ? s : half + s;
            straight = i == 0 ? s : straight + s;
        }
        want[row] = segments == 1 ? halves[0] : halves[0] + halves[1];
        differ += want[row] != straight;
    }
    report(segments <= 2 || differ > 0, text("segments %d: left to right is not told apart", segments));
    auto check = [&](const std::string& what) {
        auto out = download<float>(p.outRows, (size_t)tokens * ROWS);
        int wrong = 0;
        for (int i = 0; i < tokens * ROWS; i++) wrong += out[i] != want[i % ROWS];
        report(wrong == 0, text("segments %d %s %s: %d sums", segments, Name<T>::of(), what.c_str(), wrong));
    };
    auto fresh = [&]() { p.outRows = (float*)alloc((size_t)pad64(tokens) * ROWS * 4, 0xff); };
    fresh();
    launch(std::string("oracle_matmul_") + Name<T>::of(), dim3(ceilDiv(tokens, 8), ROWS / 16), 32, 0, p);
    check("oracle");
    for (const Tile& t : TILES) {
        p.partials = (float*)alloc((size_t)ceilDiv(tokens, t.tokens) * t.tokens * ROWS * segments * 4, 0xff);
        p.arrivals = (uint32_t*)alloc(ceilDiv(tokens, t.tokens) * 4);
        fresh();
        matmulOn<T>(t, tokens, p);
        check(t.name);
    }
    for (const GemmTile& t : GEMMS) {
        if (!t.takes(p) || !kernels.count(t.kernel<T>())) continue;
        p.partials = (float*)alloc(t.partials(t.tiles(tokens, p)), 0xff);
        fresh();
        gemmOn<T>(t, tokens, INT_MAX, p);
        check("gemm " + t.label());
    }
    freeAll();
}

/** Sums of zeros of either sign: a chain from 0 has one sign for them, whether the 0 is added or not. */
template <class T>
static void checkZeros() {
    if (skipped("matmul")) return;
    constexpr int ROWS = 192, K = 192;
    for (int segments : {1, 2, 4, 8}) {
        MatmulParams p{};
        int tokens = 54;
        p.rows = p.columns = ROWS;
        p.k = K * segments;
        p.segments = segments;
        p.epilogue = EPILOGUE_STORE;
        std::vector<uint16_t> host((size_t)ROWS * p.k);
        for (int r = 0; r < ROWS; r++) {
            for (int c = 0; c < p.k; c++) {
                bool negative = r % 3 == 0 || (r % 3 == 1 && (c * 7 + r) % 5 < 2);
                host[tileOffset(r, c, p.k, 2) / 2] = negative ? 0xbc00 : 0x3c00;
            }
        }
        p.weight = upload(host);
        p.x = upload(std::vector<uint16_t>((size_t)pad64(tokens) * p.k, 0));
        p.step = header(tokens, 1, 1);
        size_t bytes = (size_t)pad64(tokens) * ROWS * 4;
        auto fresh = [&]() { return p.outRows = (float*)alloc(bytes, 0xff); };
        void* oracle = fresh();
        launch(std::string("oracle_matmul_") + Name<T>::of(), dim3(ceilDiv(tokens, 8), ROWS / 16), 32, 0, p);
        for (const GemmTile& t : GEMMS) {
            if (!t.takes(p) || !kernels.count(t.kernel<T>())) continue;
            p.partials = (float*)alloc(t.partials(t.tiles(tokens, p)), 0xff);
            void* out = fresh();
            gemmOn<T>(t, tokens, INT_MAX, p);
            same(out, oracle, bytes, text("zeros %s segments %d gemm %s", Name<T>::of(), segments, t.label().c_str()));
        }
        freeAll();
    }
}

/** GATED where tokens' sums are multiplied by 0, or by so little or so much that silu has no ordinary number. */
template <class T>
static void checkGates() {
    if (skipped("matmul")) return;
    constexpr int ROWS = 480, K = 192;
    for (int columns : {ROWS / 2, ROWS / 2 - 3}) {
        MatmulParams p{};
        int tokens = 97;
        p.rows = ROWS;
        p.columns = columns;
        p.k = K;
        p.segments = 1;
        p.epilogue = EPILOGUE_GATED;
        p.weight = tiles<T>(ROWS, K, 1.5f / std::sqrt((float)K), 11);
        p.x = tiles<T>(tokens, K, 1.0f, 12, 0xff);
        std::vector<float> scales;
        for (int i = 0; i < tokens; i++) {
            static const float some[] = {1, 0, 1e-31f, -1e-38f, 40, 64, -1e4f, 3e38f, INFINITY, NAN};
            scales.push_back(i % 3 == 0 ? some[i / 3 % 10] : 1.3f);
        }
        p.inverse = upload(scales);
        p.step = header(tokens, 1, 1);
        size_t bytes = (size_t)pad64(tokens) * pad64(columns) * 2;
        auto fresh = [&]() { return p.outTiles = alloc(bytes, 0xff); };
        void* oracle = fresh();
        launch(std::string("oracle_matmul_") + Name<T>::of(), dim3(ceilDiv(tokens, 8), pad64(ROWS) / 16), 32, 0, p);
        for (const GemmTile& t : GEMMS) {
            if (!t.takes(p) || !kernels.count(t.kernel<T>())) continue;
            void* out = fresh();
            gemmOn<T>(t, tokens, INT_MAX, p);
            same(out, oracle, bytes, text("gates %s columns %d gemm %s", Name<T>::of(), columns, t.label().c_str()));
        }
        freeAll();
    }
}

/** A number from -2 to 2, which all types hold, as bits of one. */
static int smallNumber(int row, int k, int seed) { return (row * 31 + k * 17 + seed + row * k % 7) % 5 - 2; }
template <class T>
static void* smallTiles(int rows, int k, int seed) {
    static const uint16_t bf16[] = {0xc000, 0xbf80, 0, 0x3f80, 0x4000}, f16[] = {0xc000, 0xbc00, 0, 0x3c00, 0x4000};
    std::vector<char> host((size_t)rows * k * sizeof(T));
    for (int r = 0; r < rows; r++) {
        for (int c = 0; c < k; c++) {
            int value = smallNumber(r, c, seed);
            float wide = value;
            const void* bits = sizeof(T) == 4 ? (const void*)&wide : (std::is_same<T, F16>::value ? f16 + value + 2 : bf16 + value + 2);
            memcpy(host.data() + tileOffset(r, c, k, sizeof(T)), bits, sizeof(T));
        }
    }
    return upload(host);
}

/**
 * One tile of one kernel, with so much of k that each stage of shared memory is filled more than once. Sums of small whole numbers are
 * exact, so the host knows them.
 */
template <class T>
static void raceMatmul(const std::string& kernel, const Tile& t, int segments) {
    MatmulParams p{};
    p.rows = p.columns = t.rows;
    p.k = 64 * (t.stages + 2) * segments;
    p.segments = segments;
    p.epilogue = EPILOGUE_STORE;
    p.weight = smallTiles<T>(t.rows, p.k, 1);
    p.x = smallTiles<T>(pad64(t.tokens), p.k, 2);
    p.outRows = (float*)alloc((size_t)pad64(t.tokens) * t.rows * 4, 0xff);
    p.partials = (float*)alloc((size_t)segments * t.rows * t.tokens * 4);
    p.arrivals = (uint32_t*)alloc(64);
    p.step = header(t.tokens, 1, 1);
    launch(kernel, dim3(1, 1, t.split ? segments : 1), t.threads, t.stages * (t.rows + t.tokens) * 128 * (sizeof(T) == 2), p);
    auto out = download<float>(p.outRows, (size_t)t.tokens * t.rows);
    long wrong = 0;
    for (int token = 0; token < t.tokens; token++) {
        for (int row = 0; row < t.rows; row++) {
            long want = 0;
            for (int k = 0; k < p.k; k++) want += smallNumber(row, k, 1) * smallNumber(token, k, 2);
            wrong += out[(size_t)token * t.rows + row] != (float)want;
        }
    }
    report(wrong == 0, text("%s: %ld sums", kernel.c_str(), wrong));
    freeAll();
}
static void race(const std::string& kernel) {
    if (kernel == "matmul_f32") return raceMatmul<float>(kernel, {"f32", 64, 16, 128, 4, false}, 1);
    for (const Tile& t : TILES) {
        for (int segments : {1, 2, 4, 8}) {
            if (!t.split && segments != 2) continue;
            std::string tail = std::string(t.name) + (t.split && segments > 1 ? text("x%d", segments) : "");
            if (kernel == "matmul_bf16_" + tail) return raceMatmul<Bf16>(kernel, t, segments);
            if (kernel == "matmul_f16_" + tail) return raceMatmul<F16>(kernel, t, segments);
        }
    }
    printf("%s is no kernel of matmul\n", kernel.c_str());
    exit(2);
}

// ---- norm, embed --------------------------------------------------------------------------------------------------

template <class T>
__global__ void normDouble(NormParams p, int rows, double* err) {
    int row = blockIdx.x;
    const float* x = p.x + (size_t)(p.gather ? p.gather[row] : row) * pad64(p.width);
    double mean = 0, squares = 0;
    for (int i = 0; p.bias && i < p.width; i++) mean += x[i];
    mean /= p.width;
    for (int i = 0; i < p.width; i++) squares += (x[i] - mean) * (x[i] - mean);
    double inverse = 1 / sqrt(squares / p.width + p.epsilon);
    if (p.inverse) {
        if (threadIdx.x == 0) {
            double got = p.inverse[row];
            if (!(fabs(got - inverse) <= 1e-6 * inverse)) atomicAdd(err + 2, 1.0);
        }
        inverse = 1;
    }
    for (int i = threadIdx.x; i < p.width; i += blockDim.x) {
        double want = (x[i] - mean) * inverse * p.weight[i] + (p.bias ? p.bias[i] : 0);
        double got = widen(*(const T*)((const char*)p.out + tileOffset(row, i, pad64(p.width), sizeof(T))));
        if (isnan(got)) atomicAdd(err + 2, 1.0);
        else {
            atomicAdd(err, (got - want) * (got - want));
            atomicAdd(err + 1, want * want);
        }
    }
}

template <class T>
static void checkNorm(int width, int tokens) {
    if (skipped("norm")) return;
    for (int layer = 0; layer < 2; layer++) {
        for (int gathered = 0; gathered < 2; gathered++) {
            NormParams p{};
            int rows = gathered ? (tokens + 1) / 2 : tokens;
            std::vector<int32_t> gather;
            for (int i = 0; i < rows; i++) gather.push_back(tokens - 1 - 2 * i);
            p.x = rowsOf(tokens, width, pad64(width), 3.0f, 0.7f, 21);
            p.weight = rowsOf(1, width, width, 0.5f, 1.0f, 22);
            p.bias = layer ? rowsOf(1, width, width, 0.5f, 0.0f, 23) : nullptr;
            p.gather = gathered ? upload(gather) : nullptr;
            p.step = header(tokens, tokens, rows);
            p.width = width;
            p.epsilon = 1e-6f;
            size_t bytes = (size_t)pad64(rows) * pad64(width) * sizeof(T);
            void* oracle = alloc(bytes, 0xff);
            void* out = alloc(bytes, 0xff);
            p.out = out;
            size_t inverses = (size_t)(rows + 9) * 4;
            bool unscaled = std::is_same<T, Bf16>::value && !layer;
            float* inverse = p.inverse = unscaled ? (float*)alloc(inverses, 0xff) : nullptr;
            launch(std::string("norm_") + Name<T>::of(), dim3(rows + 9), 128, 0, p);
            auto* err = (double*)alloc(24);
            normDouble<T><<<rows, 128, 0, stream>>>(p, rows, err);
            std::string name = text("norm %s width %d tokens %d layer %d gather %d", Name<T>::of(), width, tokens, layer, gathered);
            close(download<double>(err, 3), sizeof(T) == 4 ? 1e-6 : (std::is_same<T, F16>::value ? 4e-4 : 3e-3), name);
            if (sizeof(T) == 2) {
                p.out = oracle;
                p.inverse = unscaled ? (float*)alloc(inverses, 0xff) : nullptr;
                launch(std::string("oracle_norm_") + Name<T>::of(), dim3(rows + 9), 32, 0, p);
                same(out, oracle, bytes, name);
                if (unscaled) same(inverse, p.inverse, inverses, name + " inverse");
            }
            freeAll();
        }
    }
}

template <class T>
static void checkEmbed(int vocabulary, int hidden, int tokens, bool learned) {
    if (skipped("embed")) return;
    EmbedParams p{};
    std::vector<int32_t> ids, positions;
    for (int i = 0; i < tokens; i++) ids.push_back((i * 7919 + 5) % vocabulary), positions.push_back(i * 31 % 97);
    p.table = tiles<T>(vocabulary, hidden, 1.0f, 31);
    p.positionTable = learned ? tiles<T>(97, hidden, 0.3f, 32) : nullptr;
    p.residual = (float*)alloc((size_t)(tokens + 5) * pad64(hidden) * 4, 0xff);
    p.step = header(tokens, 1, 1);
    p.tokenIds = upload(ids);
    p.positions = upload(positions);
    p.hidden = hidden;
    launch(std::string("embed_") + Name<T>::of(), dim3(tokens + 5), 128, 0, p);
    auto out = download<float>(p.residual, (size_t)(tokens + 5) * pad64(hidden));
    auto table = download<T>(p.table, (size_t)pad64(vocabulary) * pad64(hidden));
    auto rounded = [](T x) -> float {
        if (std::is_same<T, Bf16>::value) {
            uint32_t u = (uint32_t)(*(uint16_t*)&x) << 16;
            float f;
            memcpy(&f, &u, 4);
            return f;
        }
        if (sizeof(T) == 4) {
            float f;
            memcpy(&f, &x, 4);
            return f;
        }
        _Float16 h;
        memcpy(&h, &x, 2);
        return (float)h;
    };
    std::vector<T> table2 = learned ? download<T>(p.positionTable, (size_t)pad64(97) * pad64(hidden)) : std::vector<T>();
    long wrong = 0;
    for (int t = 0; t < tokens + 5; t++) {
        for (int k = 0; k < pad64(hidden); k++) {
            float got = out[(size_t)t * pad64(hidden) + k];
            if (t >= tokens || k >= hidden) {
                wrong += !std::isnan(got);
                continue;
            }
            float want = rounded(table[tileOffset(ids[t], k, pad64(hidden), sizeof(T)) / sizeof(T)]);
            if (learned) want += rounded(table2[tileOffset(positions[t], k, pad64(hidden), sizeof(T)) / sizeof(T)]);
            wrong += got != want;
        }
    }
    report(wrong == 0, text("embed %s hidden %d learned %d: %ld wrong", Name<T>::of(), hidden, learned, wrong));
    freeAll();
}

// ---- resolve ------------------------------------------------------------------------------------------------------

/** StepLayout: offsets, in words, of a step's tables, and host memory for the tables of some steps. */
struct StepTables {
    int maxTokens, maxRows, header, rowStart, gather, sample, rowTable, lastSamples, tokenIds, positions, rowOf, blocks, words, slots;
    int32_t* pinned;
    std::vector<int32_t> lastTokens, ended;
    LastStep* last;
    ResolveParams params{};

    StepTables(int maxTokens, int maxRows, int mostBlocks, int places) : maxTokens(maxTokens), maxRows(maxRows), slots(2 * maxRows + 1) {
        int at = RESOLVE_BLOCK_CTAS * LINE_WORDS;
        auto table = [&](int count) { int begin = at; at += ceilDiv(count, LINE_WORDS) * LINE_WORDS; return begin; };
        header = table(4), rowStart = table(maxRows + 1), gather = table(maxRows), sample = table(8 + 4 * maxRows), rowTable = table(maxRows);
        lastSamples = table(maxRows), tokenIds = table(maxTokens), positions = table(maxTokens), rowOf = table(maxTokens), blocks = table(1 + mostBlocks);
        words = at;
        CK(cudaHostAlloc(&pinned, (size_t)places * words * 4, cudaHostAllocMapped));
        memset(pinned, 0, (size_t)places * words * 4);
        for (int i = 0; i < slots; i++) lastTokens.push_back(random(150000)), ended.push_back(random(4) == 0);
        CK(cudaHostGetDevicePointer((void**)&params.places, pinned, 0));
        last = (LastStep*)alloc(places * sizeof(LastStep));
        params.lastTokens = upload(lastTokens);
        params.ended = upload(ended);
        params.tables = (int32_t*)alloc(words * 4, 0xff);
        params.began = (uint64_t*)alloc(8);
        params.placeWords = words, params.header = header, params.rowTable = rowTable, params.lastSamples = lastSamples, params.tokenIds = tokenIds, params.tokenWords = positions - tokenIds;
    }
    ~StepTables() {
        CK(cudaStreamSynchronize(stream));
        CK(cudaFreeHost(pinned));
    }

    uint32_t state = 1;
    int random(int below) {
        state = state * 1664525u + 1013904223u;
        return (state >> 8) % below;
    }

    /** Writes a step; most rows of one token have the one that their slot sampled last. */
    void write(int place, const std::vector<int>& tokensOf, int blockIds) {
        int32_t* to = pinned + (size_t)place * words;
        int rows = tokensOf.size(), token = 0;
        for (int row = 0; row < rows; row++) {
            bool isLastSample = tokensOf[row] == 1 && random(8) > 0;
            to[rowStart + row] = token;
            to[gather + row] = token + tokensOf[row] - 1;
            to[rowTable + row] = 1 + (int)((long)row * blockIds / rows);
            for (int i = 0; i < tokensOf[row]; i++, token++) to[tokenIds + token] = random(150000), to[positions + token] = 1 + random(9999), to[rowOf + token] = row;
            if (isLastSample) to[tokenIds + token - 1] = LAST_SAMPLE - (2 * row + random(2));
            to[lastSamples + row] = isLastSample ? to[tokenIds + token - 1] : 0;
            for (int i = 0; i < 4; i++) to[sample + 8 + i * maxRows + row] = random(1 << 20);
        }
        to[rowStart + rows] = token;
        for (int i = 0; i < 8; i++) to[sample + i] = random(1 << 20);
        to[blocks] = 0;
        for (int i = 1; i <= blockIds; i++) to[blocks + i] = 1 + random(1 << 20);
        to[header] = token, to[header + 1] = to[header + 2] = rows;
        for (int i = 0; i < RESOLVE_BLOCK_CTAS; i++) to[i * LINE_WORDS] = 1 + blockIds;
    }

    /** What sample_deliver leaves to the resolve of a place. */
    void expect(int place, int blockWords) {
        LastStep all{-1, place, blockWords, 0};
        CK(cudaMemcpyAsync(last + place, &all, sizeof all, cudaMemcpyHostToDevice, stream));
        CK(cudaStreamSynchronize(stream));
    }

    /** Words of the device's tables that are not those of the step in a place, with sampled tokens in them. */
    int wrong(int place) {
        auto got = download<int32_t>(params.tables, words);
        std::vector<int32_t> want(pinned + (size_t)place * words, pinned + (size_t)(place + 1) * words);
        int tokens = want[header], rows = want[header + 1];
        for (int i = 0; i < tokens; i++) {
            int slot = LAST_SAMPLE - want[tokenIds + i];
            if (slot < 0) continue;
            want[tokenIds + i] = ended[slot] ? 0 : lastTokens[slot];
            if (ended[slot]) want[positions + i] = want[rowTable + want[rowOf + i]] = 0;
        }
        int n = 0;
        auto compare = [&](int at, int count) { for (int i = at; i < at + count; i++) n += got[i] != want[i]; };
        compare(header, 4), compare(rowStart, rows + 1), compare(gather, rows), compare(sample, 8 + 4 * maxRows), compare(rowTable, rows);
        compare(tokenIds, tokens), compare(positions, tokens), compare(rowOf, tokens), compare(blocks, want[0]);
        return n;
    }

    void resolve(int place, int tokens) {
        ResolveParams p = params;
        p.last = last + place;
        p.tokens = tokens;
        launch("resolve", RESOLVE_TABLE_CTAS + RESOLVE_BLOCK_CTAS, RESOLVE_THREADS, 0, p);
    }
};

/** A graph that is launched for one step after the other, all of the same in-flight slot: nothing may come from a cache. */
static void checkResolve(int maxTokens, int maxRows, int mostBlocks, int bucket) {
    if (skipped("resolve")) return;
    StepTables tables(maxTokens, maxRows, mostBlocks, 2);
    for (int place = 0; place < 2; place++) {
        tables.write(place, {1}, 1);
        tables.expect(place, 1);
        tables.resolve(place, bucket);  // loads the kernel
        CK(cudaStreamSynchronize(stream));
        cudaGraph_t graph;
        cudaGraphExec_t exec;
        CK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
        tables.resolve(place, bucket);
        CK(cudaStreamEndCapture(stream, &graph));
        CK(cudaGraphInstantiate(&exec, graph, 0));
        for (int step = 0; step < 20; step++) {
            std::vector<int> tokensOf;
            int most = 1 + tables.random(bucket);
            for (int tokens = 0; tokens < most && (int)tokensOf.size() < maxRows;) {
                tokensOf.push_back(step % 2 ? 1 : std::min(most - tokens, 1 + tables.random(97)));
                tokens += tokensOf.back();
            }
            int blockIds = step == 0 ? mostBlocks : (int)tokensOf.size() + tables.random(mostBlocks - (int)tokensOf.size() + 1);
            tables.write(place, tokensOf, blockIds);
            // Too few, as many as there are, too many.
            tables.expect(place, std::min(1 + mostBlocks, blockIds * (step % 3) + step % 3));
            CK(cudaMemsetAsync(tables.params.tables, 0xff, tables.words * 4, stream));
            CK(cudaGraphLaunch(exec, stream));
            int wrong = tables.wrong(place);
            report(wrong == 0, text("resolve %d of %d tokens, %zu of %d rows, %d block ids, step %d: %d words", most, maxTokens, tokensOf.size(), maxRows, blockIds, step, wrong));
        }
        CK(cudaGraphExecDestroy(exec));
        CK(cudaGraphDestroy(graph));
    }
    freeAll();
}

// ---- qkv_finish ---------------------------------------------------------------------------------------------------

struct Rows {  // rows of a step: (first position, tokens)
    std::vector<int32_t> rowStart, positions, rowOf, rowTable, blocks;
    int tableStride, blockSize, kvBlocks, tokens = 0;
    /** Prefixes: (which, positions) of each row; rows of one share as many whole blocks as both have of it. */
    Rows(const std::vector<std::pair<int, int>>& spans, int blockSize, bool single = false,
         const std::vector<std::pair<int, int>>& prefixes = {}) : blockSize(blockSize) {
        std::map<std::pair<int, int>, int> prefixBlocks;
        int longest = 0;
        for (auto [first, n] : spans) longest = std::max(longest, first + n);
        tableStride = ceilDiv(longest, blockSize) + 3;
        kvBlocks = 1;
        blocks.assign(spans.size() * tableStride, 0);
        // Tables are filled crosswise, so that a row's blocks are scattered; the tables lie in another order than the rows.
        for (int b = 0; b < tableStride; b++) {
            for (size_t r = 0; r < spans.size(); r++) {
                if (b * blockSize >= spans[r].first + spans[r].second) continue;
                int32_t& block = blocks[(spans.size() - 1 - r) * tableStride + b];
                if (!prefixes.empty() && (b + 1) * blockSize <= std::min(prefixes[r].second, spans[r].first)) {
                    int& common = prefixBlocks[{prefixes[r].first, b}];
                    if (common == 0) common = kvBlocks++;
                    block = common;
                } else {
                    block = kvBlocks++;
                }
            }
        }
        for (size_t r = 0; r < spans.size(); r++) {
            int tableRow = spans.size() - 1 - r;
            if (!single) rowStart.push_back(tokens), rowTable.push_back(tableRow);
            for (int i = 0; i < spans[r].second; i++) {
                if (single) rowStart.push_back(tokens), rowTable.push_back(tableRow);
                rowOf.push_back(rowStart.size() - 1);
                positions.push_back(spans[r].first + i);
                tokens++;
            }
        }
        rowStart.push_back(tokens);
    }
    int rows() const { return rowStart.size() - 1; }
};

__device__ inline double kvElement(const void* kv, int block, int kvHead, int value, int offset, int kvHeads, int D, int blockSize, int d, int bytes, int kind) {
    int at = d * bytes;
    size_t o = kvOffset(block, kvHead, value, offset, kvHeads, D, blockSize, bytes) + (size_t)(at >> 7) * blockSize * 128 + (((at >> 4) & 7) ^ (offset & 7)) * 16 + (at & 15);
    const char* p = (const char*)kv + o;
    return kind == 0 ? (double)widen(*(const Bf16*)p) : (kind == 1 ? (double)widen(*(const F16*)p) : (double)*(const float*)p);
}
template <class T> struct Kind {
    static constexpr int of = std::is_same<T, Bf16>::value ? 0 : (std::is_same<T, F16>::value ? 1 : 2);
};

template <class T>
__global__ void qkvDouble(QkvFinishParams p, int tokens, double* err) {
    int token = blockIdx.x, head = blockIdx.y, e = threadIdx.x;
    int D = paddedHead(p.headSize), half = p.headSize / 2;
    if (e >= D) return;
    const float* x = p.projected + (size_t)token * pad64((p.heads + 2 * p.kvHeads) * p.headSize) + head * p.headSize;
    bool query = head < p.heads, value = head >= p.heads + p.kvHeads;
    const float* w = query ? p.queryNorm : (value ? nullptr : p.keyNorm);
    auto in = [&](int i) { return (double)x[i] + (p.bias ? p.bias[head * p.headSize + i] : 0.0); };
    double inverse = 1;
    if (w) {
        double s = 0;
        for (int i = 0; i < p.headSize; i++) s += in(i) * in(i);
        inverse = 1 / sqrt(s / p.headSize + (query ? p.queryEpsilon : p.keyEpsilon));
    }
    auto normed = [&](int i) { return in(i) * inverse * (w ? w[i] : 1.0); };
    double want = 0;
    int position = p.positions[token];
    if (e < p.headSize) {
        want = normed(e);
        if (!value) {
            int j = e % half;
            double cos = p.cos[(size_t)position * p.pairs + j], sin = p.sin[(size_t)position * p.pairs + j];
            want = e < half ? normed(e) * cos - normed(e + half) * sin : normed(e) * cos + normed(e - half) * sin;
        }
    }
    double got;
    if (query) {
        got = widen(((const T*)p.q)[((size_t)token * p.heads + head) * D + e]);
    } else {
        int block = p.blocks[(size_t)p.rowTable[p.rowOf[token]] * p.tableStride + position / p.blockSize];
        got = kvElement(p.kv, block, (head - p.heads) % p.kvHeads, value, position % p.blockSize, p.kvHeads, D, p.blockSize, e, sizeof(T), Kind<T>::of);
    }
    if (isnan(got)) atomicAdd(err + 2, 1.0);
    else {
        atomicAdd(err, (got - want) * (got - want));
        atomicAdd(err + 1, want * want);
    }
}
__global__ void countNotNan(const uint16_t* p, size_t n, unsigned long long* count) {
    for (size_t i = blockIdx.x * (size_t)blockDim.x + threadIdx.x; i < n; i += (size_t)gridDim.x * blockDim.x)
        if (p[i] != 0xffff) atomicAdd(count, 1ull);
}

template <class T>
static void checkQkv(int heads, int kvHeads, int headSize, int blockSize, bool bias, bool norms, bool learned) {
    if (skipped("qkv")) return;
    Rows rows({{0, 17}, {511, 1}, {97, 54}, {1022, 1}, {1000, 3}}, blockSize);
    int all = (heads + 2 * kvHeads) * headSize, D = paddedHead(headSize), half = headSize / 2;
    QkvFinishParams p{};
    std::vector<float> cos, sin;
    for (int i = 0; i < 1100 * half; i++) {
        double a = (i / half) * std::pow(10000.0, -(double)(i % half) / half);
        cos.push_back(learned ? 1.0f : (float)std::cos(a)), sin.push_back(learned ? 0.0f : (float)std::sin(a));
    }
    p.projected = rowsOf(rows.tokens, all, pad64(all), 2.0f, 0.1f, 41);
    p.bias = bias ? rowsOf(1, all, all, 1.0f, 0.0f, 42) : nullptr;
    p.queryNorm = norms ? rowsOf(1, headSize, headSize, 0.5f, 1.0f, 43) : nullptr;
    p.keyNorm = norms ? rowsOf(1, headSize, headSize, 0.5f, 1.0f, 44) : nullptr;
    p.cos = upload(cos);
    p.sin = upload(sin);
    p.q = alloc((size_t)rows.tokens * heads * D * sizeof(T), 0xff);
    size_t kvBytes = kvBlockBytes(kvHeads, D, blockSize, sizeof(T)) * rows.kvBlocks;
    p.kv = alloc(kvBytes, 0xff);
    p.step = header(rows.tokens, rows.rows(), 1);
    p.positions = upload(rows.positions);
    p.rowOf = upload(rows.rowOf);
    p.rowTable = upload(rows.rowTable);
    p.blocks = upload(rows.blocks);
    p.heads = heads;
    p.kvHeads = kvHeads;
    p.headSize = headSize;
    p.pairs = half;
    p.blockSize = blockSize;
    p.tableStride = rows.tableStride;
    p.queryEpsilon = 1e-6f;
    p.keyEpsilon = 1e-5f;
    launch(std::string("qkv_finish_") + Name<T>::of(), dim3(rows.tokens + 3, ceilDiv(heads + 2 * kvHeads, 4)), 128, 0, p);
    auto* err = (double*)alloc(24);
    qkvDouble<T><<<dim3(rows.tokens, heads + 2 * kvHeads), 128, 0, stream>>>(p, rows.tokens, err);
    std::string name = text("qkv_finish %s heads %d/%d of %d blocks of %d bias %d norms %d learned %d", Name<T>::of(), heads, kvHeads, headSize, blockSize, bias, norms, learned);
    close(download<double>(err, 3), sizeof(T) == 4 ? 1e-6 : (std::is_same<T, F16>::value ? 4e-4 : 3e-3), name);
    auto* written = (unsigned long long*)alloc(8);
    countNotNan<<<256, 256, 0, stream>>>((const uint16_t*)p.kv, kvBytes / 2, written);
    unsigned long long want = (unsigned long long)rows.tokens * kvHeads * 2 * D * sizeof(T) / 2;
    report(download<unsigned long long>(written, 1)[0] == want, name + " stray or missing writes to kv");
    freeAll();
}

/** A kernel of qkv.cu or qkv_whole.cu: CTAs of a cluster have a segment each, or a CTA does all, `most` at the most. */
struct QkvTile {
    int head, tokens, rows, cluster, most, stages, resident;
    std::string label() const { return text("%dx%d", tokens, rows) + (cluster > 1 ? text("x%d", cluster) : text("all%d", most)); }
    bool takes(int headSize, int segments) const { return head == headSize && (cluster > 1 ? segments == cluster : segments <= most); }
};
#define QKV_TILE(HEAD, TOKENS, ROWS, CLUSTER, STAGES, CTAS) QkvTile{HEAD, TOKENS, ROWS, CLUSTER, 1, STAGES, CTAS},
#define QKV_WHOLE_TILE(HEAD, TOKENS, ROWS, MOST, STAGES, CTAS) QkvTile{HEAD, TOKENS, ROWS, 1, MOST, STAGES, CTAS},
static const QkvTile QKVS[] = {QKV_TILES(QKV_TILE) QKV_WHOLE_TILES(QKV_WHOLE_TILE)};

/** At most `ctas` of them, if each does all segments of its tiles. */
static void qkvOn(const QkvTile& t, int bucket, int ctas, const QkvParams& p) {
    int tiles = ceilDiv(bucket, t.tokens) * ceilDiv(p.matmul.rows, t.rows);
    launch(text("qkv_bf16_%d_", t.head) + t.label(), dim3(t.cluster > 1 ? tiles : std::min(tiles, ctas), 1, t.cluster),
           gemmThreads(t.tokens, t.rows, t.most), gemmSharedBytes(t.tokens, t.rows, t.cluster, t.stages), p);
}

/** Product and what follows it in one, against one after the other. */
static void checkQkvProduct(int heads, int kvHeads, int headSize, int blockSize, int hidden, bool bias, bool norms, const std::vector<std::pair<int, int>>& spans) {
    if (skipped("qkv")) return;
    Rows rows(spans, blockSize);
    int all = (heads + 2 * kvHeads) * headSize, half = headSize / 2;
    int tokens = rows.tokens;
    QkvParams p{};
    MatmulParams& m = p.matmul;
    QkvFinishParams& f = p.heads;
    m.rows = m.columns = all;
    m.k = hidden;
    m.segments = segmentsOf(all, hidden);
    m.epilogue = EPILOGUE_STORE;
    m.weight = tiles<Bf16>(all, hidden, 1.5f / std::sqrt((float)hidden), 81);
    m.x = tiles<Bf16>(tokens, hidden, 1.0f, 82, 0xff);
    m.step = header(tokens, rows.rows(), 1);
    m.inverse = inversesOf(tokens);
    m.outRows = (float*)alloc((size_t)pad64(tokens) * pad64(all) * 4, 0xff);
    launch("oracle_matmul_bf16", dim3(ceilDiv(tokens, 8), pad64(all) / 16), 32, 0, m);
    std::vector<float> cos, sin;
    for (int i = 0; i < 1100 * half; i++) {
        double a = (i / half) * std::pow(10000.0, -(double)(i % half) / half);
        cos.push_back((float)std::cos(a)), sin.push_back((float)std::sin(a));
    }
    f.projected = m.outRows;
    f.bias = bias ? rowsOf(1, all, all, 1.0f, 0.0f, 42) : nullptr;
    f.queryNorm = norms ? rowsOf(1, headSize, headSize, 0.5f, 1.0f, 43) : nullptr;
    f.keyNorm = norms ? rowsOf(1, headSize, headSize, 0.5f, 1.0f, 44) : nullptr;
    f.cos = upload(cos);
    f.sin = upload(sin);
    f.step = m.step;
    f.positions = upload(rows.positions);
    f.rowOf = upload(rows.rowOf);
    f.rowTable = upload(rows.rowTable);
    f.blocks = upload(rows.blocks);
    f.heads = heads;
    f.kvHeads = kvHeads;
    f.headSize = headSize;
    f.pairs = half;
    f.blockSize = blockSize;
    f.tableStride = rows.tableStride;
    f.queryEpsilon = 1e-6f;
    f.keyEpsilon = 1e-5f;
    size_t queryBytes = (size_t)(tokens + 9) * heads * headSize * 2, kvBytes = kvBlockBytes(kvHeads, headSize, blockSize, 2) * rows.kvBlocks;
    auto fresh = [&]() { f.q = alloc(queryBytes, 0xff), f.kv = alloc(kvBytes, 0xff); };
    fresh();
    launch("qkv_finish_bf16", dim3(tokens, ceilDiv(heads + 2 * kvHeads, 4)), 128, 0, f);
    void *q = f.q, *kv = f.kv;
    int ran = 0;
    for (const QkvTile& t : QKVS) {
        if (!t.takes(headSize, m.segments)) continue;
        for (int bucket : {tokens, tokens + 100}) {
            int ctas = bucket == tokens ? 132 : 3;  // with three, a CTA has several tiles
            m.outRows = nullptr;
            m.partials = (float*)alloc((size_t)ctas * t.tokens * t.rows * 4, 0xff);
            fresh();
            qkvOn(t, bucket, ctas, p);
            std::string name = text("qkv heads %d/%d of %d hidden %d bias %d norms %d tokens %d tile %s", heads, kvHeads, headSize, hidden, bias, norms, tokens, t.label().c_str());
            same(f.q, q, queryBytes, name + " queries");
            same(f.kv, kv, kvBytes, name + " kv");
            ran++;
        }
    }
    report(ran > 0, text("qkv of %d segments, heads of %d: no tile", m.segments, headSize));
    freeAll();
}

// ---- attention ----------------------------------------------------------------------------------------------------

/** Fills K and V of each row's positions up to its last. */
template <class T>
__global__ void fillKv(char* kv, const int32_t* blocks, int tableStride, int tables, const int32_t* lasts, int kvHeads, int headSize, int blockSize) {
    int table = blockIdx.y, position = blockIdx.x, D = paddedHead(headSize);
    if (position > lasts[table]) return;
    int block = blocks[table * tableStride + position / blockSize], offset = position % blockSize;
    for (int i = threadIdx.x; i < kvHeads * 2 * D; i += blockDim.x) {
        int d = i % D, value = i / D % 2, head = i / D / 2, at = d * (int)sizeof(T);
        size_t o = kvOffset(block, head, value, offset, kvHeads, D, blockSize, sizeof(T)) + (size_t)(at >> 7) * blockSize * 128 + (((at >> 4) & 7) ^ (offset & 7)) * 16 + (at & 15);
        *(T*)(kv + o) = narrow<T>(d < headSize ? randomValue(table * 100003 + position, i, 51) * (value ? 1.0f : 1.7f) : 0.0f);
    }
}
template <class T>
__global__ void fillHeads(T* q, int rows, int headSize) {
    int D = paddedHead(headSize);
    for (size_t i = blockIdx.x * (size_t)blockDim.x + threadIdx.x; i < (size_t)rows * D; i += (size_t)gridDim.x * blockDim.x)
        q[i] = narrow<T>(i % D < headSize ? randomValue(i / D, i % D, 52) * 1.5f : 0.0f);
}
template <class T>
__global__ void attentionDouble(AttentionParams p, double* err) {
    int token = blockIdx.x, head = blockIdx.y, D = paddedHead(p.headSize);
    int kvHead = head / (p.heads / p.kvHeads), row = p.rowOf[token], position = p.positions[token];
    int from = p.window > position ? 0 : position - p.window + 1;
    __shared__ double o[128], score[128];
    __shared__ double m, l, r;
    int t = threadIdx.x;
    o[t] = 0;
    if (t == 0) m = -1e300, l = 0;
    for (int base = from; base <= position; base += 128) {
        __syncthreads();
        double s = -1e300;
        if (base + t <= position) {
            s = 0;
            int block = p.blocks[(size_t)p.rowTable[row] * p.tableStride + (base + t) / p.blockSize];
            for (int d = 0; d < p.headSize; d++)
                s += (double)widen(((const T*)p.q)[((size_t)token * p.heads + head) * D + d]) * kvElement(p.kv, block, kvHead, 0, (base + t) % p.blockSize, p.kvHeads, D, p.blockSize, d, sizeof(T), Kind<T>::of);
            s /= sqrt((double)p.headSize);
        }
        score[t] = s;
        __syncthreads();
        if (t == 0) {
            double before = m;
            for (int i = 0; i < 128; i++) m = fmax(m, score[i]);
            r = exp(before - m);
            l *= r;
            for (int i = 0; i < 128; i++) {
                score[i] = base + i <= position ? exp(score[i] - m) : 0;
                l += score[i];
            }
        }
        __syncthreads();
        o[t] *= r;
        for (int i = 0; i < 128 && base + i <= position; i++) {
            int block = p.blocks[(size_t)p.rowTable[row] * p.tableStride + (base + i) / p.blockSize];
            if (t < p.headSize) o[t] += score[i] * kvElement(p.kv, block, kvHead, 1, (base + i) % p.blockSize, p.kvHeads, D, p.blockSize, t, sizeof(T), Kind<T>::of);
        }
    }
    __syncthreads();
    if (t < p.headSize) {
        double want = o[t] / l;
        double got = widen(*(const T*)((const char*)p.out + tileOffset(token, head * p.headSize + t, pad64(p.heads * p.headSize), sizeof(T))));
        if (isnan(got)) atomicAdd(err + 2, 1.0);
        else {
            atomicAdd(err, (got - want) * (got - want));
            atomicAdd(err + 1, want * want);
        }
    }
}

static size_t decodeItemsOf(const Rows& rows) {
    size_t items = 0;
    for (int i = 0; i < rows.tokens; i++) items += rows.positions[i] / 512 + 1;
    return items;
}
/** Where the rows' partials lie and chunks are counted. */
static void makeScratch(AttentionParams& p, const Rows& rows) {
    p.partials = (float*)alloc(decodeItemsOf(rows) * p.heads * (paddedHead(p.headSize) + 4) * 4, 0xff);
    p.arrivals = (uint32_t*)alloc((size_t)rows.tokens * p.heads * 4);
}
static void makeWork(AttentionParams& p, const Rows& rows, int group, bool share, int prefillPairs = 64) {
    AttentionPlanParams plan{};
    size_t decode = decodeItemsOf(rows);
    plan.step = p.step;
    plan.rowStart = p.rowStart;
    plan.positions = p.positions;
    plan.rowTable = p.rowTable;
    plan.blocks = p.blocks;
    plan.work = (AttentionWork*)alloc(sizeof(AttentionWork), 0xff);
    plan.decode = (DecodeItem*)alloc(decode * sizeof(DecodeItem), 0xff);
    plan.shared = (SharedItem*)alloc((decode / 2 + 1) * sizeof(SharedItem), 0xff);
    plan.members = (SharedMember*)alloc(decode * sizeof(SharedMember), 0xff);
    plan.places = (int32_t*)alloc(decode * sizeof(int32_t), 0xff);
    plan.prefill = (PrefillItem*)alloc((ceilDiv(rows.tokens * group, 64) + rows.rows()) * sizeof(PrefillItem), 0xff);
    plan.group = group;
    plan.window = p.window;
    plan.blockSize = p.blockSize;
    plan.tableStride = p.tableStride;
    plan.share = share;
    plan.prefillPairs = prefillPairs;
    p.work = plan.work;
    p.decode = plan.decode;
    p.shared = plan.shared;
    p.members = plan.members;
    p.prefill = plan.prefill;
    launch("attention_plan", dim3(1), 1024, 0, plan);
}
/** Holds the plan to what the host finds: every chunk of a row of one token once, and together what is the same blocks. */
static void checkWork(const AttentionParams& p, const Rows& rows, int group, const std::string& name) {
    std::map<std::vector<int>, std::vector<int>> tokens;  // of each chunk and its blocks
    size_t chunks = 0, members = 0, items = 0;
    for (int r = 0; r < rows.rows(); r++) {
        if (rows.rowStart[r + 1] - rows.rowStart[r] != 1) continue;
        int token = rows.rowStart[r], position = rows.positions[token], from = p.window > position ? 0 : position - p.window + 1;
        chunks += position / 512 - from / 512 + 1;
        for (int c = ceilDiv(from, 512); c < position / 512; c++) {
            std::vector<int> key = {c, r / 1024};
            for (int b = c * 512 / p.blockSize; b <= (c * 512 + 511) / p.blockSize; b++) key.push_back(rows.blocks[rows.rowTable[r] * rows.tableStride + b]);
            tokens[key].push_back(token);
        }
    }
    std::map<std::pair<int, int>, int> with;  // how many a (chunk, token) is together with
    for (auto& [key, all] : tokens) {
        if (all.size() < 2) continue;
        members += all.size(), items += ceilDiv(all.size(), 64 / std::min(group, 16));
        for (int token : all) with[{key[0], token}] = all.size();
    }
    AttentionWork work = download<AttentionWork>(p.work, 1)[0];
    auto shared = download<SharedItem>(p.shared, work.sharedItems);
    auto member = download<SharedMember>(p.members, members);
    auto decode = download<DecodeItem>(p.decode, work.decodeItems);
    bool ok = work.decodeItems == (int)(chunks - members) && work.sharedItems == (int)items;
    std::map<std::pair<int, int>, int> found;
    for (auto& item : shared) {
        for (int i = 0; ok && i < item.members; i++) {
            int token = member[item.firstMember + i].token;
            found[{item.chunk, token}]++;
            ok &= with.count({item.chunk, token}) && with[{item.chunk, token}] >= item.members;
        }
        ok &= item.members >= 1 && item.members <= 64 / std::min(group, 16);
    }
    for (auto& item : decode) ok &= !with.count({item.chunk, item.token}) && found[{item.chunk, item.token}]++ == 0;
    for (auto& [pair, count] : found) ok &= count == 1;
    report(ok && found.size() == chunks, name + text(" plan: %d alone, %d shared items; %zu chunks, %zu shared in %zu items", work.decodeItems, work.sharedItems, chunks, members, items));
}
static void checkArrivals(const AttentionParams& p, const Rows& rows, const std::string& name) {
    long counted = 0;
    for (uint32_t n : download<uint32_t>(p.arrivals, (size_t)rows.tokens * p.heads)) counted += n != 0;
    report(counted == 0, name + text(": %ld counters not zero", counted));
}
/** Pairs of an item of attention_prefill_sm90. */
constexpr int SM90_PAIRS = 128;
/** Rows of several tokens on Hopper's tensor cores; the plan has items of SM90_PAIRS. */
static void runPrefillSm90(const AttentionParams& p, int tokens, int rows) {
    int D = paddedHead(p.headSize), items = ceilDiv(tokens * (p.heads / p.kvHeads), SM90_PAIRS) + rows;
    int shared = D == 128 ? 4 * 32768 + 128 * 128 * 2 + 256 * 256 : 8 * 16384 + 128 * 64 * 2;
    launch(text("attention_prefill_sm90_bf16_%d", D), dim3(std::min(items * p.kvHeads, 132)), 384, shared + 2 * (32 + SM90_PAIRS * 8) + 256, p);
}
static bool hasPrefillSm90() { return kernels.count("attention_prefill_sm90_bf16_64") > 0; }
static bool hopper;  // the GPU has what the kernels for compute capability 9.0 need
/** What computes rows of one token. */
enum Decode { DECODE,
              RING,
              CASCADE };
static const char* const DECODES[] = {"", " ring", " cascade"};
static bool hasRing(int group) { return hopper && group <= 8; }
template <class T>
static void runAttention(const AttentionParams& p, int tokens, int rows, int pairs = 64, Decode by = DECODE) {
    int D = paddedHead(p.headSize), group = p.heads / p.kvHeads;
    std::string suffix = text("_%s_%d", Name<T>::of(), D);
    int y = p.kvHeads * ceilDiv(group, 16);
    if (by == CASCADE) launch("attention_cascade" + suffix, dim3(132 * (D == 64 ? 3 : 2) / y, y), 128, 2 * 128 * D * 2 + 64 * D * 2 + 1024, p);
    else if (by == RING) launch("attention_decode_sm90" + suffix, dim3(132 * 2), 192, 6 * 128 * 128 + 8 * 512 * 2 + 1024, p);
    else launch("attention_decode" + suffix, dim3(132 * (D == 64 ? 4 : 3) / y, y), 128, 2 * 128 * D * 2 + 16 * (128 + D) * 2 + 1024, p);
    if (pairs == 0) return;
    int items = (ceilDiv(tokens * group, 64) + rows) * (64 / pairs);
    launch("attention_prefill" + suffix + (pairs == 64 ? "" : "_32"), dim3(std::min(items, 16 * 132), p.kvHeads), 2 * pairs, 2 * 128 * D * 2 + pairs * D * 6, p);
}
template <class T>
static AttentionParams attentionOf(const Rows& rows, int heads, int kvHeads, int headSize, int window, const std::vector<std::pair<int, int>>& spans) {
    AttentionParams p{};
    int D = paddedHead(headSize);
    std::vector<int32_t> lasts(spans.size());
    int longest = 0;
    for (size_t r = 0; r < spans.size(); r++) lasts[spans.size() - 1 - r] = spans[r].first + spans[r].second - 1, longest = std::max(longest, spans[r].first + spans[r].second);
    auto* q = (T*)alloc((size_t)rows.tokens * heads * D * sizeof(T));
    fillHeads<T><<<512, 256, 0, stream>>>(q, rows.tokens * heads, headSize);
    p.q = q;
    auto* kv = (char*)alloc(kvBlockBytes(kvHeads, D, rows.blockSize, sizeof(T)) * rows.kvBlocks, 0xff);
    p.step = header(rows.tokens, rows.rows(), 1);
    p.rowStart = upload(rows.rowStart);
    p.positions = upload(rows.positions);
    p.rowOf = upload(rows.rowOf);
    p.rowTable = upload(rows.rowTable);
    p.blocks = upload(rows.blocks);
    fillKv<T><<<dim3(longest, spans.size()), 128, 0, stream>>>(kv, p.blocks, rows.tableStride, spans.size(), upload(lasts), kvHeads, headSize, rows.blockSize);
    CK(cudaGetLastError());
    p.kv = kv;
    p.heads = heads;
    p.kvHeads = kvHeads;
    p.headSize = headSize;
    p.blockSize = rows.blockSize;
    p.tableStride = rows.tableStride;
    p.window = window;
    p.scale = (float)((sizeof(T) == 2 ? 1.4426950408889634 : 1.0) / std::sqrt((double)headSize));
    return p;
}

template <class T>
static void checkAttention(int heads, int kvHeads, int headSize, int blockSize, int window, const std::vector<std::pair<int, int>>& spans,
                           const std::vector<std::pair<int, int>>& prefixes = {}) {
    if (skipped("attention") && (only != "prefill" || !std::is_same<T, Bf16>::value || !prefixes.empty())) return;
    Rows rows(spans, blockSize, false, prefixes);
    AttentionParams p = attentionOf<T>(rows, heads, kvHeads, headSize, window, spans);
    size_t bytes = (size_t)(pad64(rows.tokens) + 64) * pad64(heads * headSize) * sizeof(T);
    void* oracle = alloc(bytes, 0xff);
    std::string name = text("attention %s heads %d/%d of %d blocks of %d window %d prefixes %d", Name<T>::of(), heads, kvHeads, headSize, blockSize, window, !prefixes.empty());
    p.out = oracle;
    if (sizeof(T) == 2) launch(text("oracle_attention_%s_%d", Name<T>::of(), paddedHead(headSize)), dim3(rows.tokens, heads), 32, 0, p);
    else launch("attention_f32", dim3(rows.tokens, ceilDiv(heads, 4)), 128, 0, p);
    auto* err = (double*)alloc(24);
    attentionDouble<T><<<dim3(rows.tokens, heads), 128, 0, stream>>>(p, err);
    CK(cudaGetLastError());
    close(download<double>(err, 3), sizeof(T) == 4 ? 2e-6 : (std::is_same<T, F16>::value ? 8e-4 : 6e-3), name + " oracle");
    if (sizeof(T) == 2) {
        int group = heads / kvHeads;
        auto check = [&](AttentionParams& p, const Rows& rows, const std::string& name, int pairs) {
            makeScratch(p, rows);
            for (Decode by : {DECODE, RING, CASCADE}) {
                if (by == RING && !hasRing(group)) continue;
                makeWork(p, rows, group, by == CASCADE);
                std::string what = name + DECODES[by] + (pairs == 32 ? " in halves" : "");
                if (by == CASCADE) checkWork(p, rows, group, what);
                // Twice: the second time finds the counters as the first has left them, and may read K and V early.
                for (int time = 0; time < 2; time++) {
                    p.out = alloc(bytes, 0xff);
                    p.early = time;
                    runAttention<T>(p, rows.tokens + 40, rows.rows() + 5, pairs, by);
                    same(p.out, oracle, bytes, what);
                }
                checkArrivals(p, rows, what);
            }
        };
        if (std::is_same<T, Bf16>::value && hasPrefillSm90()) {
            makeScratch(p, rows);
            makeWork(p, rows, group, false, SM90_PAIRS);
            for (int tokens : {rows.tokens + 40, 1}) {  // with one there are more items than CTAs
                for (int time = 0; time < 2; time++) {  // the second time finds the counter as the first has left it
                    p.out = alloc(bytes, 0xff);
                    runAttention<T>(p, rows.tokens, rows.rows(), 0);
                    runPrefillSm90(p, tokens, tokens == 1 ? 1 : rows.rows() + 5);
                    same(p.out, oracle, bytes, name + text(" sm90, grid for %d tokens", tokens));
                }
            }
            int next = download<AttentionWork>(p.work, 1)[0].nextPrefill;
            report(next == 0, name + text(" sm90: next item %d", next));
        }
        if (only == "prefill") {
            freeAll();
            return;
        }
        check(p, rows, name + " fast", 64);
        if (paddedHead(headSize) == 128) check(p, rows, name + " fast", 32);
        // Each token a row of its own: all through decode.
        Rows single(spans, blockSize, true, prefixes);
        AttentionParams s = p;
        s.step = header(single.tokens, single.rows(), 1);
        s.rowStart = upload(single.rowStart);
        s.positions = upload(single.positions);
        s.rowOf = upload(single.rowOf);
        s.rowTable = upload(single.rowTable);
        check(s, single, name + " prefill as decode", 64);
    }
    freeAll();
}

// ---- the head that samples ------------------------------------------------------------------------------------------

static const GemmTile HEADS[] = {HEAD_TILES(GEMM_TILE)};
/** Every kernel of the head, by name: what launches it for a bucket of rows. */
static std::map<std::string, std::function<void(int, const HeadParams&)>> headKernels() {
    std::map<std::string, std::function<void(int, const HeadParams&)>> all;
    for (const Tile& t : TILES) {
        all[std::string("mma ") + t.name] = [&t](int bucket, const HeadParams& p) {
            launch(std::string("head_bf16_") + t.name, dim3(ceilDiv(bucket, t.tokens), ceilDiv(pad64(p.matmul.rows), t.rows)), t.threads,
                   t.stages * (t.rows + t.tokens) * 128, p);
        };
    }
    for (const GemmTile& t : HEADS) {
        if (!kernels.count(std::string("head_bf16_") + t.name)) continue;
        for (int ctas : {132 * t.resident, 3}) {
            all[t.name + std::string(ctas == 3 ? " by 3 CTAs" : "")] = [&t, ctas](int bucket, const HeadParams& p) {
                launch(std::string("head_bf16_") + t.name, dim3(std::min(t.tiles(bucket, p.matmul), ctas)), gemmThreads(t.tokens, t.rows, t.most),
                       headSharedBytes(t.tokens, t.rows, t.stages), p);
            };
        }
    }
    return all;
}

/** Rows of x and of the step: a slot, a seed, a position and a temperature each; greedy alone if there is none. */
static HeadParams headOf(int vocabulary, int k, int tokens, const std::vector<float>& temperatures) {
    HeadParams p{};
    p.maxRows = tokens + 5;
    p.matmul.rows = p.matmul.columns = vocabulary;
    p.matmul.k = k;
    p.matmul.segments = 1;
    p.matmul.epilogue = EPILOGUE_STORE;
    p.matmul.sampledOnly = 1;
    p.matmul.step = header(tokens, tokens, tokens);
    std::vector<SampleRow> rows(p.maxRows);
    std::vector<int> step(STEP_HEADER + 4 * p.maxRows, -1);
    step[0] = tokens;
    for (int i = 0; i < tokens; i++) {
        int slot = (i * 7 + 3) % p.maxRows;
        while (rows[slot].seed) slot = (slot + 1) % p.maxRows;
        rows[slot].seed = 0x9E3779B97F4A7C15ull * (i + 1);
        rows[slot].completion = i % 3;
        rows[slot].temperature = temperatures.empty() ? 0 : temperatures[i % temperatures.size()];
        step[STEP_HEADER + i] = slot;
        step[STEP_HEADER + p.maxRows + i] = 17 * i + 5;
    }
    p.rows = upload(rows);
    p.sample = upload(step);
    return p;
}

/** The words whose noise is above its ceiling. */
__global__ void everyCeiling(unsigned long long* wrong) {
    unsigned long long mine = 0;
    for (unsigned long long i = blockIdx.x * (unsigned long long)blockDim.x + threadIdx.x; i < 1ull << 32; i += (unsigned long long)gridDim.x * blockDim.x) {
        mine += !(noiseCeiling((unsigned)i) >= gumbel((unsigned)i)) || !(gumbelCeiling((unsigned)i) >= gumbel((unsigned)i));
    }
    if (mine) atomicAdd(wrong, mine);
}

/** Every row of the weight again after `period` rows. */
__global__ void repeatRows(char* to, int rows, int k, int period) {
    size_t i = blockIdx.x * (size_t)blockDim.x + threadIdx.x;
    if (i < (size_t)rows * k && (int)(i / k) >= period) {
        *(Bf16*)(to + tileOffset(i / k, i % k, pad64(k), 2)) = *(const Bf16*)(to + tileOffset(i / k % period, i % k, pad64(k), 2));
    }
}

/** Tiles, candidates and logits that are not the oracle's; what is not written is poison. */
__global__ void differingSamples(HeadParams got, HeadParams want, int tokens, int room, unsigned long long* wrong) {
    int tiles = (got.matmul.columns + HEAD_TILE - 1) / HEAD_TILE;
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= room * tiles) return;
    int index = i / tiles, tile = i % tiles;
    HeadTile a = got.tiles[i], b = want.tiles[i];
    auto bits = [](float x) { return __float_as_uint(x); };
    auto poisoned = [&](const SamplePick& pick) { return bits(pick.value) == 0xffffffffu && pick.token == -1; };
    bool live = index < tokens, bad = live && (b.state & BAD);
    bool several = live && !bad && (b.state & SEVERAL), ranked = live && !bad && !(b.state & UNRANKED);
    bool same = live && bad ? (a.state & BAD) != 0 : a.state == b.state && (a.max == b.max || bits(a.max) == bits(b.max)) && a.best == b.best && (live && !ranked || bits(a.rank) == bits(b.rank));
    SamplePick one = got.candidates[i], other = want.candidates[i];
    if (!bad) same &= several ? poisoned(one) : bits(one.value) == bits(other.value) && one.token == other.token;
    for (int j = 0; j < HEAD_TILE; j++) {
        size_t at = (size_t)index * pad64(got.matmul.columns) + tile * HEAD_TILE + j;
        float l = got.matmul.outRows[at];
        bool there = tile * HEAD_TILE + j < got.matmul.columns;
        if (!bad) same &= several ? !there || bits(l) == bits(want.matmul.outRows[at]) : bits(l) == 0xffffffffu;
    }
    if (!same) atomicAdd(wrong, 1);
}

static void checkHead(int vocabulary, int k, const std::vector<int>& counts, int period = INT_MAX) {
    if (skipped("head")) return;
    for (int tokens : counts) {
        for (bool greedy : {false, true}) {
            int room = pad64(tokens) + 256, tiles64 = pad64(vocabulary) / 64;
            HeadParams p = headOf(vocabulary, k, tokens, greedy ? std::vector<float>{} : std::vector<float>{1, 0, 0.7f, 0.05f, 2.5f, 100, 1e-42f, 0x1p-10f, 1, 1.3f, 3e38f});
            p.matmul.weight = tiles<Bf16>(vocabulary, k, 3.0f / std::sqrt((float)k), 31 + tokens);
            repeatRows<<<((size_t)vocabulary * k + 255) / 256, 256, 0, stream>>>((char*)p.matmul.weight, vocabulary, k, period);
            p.matmul.x = tiles<Bf16>(tokens, k, 1.0f, 32, 0xff);
            // Some rows whose ranks are all about the same, out of range, or infinite.
            std::vector<float> inverses(tokens);
            const float SCALES[] = {1.37f, 1, 7.1f, 1e-9f, 1e8f, 3.3f, 1e31f, 0.4f, 1e38f, 1.1f, 0, 2.3f, 5e4f};
            for (int i = 0; i < tokens; i++) inverses[i] = SCALES[i % 13];
            p.matmul.inverse = tokens % 2 ? upload(inverses) : nullptr;
            auto fresh = [&](HeadParams q) {
                q.matmul.outRows = (float*)alloc((size_t)room * pad64(vocabulary) * 4, 0xff);
                q.tiles = (HeadTile*)alloc((size_t)room * tiles64 * sizeof(HeadTile), 0xff);
                q.candidates = (SamplePick*)alloc((size_t)room * tiles64 * sizeof(SamplePick), 0xff);
                return q;
            };
            HeadParams want = fresh(p);
            launch("oracle_matmul_bf16", dim3(ceilDiv(tokens, 8), pad64(vocabulary) / 16), 32, 0, want.matmul);
            launch("oracle_head", dim3(ceilDiv(tiles64, 128), tokens), 128, 0, want);
            size_t mark = allocated.size();
            for (const auto& [name, run] : headKernels()) {
                for (int bucket : {tokens, tokens + 100}) {
                    HeadParams got = fresh(p);
                    auto* wrong = (unsigned long long*)alloc(8);
                    run(bucket, got);
                    differingSamples<<<ceilDiv(room * tiles64, 128), 128, 0, stream>>>(got, want, tokens, room, wrong);
                    CK(cudaGetLastError());
                    unsigned long long n = download<unsigned long long>(wrong, 1)[0];
                    report(n == 0, text("head %s vocabulary %d k %d tokens %d greedy %d: %llu tiles", name.c_str(), vocabulary, k, tokens, greedy, n));
                    while (allocated.size() > mark) {
                        CK(cudaFree(allocated.back()));
                        allocated.pop_back();
                    }
                }
            }
            // Whether this was a test of anything: how many tiles are of each kind.
            std::vector<HeadTile> found = download<HeadTile>(want.tiles, (size_t)tokens * tiles64);
            int kinds[3] = {};
            for (const HeadTile& t : found) kinds[0] += (t.state & BAD) != 0, kinds[1] += (t.state & SEVERAL) != 0, kinds[2] += (t.state & UNRANKED) != 0;
            printf("head vocabulary %d k %d tokens %d greedy %d: of %zu tiles %d bad, %d of several, %d unranked\n", vocabulary, k, tokens, greedy, found.size(), kinds[0], kinds[1], kinds[2]);
            freeAll();
        }
    }
}

static void checkCeilings() {
    if (skipped("head")) return;
    auto* wrong = (unsigned long long*)alloc(8);
    everyCeiling<<<2048, 256, 0, stream>>>(wrong);
    CK(cudaGetLastError());
    unsigned long long n = download<unsigned long long>(wrong, 1)[0];
    report(n == 0, text("ceilings of noise: %llu of all words", n));
    freeAll();
}

// ---- timing -------------------------------------------------------------------------------------------------------

/** Median microseconds of one call of `body`, called `count` times in a graph with i = 0, 1, ... */
static double timed(int count, const std::function<void(int)>& body) {
    body(0);
    CK(cudaStreamSynchronize(stream));
    cudaGraph_t graph;
    cudaGraphExec_t exec;
    CK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
    for (int i = 0; i < count; i++) body(i);
    CK(cudaStreamEndCapture(stream, &graph));
    CK(cudaGraphInstantiate(&exec, graph, 0));
    cudaEvent_t a, b;
    CK(cudaEventCreate(&a));
    CK(cudaEventCreate(&b));
    std::vector<float> times;
    for (int i = 0; i < 9; i++) {
        CK(cudaEventRecord(a, stream));
        CK(cudaGraphLaunch(exec, stream));
        CK(cudaEventRecord(b, stream));
        CK(cudaEventSynchronize(b));
        float t;
        CK(cudaEventElapsedTime(&t, a, b));
        if (i > 1) times.push_back(t);
    }
    std::sort(times.begin(), times.end());
    CK(cudaGraphExecDestroy(exec));
    CK(cudaGraphDestroy(graph));
    return times[times.size() / 2] * 1000.0 / count;
}

/** Steps that decode, each in an in-flight slot of its own, so that the GPU has read none of it before; bound by the bus, at 50 GB/s. */
static void timeResolve(int rows, int blockIds) {
    if (skipped("resolve")) return;
    constexpr int PLACES = 64;
    StepTables tables(2048, 256, std::max(blockIds, 40000), PLACES);
    for (int i = 0; i < PLACES; i++) tables.write(i, std::vector<int>(rows, 1), blockIds);
    for (int i = 0; i < PLACES; i++) tables.expect(i, 1 + blockIds);
    double us = timed(PLACES, [&](int i) { tables.resolve(i, rows); });
    for (int i = 0; i < PLACES; i++) tables.expect(i, 0);
    double unlikely = timed(PLACES, [&](int i) { tables.resolve(i, rows); });
    double bytes = 4.0 * (tables.tokenIds - tables.header + 3 * rows + blockIds);
    printf("resolve %4d rows, %6.0f KB of tables %8.2f us (%.2f with a second trip), %5.1f at 50 GB/s\n", rows, bytes / 1024, us, unlikely, bytes / 50e3);
    freeAll();
}

static void timeMatmul(const char* model, const char* what, int rows, int k, int epilogue, const std::vector<int>& counts) {
    size_t bytes = (size_t)pad64(rows) * pad64(k) * 2;
    int copies = std::max(1, (int)(160000000 / bytes));
    std::vector<void*> weights;
    for (int i = 0; i < copies; i++) weights.push_back(tiles<Bf16>(rows, k, 1.0f / std::sqrt((float)k), 60 + i));
    for (int tokens : counts) {
        size_t mark = allocated.size();
        MatmulParams p{};
        p.rows = rows;
        p.k = k;
        p.columns = epilogue == EPILOGUE_GATED ? rows / 2 : rows;
        p.segments = segmentsOf(rows, k, epilogue == EPILOGUE_ADD);
        p.epilogue = epilogue;
        p.x = tiles<Bf16>(tokens, k, 1.0f, 61);
        p.outRows = (float*)alloc((size_t)pad64(tokens) * pad64(p.columns) * 4);
        p.outTiles = alloc((size_t)pad64(tokens) * pad64(p.columns) * 2);
        p.inverse = epilogue == EPILOGUE_ADD ? nullptr : inversesOf(tokens);
        p.partials = (float*)alloc(std::max((size_t)1024 * pad64(rows) * p.segments * 4, (size_t)132 * 128 * 256 * 4));
        p.arrivals = (uint32_t*)alloc(pad64(rows) / 64 * 64 * 4);
        p.step = header(tokens, tokens, tokens);
        int count = std::max(copies, bytes > 50000000 ? 4 : 24);
        double ideal = std::max(bytes / 4.3e6, 2.0 * tokens * rows * (double)k / 788e6), best = 1e9;
        std::string all;
        for (const Tile& t : TILES) {
            if (t.split && (tokens > 1024 || t.tokens * 8 < tokens || t.tokens >= 2 * std::max(16, tokens))) continue;
            double us = timed(count, [&](int i) { MatmulParams q = p; q.weight = weights[i % copies]; matmulOn<Bf16>(t, tokens, q); });
            all += text("  %s: %.1f", t.name, us);
            best = std::min(best, us);
        }
        double bestGemm = 1e9;
        std::string bestTile;
        all += "  |";
        for (const GemmTile& t : GEMMS) {
            // Not tiles of twice the tokens, nor those that would read the weights too often.
            if (!t.takes(p) || t.tokens >= 2 * std::max(64, tokens) || (tokens > 512 && t.cluster > 1)) continue;
            int ctas = 132 * t.resident;
            double us = timed(count, [&](int i) { MatmulParams q = p; q.weight = weights[i % copies]; gemmOn<Bf16>(t, tokens, ctas, q); });
            all += text("  %s: %.1f", t.label().c_str(), us);
            if (us < bestGemm) bestGemm = us, bestTile = t.label();
        }
        printf("%-13s %-8s %6d x %-6d S %d  M %4d  mma %8.2f us  gemm %8.2f us %-13s %5.0f GB/s  %5.1f TFLOP/s  %5.1f %% |%s\n", model, what, rows, k,
               p.segments, tokens, best, bestGemm, bestTile.c_str(), bytes / bestGemm / 1e3, 2.0 * tokens * rows * (double)k / bestGemm / 1e6,
               100 * ideal / bestGemm, all.c_str());
        CK(cudaStreamSynchronize(stream));
        while (allocated.size() > mark) {
            CK(cudaFree(allocated.back()));
            allocated.pop_back();
        }
    }
    freeAll();
}

static void timeHead(const char* model, int vocabulary, int k, const std::vector<int>& counts) {
    if (skipped("head") && skipped(model)) return;
    void* weight = tiles<Bf16>(vocabulary, k, 3.0f / std::sqrt((float)k), 41);
    for (int tokens : counts) {
        for (bool greedy : {true, false}) {
            size_t mark = allocated.size();
            HeadParams p = headOf(vocabulary, k, tokens, greedy ? std::vector<float>{} : std::vector<float>{1});
            p.matmul.weight = weight;
            p.matmul.x = tiles<Bf16>(tokens, k, 1.0f, 42);
            p.matmul.inverse = inversesOf(tokens);
            p.matmul.outRows = (float*)alloc((size_t)pad64(tokens) * pad64(vocabulary) * 4);
            p.tiles = (HeadTile*)alloc((size_t)pad64(tokens) * pad64(vocabulary) / 64 * sizeof(HeadTile));
            p.candidates = (SamplePick*)alloc((size_t)pad64(tokens) * pad64(vocabulary) / 64 * sizeof(SamplePick));
            std::string all;
            for (const auto& [name, run] : headKernels()) {
                int wide = name == "mma large" ? 128 : atoi(name.c_str() + (name[0] == 'm' ? 4 : 0));
                if (name.find("by 3") != std::string::npos || wide >= 2 * std::max(64, tokens) || wide * 4 < tokens) continue;
                all += text("  %s: %.1f", name.c_str(), timed(4, [&, f = run](int) { f(tokens, p); }));
            }
            std::string stored;
            for (const GemmTile& t : GEMMS) {
                if (!greedy || !t.takes(p.matmul) || t.tokens >= 2 * std::max(64, tokens) || t.most > 1) continue;
                stored += text("  %s: %.1f", t.label().c_str(), timed(4, [&](int) { gemmOn<Bf16>(t, tokens, 132 * t.resident, p.matmul); }));
            }
            double bytes = (double)vocabulary * k * 2, ideal = std::max(bytes / 4.3e6, 2.0 * tokens * vocabulary * (double)k / 788e6);
            printf("%-13s head that samples, %s  M %4d  ideal %6.1f us |%s | logits%s\n", model, greedy ? "greedy" : "plain ", tokens, ideal, all.c_str(), stored.c_str());
            CK(cudaStreamSynchronize(stream));
            while (allocated.size() > mark) {
                CK(cudaFree(allocated.back()));
                allocated.pop_back();
            }
        }
    }
    freeAll();
}

/** K and V are others in each call, so that they come from memory. */
static void timeAttention(const char* what, int heads, int kvHeads, int headSize, const std::vector<std::pair<int, int>>& spans, int pairs = 64, int prefix = 0) {
    if (skipped("attention")) return;
    constexpr int CALLS = 24;
    Rows rows(spans, 16, false, std::vector<std::pair<int, int>>(spans.size(), {0, prefix}));
    AttentionParams p = attentionOf<Bf16>(rows, heads, kvHeads, headSize, INT_MAX, spans);
    p.out = alloc((size_t)pad64(rows.tokens) * pad64(heads * headSize) * 2);
    makeScratch(p, rows);
    makeWork(p, rows, heads / kvHeads, prefix > 0);
    early = spans[0].second == 1;
    p.early = early;
    double bytes = 0, flops = 0;
    for (auto [first, n] : spans) {
        bytes += (double)(first + n) * kvHeads * headSize * 4;
        flops += 4.0 * heads * headSize * n * (first + (n + 1) / 2.0);
    }
    size_t arena = kvBlockBytes(kvHeads, paddedHead(headSize), rows.blockSize, 2) * rows.kvBlocks;
    std::vector<const void*> layers = {p.kv};
    while (early && layers.size() < CALLS && layers.size() * arena < 300e6) {
        void* copy = alloc(arena);
        CK(cudaMemcpyAsync(copy, p.kv, arena, cudaMemcpyDeviceToDevice, stream));
        layers.push_back(copy);
    }
    double ideal = std::max(bytes / 4.3e6, flops / 788e6);
    for (Decode by : {DECODE, RING, CASCADE}) {
        if (by == RING && (!early || !hasRing(heads / kvHeads))) continue;
        if ((by == CASCADE) != (prefix > 0)) continue;
        double us = timed(early ? CALLS : 10, [&](int i) {
            AttentionParams q = p;
            q.kv = layers[i % layers.size()];
            runAttention<Bf16>(q, rows.tokens, rows.rows(), early ? 0 : pairs, by);
        });
        printf("%-52s %-8s %8.2f us  %7.0f GB/s  %6.1f TFLOP/s  %5.1f %% of roofline\n", what, DECODES[by], us, bytes / us / 1e3, flops / us / 1e6, 100 * ideal / us);
    }
    early = false;
    freeAll();
}

/** Rows of several tokens: mma.sync beside wgmma. */
static void timePrefill(const std::string& what, int heads, int kvHeads, int headSize, const std::vector<std::pair<int, int>>& spans, int blockSize = 64) {
    Rows rows(spans, blockSize);
    AttentionParams p = attentionOf<Bf16>(rows, heads, kvHeads, headSize, INT_MAX, spans);
    p.out = alloc((size_t)pad64(rows.tokens) * pad64(heads * headSize) * 2);
    makeScratch(p, rows);
    makeWork(p, rows, heads / kvHeads, false, 64);
    double flops = 0;
    for (auto [first, n] : spans) flops += n > 1 ? 4.0 * heads * headSize * n * (first + (n + 1) / 2.0) : 0;
    int D = paddedHead(headSize), items = ceilDiv(rows.tokens * (heads / kvHeads), 64) + rows.rows();
    int count = flops > 1e12 ? 2 : 10;
    double mma = timed(count, [&](int) {
        launch(text("attention_prefill_bf16_%d", D), dim3(std::min(items, 16 * 132), kvHeads), 128, 2 * 128 * D * 2 + 64 * D * 6, p);
    });
    printf("prefill %2d/%d of %3d, %-40s blocks of %2d  mma.sync %8.1f us %4.0f TFLOP/s", heads, kvHeads, headSize, what.c_str(), blockSize, mma, flops / mma / 1e6);
    if (hasPrefillSm90()) {
        makeWork(p, rows, heads / kvHeads, false, SM90_PAIRS);
        double us = timed(count, [&](int) { runPrefillSm90(p, rows.tokens, rows.rows()); });
        printf("  wgmma %8.1f us %4.0f TFLOP/s  %5.1f %% of roofline", us, flops / us / 1e6, 100 * flops / 788e6 / us);
    }
    printf("\n");
    freeAll();
}

/** The projection of queries, keys and values with qkv_finish, as two kernels and as one; weights are others in each call. */
static void timeQkv(const char* model, int hidden, int heads, int kvHeads, int headSize, int tokens) {
    if (skipped("qkv")) return;
    int all = (heads + 2 * kvHeads) * headSize;
    size_t bytes = (size_t)pad64(all) * pad64(hidden) * 2;
    int copies = std::max(1, (int)(160000000 / bytes));
    std::vector<void*> weights;
    for (int i = 0; i < copies; i++) weights.push_back(tiles<Bf16>(all, hidden, 1.0f / std::sqrt((float)hidden), 60 + i));
    Rows rows({{0, tokens}}, 16);
    QkvParams p{};
    MatmulParams& m = p.matmul;
    QkvFinishParams& f = p.heads;
    m.rows = m.columns = all;
    m.k = hidden;
    m.segments = segmentsOf(all, hidden);
    m.epilogue = EPILOGUE_STORE;
    m.x = tiles<Bf16>(tokens, hidden, 1.0f, 61);
    m.outRows = (float*)alloc((size_t)pad64(tokens) * pad64(all) * 4);
    m.inverse = inversesOf(tokens);
    m.partials = (float*)alloc((size_t)132 * 128 * 256 * 4);
    m.step = header(tokens, 1, 1);
    f.projected = m.outRows;
    f.step = m.step;
    f.cos = rowsOf(tokens, headSize / 2, headSize / 2, 1, 0, 75);
    f.sin = f.cos;
    f.q = alloc((size_t)tokens * heads * headSize * 2);
    f.kv = alloc(kvBlockBytes(kvHeads, headSize, 16, 2) * rows.kvBlocks);
    f.positions = upload(rows.positions);
    f.rowOf = upload(rows.rowOf);
    f.rowTable = upload(rows.rowTable);
    f.blocks = upload(rows.blocks);
    f.heads = heads;
    f.kvHeads = kvHeads;
    f.headSize = headSize;
    f.pairs = headSize / 2;
    f.blockSize = 16;
    f.tableStride = rows.tableStride;
    double best = 1e9;
    std::string name;
    for (const GemmTile& t : GEMMS) {
        if (!t.takes(m) || t.tokens >= 2 * std::max(64, tokens) || (tokens > 512 && t.cluster > 1)) continue;
        double us = timed(20, [&](int i) { MatmulParams q = m; q.weight = weights[i % copies]; gemmOn<Bf16>(t, tokens, 132 * t.resident, q); });
        if (us < best) best = us, name = t.label();
    }
    double finish = timed(20, [&](int) { launch("qkv_finish_bf16", dim3(tokens, ceilDiv(heads + 2 * kvHeads, 4)), 128, 0, f); });
    std::string whole;
    for (const QkvTile& t : QKVS) {
        if (!t.takes(headSize, m.segments)) continue;
        whole += text("  %s: %.1f", t.label().c_str(), timed(20, [&](int i) {
                          QkvParams q = p;
                          q.matmul.weight = weights[i % copies];
                          qkvOn(t, tokens, 132 * t.resident, q);
                      }));
    }
    printf("%-13s qkv M %4d  gemm %s: %.1f us  qkv_finish %.1f us | as one%s\n", model, tokens, name.c_str(), best, finish, whole.c_str());
    freeAll();
}

static void timeSmall(const char* model, int hidden, int heads, int kvHeads, int headSize, int tokens) {
    if (skipped("norm") && skipped("qkv")) return;
    NormParams n{};
    n.x = rowsOf(tokens, hidden, pad64(hidden), 1, 0, 71);
    n.weight = rowsOf(1, hidden, hidden, 1, 1, 72);
    n.out = alloc((size_t)pad64(tokens) * pad64(hidden) * 2);
    n.inverse = (float*)alloc(tokens * 4);
    n.step = header(tokens, tokens, tokens);
    n.width = hidden;
    n.epsilon = 1e-6f;
    double norm = timed(50, [&](int) { launch("norm_bf16", dim3(tokens), 128, 0, n); });
    std::vector<std::pair<int, int>> spans(tokens, {300, 1});
    Rows rows(spans, 16);
    QkvFinishParams p{};
    int all = (heads + 2 * kvHeads) * headSize;
    p.projected = rowsOf(tokens, all, pad64(all), 1, 0, 73);
    p.bias = rowsOf(1, all, all, 1, 0, 74);
    p.cos = rowsOf(400, headSize / 2, headSize / 2, 1, 0, 75);
    p.sin = p.cos;
    p.q = alloc((size_t)tokens * heads * headSize * 2);
    p.kv = alloc(kvBlockBytes(kvHeads, headSize, 16, 2) * rows.kvBlocks);
    p.step = n.step;
    p.positions = upload(rows.positions);
    p.rowOf = upload(rows.rowOf);
    p.rowTable = upload(rows.rowTable);
    p.blocks = upload(rows.blocks);
    p.heads = heads;
    p.kvHeads = kvHeads;
    p.headSize = headSize;
    p.pairs = headSize / 2;
    p.blockSize = 16;
    p.tableStride = rows.tableStride;
    double finish = timed(50, [&](int) { launch("qkv_finish_bf16", dim3(tokens, ceilDiv(heads + 2 * kvHeads, 4)), 128, 0, p); });
    printf("%-13s M %4d  norm %.2f us  qkv_finish %.2f us\n", model, tokens, norm, finish);
    freeAll();
}

int main(int argc, char** argv) {
    folder = argc > 1 ? argv[1] : ".";
    std::string mode = argc > 2 ? argv[2] : "check";
    only = argc > 3 ? argv[3] : "";
    CK(cudaStreamCreate(&stream));
    setvbuf(stdout, nullptr, _IOLBF, 0);
    load(mode == "race" ? only : "");
    cudaDeviceProp device;
    CK(cudaGetDeviceProperties(&device, 0));
    int driver;
    CK(cudaDriverGetVersion(&driver));
    hopper = device.major == 9;
    printf("%s, driver API %d, %zu kernels\n", device.name, driver, kernels.size());
    if (mode == "race") race(only);
    if (mode == "small") {
        checkMatmul<Bf16>(80, 130, {1});
        checkMatmul<Bf16>(80, 960, {17});
        checkSegments<Bf16>(4);
        checkMatmul<F16>(97, 3600, {3});
        checkMatmul<float>(97, 130, {17});
        checkNorm<Bf16>(97, 17);
        checkNorm<float>(896, 3);
        checkHead(97, 130, {17});
        checkResolve(97, 17, 300, 54);
        checkEmbed<Bf16>(97, 130, 17, true);
        checkQkv<Bf16>(7, 1, 24, 8, true, true, false);
        checkAttention<Bf16>(7, 1, 64, 16, 100, {{0, 17}, {600, 1}, {30, 1}, {120, 33}});
        checkAttention<F16>(4, 2, 96, 8, INT_MAX, {{0, 5}, {513, 1}, {510, 3}});
        checkAttention<Bf16>(14, 2, 64, 16, 700, {{1999, 1}, {511, 1}, {0, 1}});
        checkAttention<Bf16>(4, 2, 96, 16, INT_MAX, {{530, 1}, {600, 1}, {1100, 1}, {3, 1}}, {{0, 520}, {0, 600}, {0, 777}, {1, 9}});
        checkAttention<float>(4, 2, 24, 8, INT_MAX, {{0, 5}, {33, 1}});
    }
    if (mode == "check") {
        std::vector<int> counts = {1, 17, 54, 97, 200, 300, 1023};
        checkLogistic();
        checkZeros<Bf16>();
        checkZeros<F16>();
        checkGates<Bf16>();
        for (int segments : {1, 2, 4, 8}) {
            checkSegments<Bf16>(segments);
            checkSegments<F16>(segments);
        }
        checkMatmul<Bf16>(64, 64, counts);
        checkMatmul<Bf16>(97, 130, counts);
        checkMatmul<Bf16>(1152, 896, {1, 16, 17, 64, 97, 128, 256, 1023});
        checkMatmul<Bf16>(896, 4864, {1, 17, 54, 97, 257});
        checkMatmul<Bf16>(3072, 2048, {1, 54, 200});
        checkMatmul<Bf16>(4096, 4096, {17, 300});
        checkMatmul<Bf16>(6200, 896, {3, 130});
        checkMatmul<F16>(1000, 1797, {1, 17, 54, 97, 300});
        checkMatmul<F16>(64, 7168, {3, 200});
        checkMatmul<float>(97, 130, {1, 17, 54});
        checkMatmul<float>(1152, 896, {17, 97});
        for (int width : {1, 24, 64, 97, 130, 521, 896, 2048, 4096, 5120}) {
            checkNorm<Bf16>(width, 54);
            checkNorm<F16>(width, 17);
            checkNorm<float>(width, 1);
        }
        checkCeilings();
        checkHead(97, 130, {1, 17, 300});
        checkHead(64, 64, {54});
        checkHead(4097, 320, {3, 54, 97, 129});
        checkHead(9001, 896, {16, 65, 257, 300}, 71);
        checkHead(32000, 2048, {1, 64, 127});
        checkHead(151936, 896, {17, 200});
        checkResolve(17, 5, 54, 17);
        checkResolve(1023, 97, 9700, 300);
        checkResolve(2048, 256, 40000, 256);
        checkResolve(2048, 256, 40000, 2048);
        checkEmbed<Bf16>(1000, 97, 54, true);
        checkEmbed<F16>(1000, 896, 17, false);
        checkEmbed<float>(97, 130, 1023, true);
        checkQkv<Bf16>(14, 2, 64, 16, true, false, false);
        checkQkv<Bf16>(32, 8, 128, 16, false, true, false);
        for (bool norms : {false, true}) {
            std::vector<std::pair<int, int>> mixed = {{0, 17}, {511, 1}, {97, 54}, {1022, 1}, {1000, 3}};
            checkQkvProduct(14, 2, 64, 16, 896, !norms, norms, {{300, 1}});
            checkQkvProduct(14, 2, 64, 16, 896, !norms, norms, mixed);
            checkQkvProduct(7, 1, 64, 8, 937, norms, norms, mixed);
            checkQkvProduct(32, 8, 64, 64, 2048, norms, norms, {{0, 130}, {7, 1}});
            checkQkvProduct(3, 1, 64, 16, 130, norms, !norms, {{0, 301}, {97, 54}});
            checkQkvProduct(16, 8, 128, 16, 1024, norms, norms, mixed);
            checkQkvProduct(5, 1, 128, 24, 937, !norms, norms, {{0, 300}, {511, 1}});
            checkQkvProduct(32, 8, 128, 64, 4096, norms, !norms, {{0, 130}, {7, 1}, {500, 129}});
        }
        checkQkv<F16>(7, 1, 24, 8, true, true, false);
        checkQkv<F16>(5, 5, 96, 24, true, false, true);
        checkQkv<float>(4, 2, 24, 8, true, true, false);
        checkQkv<float>(2, 1, 128, 16, false, false, true);
        std::vector<std::pair<int, int>> spans = {{0, 1}, {5, 1}, {127, 1}, {128, 1}, {511, 1}, {512, 1}, {513, 1}, {1023, 1}, {1999, 1}, {0, 1023}, {500, 97}, {128, 17}, {0, 2}, {513, 54}, {127, 2}, {1535, 3}, {2047, 1}};
        for (int window : {INT_MAX, 1, 100, 700}) {
            checkAttention<Bf16>(14, 2, 64, 16, window, spans);
            checkAttention<Bf16>(32, 8, 128, 16, window, spans);
            checkAttention<F16>(7, 1, 96, 24, window, spans);
            checkAttention<F16>(40, 2, 24, 8, window, spans);
            checkAttention<Bf16>(3, 3, 64, 64, window, spans);
            checkAttention<Bf16>(32, 8, 64, 64, window, spans);
            checkAttention<Bf16>(16, 8, 128, 8, window, spans);
            checkAttention<F16>(8, 1, 72, 24, window, spans);
            checkAttention<float>(4, 2, 24, 8, window, spans);
        }
        checkAttention<float>(4, 1, 128, 16, INT_MAX, {{0, 97}, {500, 1}});
        // Prefixes of odd lengths, some of them the same at first, rows with none, rows of several tokens behind one.
        std::vector<std::pair<int, int>> sharing, prefixes;
        for (int i = 0; i < 71; i++) {
            int prefix = i % 5 == 4 ? 0 : (i % 3 == 0 ? 1561 : (i % 3 == 1 ? 577 : 1030));
            sharing.push_back({prefix + 1 + i * 37 % 700, i % 13 == 12 ? 1 + i : 1});
            prefixes.push_back({i % 2, prefix});
        }
        for (int window : {INT_MAX, 100, 700, 1100}) {
            checkAttention<Bf16>(14, 2, 64, 16, window, sharing, prefixes);
            checkAttention<Bf16>(32, 8, 128, 64, window, sharing, prefixes);
            checkAttention<F16>(7, 1, 96, 24, window, sharing, prefixes);
            checkAttention<Bf16>(40, 2, 24, 8, window, sharing, prefixes);
            checkAttention<F16>(3, 3, 64, 16, window, sharing, prefixes);
        }
    }
    if (mode == "time" || mode == "products") {
        std::vector<int> decode = {1, 16, 64, 128, 256, 512, 1024, 2048};
        struct Shape {
            const char *model, *what;
            int rows, k, epilogue;
        };
        for (const Shape& p : std::vector<Shape>{
                     {"Qwen2.5-0.5B", "qkv", 1152, 896, EPILOGUE_STORE},
                     {"Qwen2.5-0.5B", "o", 896, 896, EPILOGUE_ADD},
                     {"Qwen2.5-0.5B", "gate+up", 9728, 896, EPILOGUE_GATED},
                     {"Qwen2.5-0.5B", "down", 896, 4864, EPILOGUE_ADD},
                     {"Qwen2.5-0.5B", "head", 151936, 896, EPILOGUE_STORE},
                     {"Llama-3.2-1B", "qkv", 3072, 2048, EPILOGUE_STORE},
                     {"Llama-3.2-1B", "o", 2048, 2048, EPILOGUE_ADD},
                     {"Llama-3.2-1B", "gate+up", 16384, 2048, EPILOGUE_GATED},
                     {"Llama-3.2-1B", "down", 2048, 8192, EPILOGUE_ADD},
                     {"Llama-3.2-1B", "head", 128256, 2048, EPILOGUE_STORE},
                     {"Llama-3.1-8B", "qkv", 6144, 4096, EPILOGUE_STORE},
                     {"Llama-3.1-8B", "o", 4096, 4096, EPILOGUE_ADD},
                     {"Llama-3.1-8B", "gate+up", 28672, 4096, EPILOGUE_GATED},
                     {"Llama-3.1-8B", "down", 4096, 14336, EPILOGUE_ADD},
                     {"Llama-3.1-8B", "head", 128256, 4096, EPILOGUE_STORE},
                     {"Qwen3-0.6B", "qkv", 4096, 1024, EPILOGUE_STORE},
                     {"Qwen3-0.6B", "o", 1024, 2048, EPILOGUE_ADD},
                     {"Qwen3-0.6B", "gate+up", 6144, 1024, EPILOGUE_GATED},
                     {"Qwen3-0.6B", "down", 1024, 3072, EPILOGUE_ADD}}) {
            if (!skipped(p.model)) timeMatmul(p.model, p.what, p.rows, p.k, p.epilogue, !strcmp(p.what, "head") ? std::vector<int>{1, 64, 128, 256} : decode);
        }
    }
    if (mode == "time" || mode == "products") {
        std::vector<int> counts = {1, 8, 16, 32, 64, 128, 256};
        timeHead("Qwen2.5-0.5B", 151936, 896, counts);
        timeHead("Llama-3.2-1B", 128256, 2048, counts);
        timeHead("Llama-3.1-8B", 128256, 4096, counts);
    }
    if (mode == "time") {
        for (int rows : {1, 64, 256}) {
            for (int blockIds : {32 * rows, 40000}) timeResolve(rows, blockIds);
        }
    }
    if (mode == "time" && (only.empty() || only == "prefill")) {
        for (int blockSize : {16, 64}) {
            timePrefill("1 x 16384", 16, 16, 128, {{0, 16384}}, blockSize);
            timePrefill("1 x 16384", 32, 32, 64, {{0, 16384}}, blockSize);
            timePrefill("1 x 16384", 32, 8, 128, {{0, 16384}}, blockSize);
            timePrefill("1 x 16384", 32, 8, 64, {{0, 16384}}, blockSize);
            timePrefill("1 x 16384", 14, 2, 64, {{0, 16384}}, blockSize);
        }
        for (auto [heads, kvHeads, headSize] : std::vector<std::array<int, 3>>{{14, 2, 64}, {32, 8, 64}, {32, 8, 128}}) {
            std::vector<std::pair<int, int>> mixed = {{0, 130}, {0, 517}, {0, 333}, {0, 781}, {0, 287}};
            for (int i = 0; i < 60; i++) mixed.push_back({300 + 11 * i, 1});
            for (int blockSize : {16, 64}) timePrefill("1 x 2048", heads, kvHeads, headSize, {{0, 2048}}, blockSize);
            timePrefill("2 x 1024", heads, kvHeads, headSize, {{0, 1024}, {0, 1024}});
            timePrefill("2048 in 5 rows, 60 rows of one token", heads, kvHeads, headSize, mixed);
            timePrefill("1 x 512", heads, kvHeads, headSize, {{0, 512}});
            timePrefill("1 x 64", heads, kvHeads, headSize, {{0, 64}});
            timePrefill("1 x 2048 after 6144", heads, kvHeads, headSize, {{6144, 2048}});
            timePrefill("1 x 64 after 4096", heads, kvHeads, headSize, {{4096, 64}});
        }
    }
    if (mode == "time" && only != "prefill" && only != "resolve") {
        for (int rows : {1, 16, 64, 256}) {
            std::vector<std::pair<int, int>> spans(rows, {511, 1}), longer(rows, {1200, 1}), mixed;
            for (int i = 0; i < rows; i++) mixed.push_back({100 + i * 977 % 900, 1});
            timeAttention(text("attention 0.5B 14/2 of 64, %d rows of 512", rows).c_str(), 14, 2, 64, spans);
            timeAttention(text("attention 0.5B 14/2 of 64, %d rows of 1201", rows).c_str(), 14, 2, 64, longer);
            timeAttention(text("attention 1B 32/8 of 64, %d rows of 512", rows).c_str(), 32, 8, 64, spans);
            timeAttention(text("attention 8B 32/8 of 128, %d rows of 512", rows).c_str(), 32, 8, 128, spans);
            timeAttention(text("attention 8B 32/8 of 128, %d rows of 1201", rows).c_str(), 32, 8, 128, longer);
            timeAttention(text("attention 0.5B 14/2 of 64, %d rows of 100 to 999", rows).c_str(), 14, 2, 64, mixed);
            timeAttention(text("attention 8B 32/8 of 128, %d rows of 100 to 999", rows).c_str(), 32, 8, 128, mixed);
            timeAttention(text("attention Qwen3 16/8 of 128, %d rows of 512", rows).c_str(), 16, 8, 128, spans);
            timeAttention(text("attention 0.5B 14/2 of 64, %d rows of 1201, 1024 shared", rows).c_str(), 14, 2, 64, longer, 64, 1024);
            timeAttention(text("attention 1B 32/8 of 64, %d rows of 1201, 1024 shared", rows).c_str(), 32, 8, 64, longer, 64, 1024);
            timeAttention(text("attention 8B 32/8 of 128, %d rows of 1201, 1024 shared", rows).c_str(), 32, 8, 128, longer, 64, 1024);
        }
        timeAttention("prefill 0.5B 2 x 1024", 14, 2, 64, {{0, 1024}, {0, 1024}});
        timeAttention("prefill 8B 2 x 1024", 32, 8, 128, {{0, 1024}, {0, 1024}});
        timeAttention("prefill 8B 2048 after 6144", 32, 8, 128, {{6144, 2048}});
        timeAttention("prefill 8B 2048 after 6144, in halves", 32, 8, 128, {{6144, 2048}}, 32);
        for (int tokens : {64, 128, 256, 512, 1024, 2048}) {
            timeQkv("Qwen2.5-0.5B", 896, 14, 2, 64, tokens);
            timeQkv("Llama-3.2-1B", 2048, 32, 8, 64, tokens);
            timeQkv("Llama-3.1-8B", 4096, 32, 8, 128, tokens);
            timeQkv("Qwen3-0.6B", 1024, 16, 8, 128, tokens);
        }
        for (int tokens : {1, 64, 128, 256, 2048}) timeSmall("Qwen2.5-0.5B", 896, 14, 2, 64, tokens);
        for (int tokens : {1, 64, 128, 256, 2048}) timeSmall("Llama-3.1-8B", 4096, 32, 8, 128, tokens);
    }
    CK(cudaDeviceSynchronize());
    printf("%d checks, %d wrong\n", checks, failures);
    return failures == 0 ? 0 : 1;
}

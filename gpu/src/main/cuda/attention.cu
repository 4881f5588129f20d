// attention: softmax(q k^T / sqrt(headSize)) v over paged K and V, causal, with an optional window
//
// Shapes   q heads (tokens, heads), kv of a layer, out tiles (tokens, heads * headSize)
// Order    tiles of 128 positions, chunks of 512, folded ascending (docs/numerics.md); work is split at chunks only
// Kernels  attention_plan     builds the step's work lists. Decode items, for rows of one token: one (token, chunk) each, the longest
//                             first. Prefill items, for rows of several tokens: a fixed number of (token, query head) pairs each.
//                             If `share` is set, a chunk that several decode rows have in the same blocks is one shared item.
//          attention_decode   one (token, chunk) of one kv head per item: up to 16 query heads are the rows of the mma. Four warps
//                             share a tile: each takes 32 positions of the scores, then D / 4 columns of the output. The CTA
//                             that computes the last chunk of a token folds all its chunks; a thread folds four columns of a
//                             head. On compute capability 9.0, for up to 8 heads: attention_decode_sm90.cu.
//          attention_cascade  attention_decode plus the shared items, each for up to 64 (token, head) pairs, 16 per warp
//          attention_prefill  64 pairs per item, 16 per warp; pair i is token i / group, head i % group, so that items are full
//                             for every group. ..._128_32 takes an item in two halves of 32 pairs: 89 KB of shared memory
//                             instead of 113, for GPUs of 99 KB per CTA. The bits of a pair are the same.
//          attention_f32      plain loops, one warp per head of a token
//          oracle_attention   one warp per head of a token, fragments gathered from global memory: the contract, literally
// Memory   K and V tiles lie in shared memory as in their blocks, [slab][128 positions][128 bytes], pieces XORed. Positions that
//          no pair of the CTA sees are not read; they are zero.
// Registers: at most 255.
// Roofline Qwen2.5-0.5B, 64 rows of 512 positions, one layer: 16.8 MB, 5.6 us at 3.0 TB/s
#include "attention_decode.h"
#include "launch.h"
#include "mma.h"

constexpr int GROUPS = CHUNK / 8;
constexpr int PAIRS = 64;
constexpr int DECODE_HEADS = 16;

/** Offsets of a chunk's groups of 8 positions in a layer's arena, for one kv head's K; V follows `plane` bytes later. */
__device__ __forceinline__ void locateChunk(
        size_t* groups, const AttentionParams& p, int row, int chunk, int kvHead, int padded, int elementBytes, int limit) {
    for (int i = threadIdx.x; i < GROUPS; i += blockDim.x) {
        int position = chunk * CHUNK + i * 8;
        size_t at = 0;
        if (position < limit) {
            int block = p.blocks[(size_t)p.rowTable[row] * p.tableStride + position / p.blockSize];
            at = kvOffset(block, kvHead, 0, position % p.blockSize, p.kvHeads, padded, p.blockSize, elementBytes);
        }
        groups[i] = at;
    }
}

/**
 * Copies a tile of K (plane 0) or V (plane 1): positions in [from, limit), zeros elsewhere.
 *
 * @tparam UNROLLED pieces of a thread whose loop is unrolled; more take more registers
 * @tparam WHOLE whether all positions are in [from, limit)
 */
template <int D, int THREADS = 128, int UNROLLED = TILE * 8 / THREADS, bool WHOLE = false>
__device__ __forceinline__ void loadTile(
        uint32_t to, const AttentionParams& p, const size_t* groups, int tile, int from, int limit, int plane) {
    const char* kv = (const char*)p.kv + (size_t)plane * D * 2 * p.blockSize;
    int piece = threadIdx.x & 7;
    int row = threadIdx.x >> 3;
#pragma unroll UNROLLED
    for (int i = 0; i < TILE * 8 / THREADS; i++) {
        int at = i * (THREADS / 8) + row;
        int position = tile * TILE + at;
        bool real = WHOLE || (position >= from && position < limit);
        const char* base = kv + (real ? groups[(position & (CHUNK - 1)) >> 3] + (position & 7) * 128 + piece * 16 : 0);
#pragma unroll
        for (int slab = 0; slab < D / 64; slab++) {
            copy16OrZero(to + slab * TILE * 128 + at * 128 + piece * 16, real ? base + (size_t)slab * p.blockSize * 128 : kv, real);
        }
    }
}

/** Computes the scores of 16 rows against COLUMNS positions from `first` on: one accumulation chain over D each. */
template <class T, int D, int COLUMNS>
__device__ __forceinline__ void multiplyKeys(float (&s)[COLUMNS / 8][4], uint32_t queries, int rowBytes, uint32_t keys, int first) {
    int lane = threadIdx.x & 31;
    uint32_t turn = lane & 7;
#pragma unroll
    for (int j = 0; j < COLUMNS / 8; j++) {
        s[j][0] = s[j][1] = s[j][2] = s[j][3] = 0.0f;
    }
    uint32_t a = queries + (lane & 15) * 128;
    uint32_t b = keys + (first + (lane & 7) + (lane >> 4) * 8) * 128;
#pragma unroll
    for (int step = 0; step < D / 16; step++) {
        uint32_t pieceA = ((step & 3) * 2 + (lane >> 4)) ^ turn;
        uint32_t pieceB = ((step & 3) * 2 + (lane >> 3 & 1)) ^ turn;
        uint32_t af[4];
        ldmatrix(af, a + (step >> 2) * rowBytes + pieceA * 16);
#pragma unroll
        for (int j = 0; j < COLUMNS / 8; j += 2) {
            uint32_t bf[4];
            ldmatrix(bf, b + (step >> 2) * TILE * 128 + j * 8 * 128 + pieceB * 16);
            mma<T>(s[j], af, bf[0], bf[1]);
            mma<T>(s[j + 1], af, bf[2], bf[3]);
        }
    }
}

/** Adds 16 positions of P V to columns 16 * `column` and following; V is stored by position, so it is loaded transposed. */
template <class T, int COLUMNS>
__device__ __forceinline__ void multiplyValues(
        float (&o)[COLUMNS / 8][4], const uint32_t (&a)[4], uint32_t values, int position, int firstColumn) {
    int lane = threadIdx.x & 31;
    uint32_t turn = lane & 7;
    uint32_t b = values + (position + (lane & 15)) * 128;
#pragma unroll
    for (int j = 0; j < COLUMNS / 8; j += 2) {
        int column = firstColumn + j * 8;
        uint32_t piece = ((column >> 3 & 7) + (lane >> 4)) ^ turn;
        uint32_t bf[4];
        ldmatrixTransposed(bf, b + (column >> 6) * TILE * 128 + piece * 16);
        mma<T>(o[j], a, bf[0], bf[1]);
        mma<T>(o[j + 1], a, bf[2], bf[3]);
    }
}

/** Copies rows of queries to shared memory, [slab][rows][128 bytes], pieces XORed; rows past `count` are set to 0. */
template <int D, class Source>
__device__ __forceinline__ void loadQueries(char* to, int rows, int count, Source source) {
    for (int i = threadIdx.x; i < rows * D / 8; i += blockDim.x) {
        int row = i / (D / 8);
        int piece = i % (D / 8);
        uint4 x = make_uint4(0, 0, 0, 0);
        if (row < count) {
            x = *(const uint4*)(source(row) + piece * 16);
        }
        *(uint4*)(to + (piece >> 3) * rows * 128 + row * 128 + ((piece & 7) ^ (row & 7)) * 16) = x;
    }
}

/**
 * Publishes the partials that the CTA's threads have written for these heads of some tokens, and folds the chunks of each token
 * whose last chunk this was. The fold sets the token's counter back to zero.
 *
 * @param member returns the i-th SharedMember of `members`, at most MOST
 */
template <class T, int D, int MOST, class Member>
__device__ __forceinline__ void foldWhatIsWhole(const AttentionParams& p, int members, int firstHead, int heads, Member member) {
    constexpr int FOURS = D / 4;
    __shared__ Chunks whole[MOST];
    __syncthreads();
    if (threadIdx.x < members) {
        SharedMember of = member(threadIdx.x);
        int position = p.positions[of.token];
        Chunks chunks = {of.token, of.partials, firstSeen(position, p.window) / CHUNK, position / CHUNK};
        uint32_t* arrivals = p.arrivals + (size_t)of.token * gridDim.y + blockIdx.y;
        __threadfence();
        if (atomicAdd(arrivals, 1) == chunks.last - chunks.first) {
            *arrivals = 0;
        } else {
            chunks.last = chunks.first - 1;
        }
        whole[threadIdx.x] = chunks;
        __threadfence();
    }
    __syncthreads();
#pragma unroll 1
    for (int i = threadIdx.x; i < members * heads * FOURS; i += blockDim.x) {
        Chunks of = whole[i / FOURS / heads];
        if (of.first <= of.last) {
            foldColumns<T, D>(p, of, firstHead + i / FOURS % heads, i % FOURS * 4);
        }
    }
}

/** The query heads of one kv head that a decode CTA computes, chosen by blockIdx.y. */
struct DecodeHeads {
    int kvHead;
    int first;
    int count;

    __device__ __forceinline__ explicit DecodeHeads(const AttentionParams& p) {
        int group = p.heads / p.kvHeads;
        int parts = gridDim.y / p.kvHeads;
        kvHead = blockIdx.y / parts;
        first = kvHead * group + blockIdx.y % parts * DECODE_HEADS;
        count = min(DECODE_HEADS, (kvHead + 1) * group - first);
    }
};

/** Ends one chunk of one token: writes its partial, or the output if it is the only chunk. `sums` is shared memory for each warp's part of l. */
template <class T, int D>
__device__ __forceinline__ void finishItem(
        const AttentionParams& p, const DecodeItem& item, const DecodeHeads& heads, float (*sums)[DECODE_HEADS], const float (&m)[2],
        const float (&l)[2], const float (&o)[D / 32][4]) {
    constexpr int MINE = D / 4;
    int lane = threadIdx.x & 31;
    int warp = threadIdx.x >> 5;
    int g = lane >> 2;
    int c = lane & 3;
#pragma unroll
    for (int i = 0; i < 2; i++) {
        float sum = closeQuad(l[i]);
        if (c == 0) {
            sums[warp][g + 8 * i] = sum;
        }
    }
    __syncthreads();
    int position = p.positions[item.token];
    bool alone = firstSeen(position, p.window) / CHUNK == position / CHUNK;
#pragma unroll
    for (int i = 0; i < 2; i++) {
        int row = g + 8 * i;
        if (row >= heads.count) {
            continue;
        }
        float sum = ((sums[0][row] + sums[1][row]) + sums[2][row]) + sums[3][row];
        if (alone) {
            float inverse = __frcp_rn(sum);
#pragma unroll
            for (int j = 0; j < MINE / 8; j++) {
                int d = warp * MINE + j * 8 + c * 2;
                storeOut<T>(p, item.token, heads.first + row, d, o[j][2 * i] * inverse, o[j][2 * i + 1] * inverse);
            }
        } else {
            float* to = partialOf<D>(p, item.partials + item.chunk, heads.first + row);
#pragma unroll
            for (int j = 0; j < MINE / 8; j++) {
                *(float2*)(to + warp * MINE + j * 8 + c * 2) = make_float2(o[j][2 * i], o[j][2 * i + 1]);
            }
            if (warp == 0 && c == 0) {
                *(float2*)(to + D) = make_float2(m[i], sum);
            }
        }
    }
    if (!alone) {
        foldWhatIsWhole<T, D, 1>(p, 1, heads.first, heads.count, [&](int) { return SharedMember{item.token, item.partials}; });
    }
}

/** Computes one chunk of one token; four warps share a tile. */
template <class T, int D, int UNROLLED>
__device__ __forceinline__ void decodeItem(const AttentionParams& p, DecodeItem item, const DecodeHeads& heads, char* dynamic, size_t* groups) {
    constexpr int TILE_BYTES = TILE * D * 2;
    constexpr int MINE = D / 4;  // output columns of a warp
    char* weights = dynamic + 2 * TILE_BYTES;
    char* queries = weights + DECODE_HEADS * TILE * 2;
    float (*maxima)[DECODE_HEADS] = (float (*)[DECODE_HEADS])(queries + DECODE_HEADS * D * 2);
    uint32_t keys = sharedAddress(dynamic);
    uint32_t values = keys + TILE_BYTES;
    int lane = threadIdx.x & 31;
    int warp = threadIdx.x >> 5;
    int g = lane >> 2;
    int c = lane & 3;
    int position = p.positions[item.token];
    int from = firstSeen(position, p.window);
    int limit = position + 1;
    __syncthreads();
    locateChunk(groups, p, item.row, item.chunk, heads.kvHead, D, 2, limit);
    waitForInputs();
    __syncthreads();
    int firstTile = max(from, item.chunk * CHUNK) / TILE;
    int lastTile = min(position, item.chunk * CHUNK + CHUNK - 1) / TILE;
    loadTile<D, 128, UNROLLED>(keys, p, groups, firstTile, from, limit, 0);
    commitCopies();
    loadTile<D, 128, UNROLLED>(values, p, groups, firstTile, from, limit, 1);
    commitCopies();
    loadQueries<D>(queries, DECODE_HEADS, heads.count, [&](int row) {
        return (const char*)p.q + ((size_t)item.token * p.heads + heads.first + row) * D * 2;
    });
    float m[2] = {minusInfinity(), minusInfinity()};
    float l[2] = {};  // this thread's lane of l, of two rows
    float o[MINE / 8][4] = {};
    for (int tile = firstTile; tile <= lastTile; tile++) {
        // Copies are committed in the order of the waits: keys, values, next keys, next values.
        waitCopies<1>();
        __syncthreads();
        float s[4][4];
        multiplyKeys<T, D, 32>(s, sharedAddress(queries), DECODE_HEADS * 128, keys, warp * 32);
        float most[2] = {minusInfinity(), minusInfinity()};
#pragma unroll
        for (int j = 0; j < 4; j++) {
#pragma unroll
            for (int k = 0; k < 4; k++) {
                int at = tile * TILE + warp * 32 + j * 8 + c * 2 + (k & 1);
                if (at < from || at >= limit) {
                    s[j][k] = minusInfinity();
                }
                most[k >> 1] = fmaxf(most[k >> 1], s[j][k]);
            }
        }
#pragma unroll
        for (int i = 0; i < 2; i++) {
            most[i] = fmaxf(most[i], __shfl_xor_sync(ALL_LANES, most[i], 1));
            most[i] = fmaxf(most[i], __shfl_xor_sync(ALL_LANES, most[i], 2));
            if (c == 0) {
                maxima[warp][g + 8 * i] = most[i];
            }
        }
        __syncthreads();
        // All threads have read the keys. The committed group may be empty.
        if (tile < lastTile) {
            loadTile<D, 128, UNROLLED>(keys, p, groups, tile + 1, from, limit, 0);
        }
        commitCopies();
#pragma unroll
        for (int i = 0; i < 2; i++) {
            float all = fmaxf(fmaxf(maxima[0][g + 8 * i], maxima[1][g + 8 * i]), fmaxf(maxima[2][g + 8 * i], maxima[3][g + 8 * i]));
            Shift shift(m[i], all, p.scale);
            m[i] = shift.max;
            l[i] *= shift.rescale;
#pragma unroll
            for (int j = 0; j < MINE / 8; j++) {
                o[j][2 * i] *= shift.rescale;
                o[j][2 * i + 1] *= shift.rescale;
            }
            int row = g + 8 * i;
#pragma unroll
            for (int j = 0; j < 4; j++) {
                int column = warp * 32 + j * 8;
                char* to = weights + (column >> 6) * DECODE_HEADS * 128 + row * 128 + ((column >> 3 & 7) ^ (row & 7)) * 16 + c * 4;
                float low = shift.weight(s[j][2 * i], p.scale);
                float high = shift.weight(s[j][2 * i + 1], p.scale);
                l[i] += low;
                l[i] += high;
                *(uint32_t*)to = narrowPair<T>(low, high);
            }
        }
        waitCopies<1>();
        __syncthreads();
#pragma unroll
        for (int step = 0; step < TILE / 16; step++) {
            uint32_t a[4];
            uint32_t piece = ((step & 3) * 2 + (lane >> 4)) ^ (lane & 7);
            ldmatrix(a, sharedAddress(weights) + (step >> 2) * DECODE_HEADS * 128 + (lane & 15) * 128 + piece * 16);
            multiplyValues<T, MINE>(o, a, values, step * 16, warp * MINE);
        }
        if (tile < lastTile) {
            __syncthreads();
            loadTile<D, 128, UNROLLED>(values, p, groups, tile + 1, from, limit, 1);
        }
        commitCopies();
    }
    // All threads read the maxima before the last values arrived.
    finishItem<T, D>(p, item, heads, maxima, m, l, o);
}

/** Computes one chunk for several tokens that see all of it: each warp has 16 of 64 (token, head) pairs. */
template <class T, int D>
__device__ __forceinline__ void sharedItem(const AttentionParams& p, SharedItem item, const DecodeHeads& heads, char* dynamic, size_t* groups) {
    __shared__ SharedMember members[PAIRS];
    constexpr int TILE_BYTES = TILE * D * 2;
    constexpr int TILES = CHUNK / TILE;
    char* queries = dynamic + 2 * TILE_BYTES;
    uint32_t keys = sharedAddress(dynamic);
    uint32_t values = keys + TILE_BYTES;
    int lane = threadIdx.x & 31;
    int warp = threadIdx.x >> 5;
    int g = lane >> 2;
    int c = lane & 3;
    int pairs = item.members * heads.count;
    int from = item.chunk * CHUNK;
    int limit = from + CHUNK;
    __syncthreads();
    locateChunk(groups, p, item.row, item.chunk, heads.kvHead, D, 2, limit);
    if (threadIdx.x < item.members) {
        members[threadIdx.x] = p.members[item.firstMember + threadIdx.x];
    }
    waitForInputs();
    __syncthreads();
    loadTile<D, 128, 2, true>(keys, p, groups, from / TILE, from, limit, 0);
    commitCopies();
    loadTile<D, 128, 2, true>(values, p, groups, from / TILE, from, limit, 1);
    commitCopies();
    loadQueries<D>(queries, PAIRS, pairs, [&](int pair) {
        int token = members[pair / heads.count].token;
        return (const char*)p.q + ((size_t)token * p.heads + heads.first + pair % heads.count) * D * 2;
    });
    float m[2] = {minusInfinity(), minusInfinity()};
    float l[2][TILE / QUARTER] = {};  // this thread's lanes of l, of two rows
    float o[D / 8][4] = {};
    for (int tile = 0; tile < TILES; tile++) {
        waitCopies<1>();
        __syncthreads();
        float s[TILE / 8][4];
        multiplyKeys<T, D, TILE>(s, sharedAddress(queries) + warp * 16 * 128, PAIRS * 128, keys, 0);
        __syncthreads();
        if (tile < TILES - 1) {
            loadTile<D, 128, 2, true>(keys, p, groups, from / TILE + tile + 1, from, limit, 0);
        }
        commitCopies();
        uint32_t weights[TILE / 8][2];
#pragma unroll
        for (int i = 0; i < 2; i++) {
            float most = minusInfinity();
#pragma unroll
            for (int j = 0; j < TILE / 8; j++) {
                most = fmaxf(most, fmaxf(s[j][2 * i], s[j][2 * i + 1]));
            }
            most = fmaxf(most, __shfl_xor_sync(ALL_LANES, most, 1));
            most = fmaxf(most, __shfl_xor_sync(ALL_LANES, most, 2));
            Shift shift(m[i], most, p.scale);
            m[i] = shift.max;
#pragma unroll
            for (int j = 0; j < TILE / QUARTER; j++) {
                l[i][j] *= shift.rescale;
            }
#pragma unroll
            for (int j = 0; j < D / 8; j++) {
                o[j][2 * i] *= shift.rescale;
                o[j][2 * i + 1] *= shift.rescale;
            }
#pragma unroll
            for (int j = 0; j < TILE / 8; j++) {
                float low = shift.weight(s[j][2 * i], p.scale);
                float high = shift.weight(s[j][2 * i + 1], p.scale);
                l[i][j / (QUARTER / 8)] += low;
                l[i][j / (QUARTER / 8)] += high;
                weights[j][i] = narrowPair<T>(low, high);
            }
        }
        waitCopies<1>();
        __syncthreads();
#pragma unroll
        for (int step = 0; step < TILE / 16; step++) {
            uint32_t a[4] = {weights[2 * step][0], weights[2 * step][1], weights[2 * step + 1][0], weights[2 * step + 1][1]};
            multiplyValues<T, D>(o, a, values, step * 16, 0);
        }
        if (tile < TILES - 1) {
            __syncthreads();
            loadTile<D, 128, 2, true>(values, p, groups, from / TILE + tile + 1, from, limit, 1);
        }
        commitCopies();
    }
#pragma unroll
    for (int i = 0; i < 2; i++) {
        float sum = closeQuad(l[i][0]);
#pragma unroll
        for (int j = 1; j < TILE / QUARTER; j++) {
            sum += closeQuad(l[i][j]);
        }
        int pair = warp * 16 + g + 8 * i;
        if (pair < pairs) {
            float* to = partialOf<D>(p, members[pair / heads.count].partials + item.chunk, heads.first + pair % heads.count);
#pragma unroll
            for (int j = 0; j < D / 8; j++) {
                *(float2*)(to + j * 8 + c * 2) = make_float2(o[j][2 * i], o[j][2 * i + 1]);
            }
            if (c == 0) {
                *(float2*)(to + D) = make_float2(m[i], sum);
            }
        }
    }
    foldWhatIsWhole<T, D, PAIRS>(p, item.members, heads.first, heads.count, [&](int i) { return members[i]; });
}

/** Loops over the step's items. SHARED: the items that several tokens share too, which come first, because they take longest. */
template <class T, int D, bool SHARED>
__device__ __forceinline__ void attentionDecode(const AttentionParams& p) {
    extern __shared__ __align__(1024) char dynamic[];
    __shared__ size_t groups[GROUPS];
    letNextBegin();
    DecodeHeads heads(p);
    int shared = SHARED ? p.work->sharedItems : 0;
    int items = shared + p.work->decodeItems;
    for (int index = blockIdx.x; index < items; index += gridDim.x) {
        if (SHARED && index < shared) {
            sharedItem<T, D>(p, p.shared[index], heads, dynamic, groups);
        } else {
            decodeItem<T, D, SHARED && D == 64 ? 4 : 8>(p, p.decode[index - shared], heads, dynamic, groups);
        }
    }
    waitForInputs();  // threads without an item have not called it yet
}

/** Computes MINE pairs at once with a CTA of 2 * MINE threads: an item, or one of its equal parts. */
template <class T, int D, int MINE = PAIRS>
__device__ __forceinline__ void attentionPrefill(const AttentionParams& p) {
    extern __shared__ __align__(1024) char dynamic[];
    __shared__ size_t groups[2][GROUPS];
    constexpr int TILE_BYTES = TILE * D * 2;
    constexpr int THREADS = 2 * MINE;
    constexpr int PARTS = PAIRS / MINE;
    uint32_t keys = sharedAddress(dynamic);
    uint32_t values = keys + TILE_BYTES;
    char* queries = dynamic + 2 * TILE_BYTES;
    float* folded = (float*)(queries + MINE * D * 2) + threadIdx.x;  // [D / 2][threads]
    int lane = threadIdx.x & 31;
    int warp = threadIdx.x >> 5;
    int g = lane >> 2;
    int c = lane & 3;
    int group = p.heads / p.kvHeads;
    int kvHead = blockIdx.y;
    letNextBegin();
    int parts = p.work->prefillItems * PARTS;
    for (int index = blockIdx.x; index < parts; index += gridDim.x) {
        PrefillItem item = p.prefill[index / PARTS];
        int firstPair = item.firstPair + index % PARTS * MINE;
        int firstToken = p.rowStart[item.row];
        int pairs = min(MINE, (p.rowStart[item.row + 1] - firstToken) * group - firstPair);
        if (PARTS > 1 && pairs <= 0) {
            continue;
        }
        int from = firstSeen(p.positions[firstToken + firstPair / group], p.window);
        int limit = p.positions[firstToken + (firstPair + pairs - 1) / group] + 1;
        // This thread's two rows; a row past the last pair sees no position.
        int token[2];
        int head[2];
        int seenFrom[2];
        int seenTo[2];
#pragma unroll
        for (int i = 0; i < 2; i++) {
            int pair = firstPair + warp * 16 + g + 8 * i;
            bool real = warp * 16 + g + 8 * i < pairs;
            token[i] = real ? firstToken + pair / group : -1;
            head[i] = kvHead * group + pair % group;
            int position = real ? p.positions[token[i]] : -1;
            seenFrom[i] = firstSeen(position, p.window);
            seenTo[i] = position + 1;
        }
        __syncthreads();
        int firstTile = from / TILE;
        int lastTile = (limit - 1) / TILE;
        locateChunk(groups[from / CHUNK & 1], p, item.row, from / CHUNK, kvHead, D, 2, limit);
        waitForInputs();
        loadQueries<D>(queries, MINE, pairs, [&](int row) {
            int pair = firstPair + row;
            return (const char*)p.q + ((size_t)(firstToken + pair / group) * p.heads + kvHead * group + pair % group) * D * 2;
        });
        __syncthreads();
        loadTile<D, THREADS>(keys, p, groups[from / CHUNK & 1], firstTile, from, limit, 0);
        commitCopies();
        float M[2] = {minusInfinity(), minusInfinity()};
        float L[2] = {0.0f, 0.0f};
        float m[2] = {minusInfinity(), minusInfinity()};
        float l[2][TILE / QUARTER] = {};  // this thread's lanes of l, of two rows
        float o[D / 8][4] = {};
        bool first = true;
        for (int tile = firstTile; tile <= lastTile; tile++) {
            int chunk = tile / (CHUNK / TILE);
            waitCopies<0>();
            __syncthreads();
            loadTile<D, THREADS>(values, p, groups[chunk & 1], tile, from, limit, 1);
            commitCopies();
            if (tile == firstTile || tile % (CHUNK / TILE) == 0) {
                locateChunk(groups[(chunk + 1) & 1], p, item.row, chunk + 1, kvHead, D, 2, limit);
            }
            float s[TILE / 8][4];
            multiplyKeys<T, D, TILE>(s, sharedAddress(queries) + warp * 16 * 128, MINE * 128, keys, 0);
            float most[2] = {minusInfinity(), minusInfinity()};
#pragma unroll
            for (int j = 0; j < TILE / 8; j++) {
#pragma unroll
                for (int k = 0; k < 4; k++) {
                    int at = tile * TILE + j * 8 + c * 2 + (k & 1);
                    if (at < seenFrom[k >> 1] || at >= seenTo[k >> 1]) {
                        s[j][k] = minusInfinity();
                    }
                    most[k >> 1] = fmaxf(most[k >> 1], s[j][k]);
                }
            }
            uint32_t weights[TILE / 8][2];
#pragma unroll
            for (int i = 0; i < 2; i++) {
                most[i] = fmaxf(most[i], __shfl_xor_sync(ALL_LANES, most[i], 1));
                most[i] = fmaxf(most[i], __shfl_xor_sync(ALL_LANES, most[i], 2));
                Shift shift(m[i], most[i], p.scale);
                m[i] = shift.max;
#pragma unroll
                for (int j = 0; j < TILE / QUARTER; j++) {
                    l[i][j] *= shift.rescale;
                }
#pragma unroll
                for (int j = 0; j < D / 8; j++) {
                    o[j][2 * i] *= shift.rescale;
                    o[j][2 * i + 1] *= shift.rescale;
                }
#pragma unroll
                for (int j = 0; j < TILE / 8; j++) {
                    float low = shift.weight(s[j][2 * i], p.scale);
                    float high = shift.weight(s[j][2 * i + 1], p.scale);
                    l[i][j / (QUARTER / 8)] += low;
                    l[i][j / (QUARTER / 8)] += high;
                    weights[j][i] = narrowPair<T>(low, high);
                }
            }
            waitCopies<0>();
            __syncthreads();
            if (tile < lastTile) {
                loadTile<D, THREADS>(keys, p, groups[(tile + 1) / (CHUNK / TILE) & 1], tile + 1, from, limit, 0);
                commitCopies();
            }
#pragma unroll
            for (int step = 0; step < TILE / 16; step++) {
                uint32_t a[4] = {weights[2 * step][0], weights[2 * step][1], weights[2 * step + 1][0], weights[2 * step + 1][1]};
                multiplyValues<T, D>(o, a, values, step * 16, 0);
            }
            if (tile < lastTile && (tile + 1) % (CHUNK / TILE) != 0) {
                continue;
            }
            // The chunk ends. The fold of the chunks before it is in shared memory, by thread.
#pragma unroll
            for (int i = 0; i < 2; i++) {
                Fold fold(M[i], m[i], p.scale);
                M[i] = fold.max;
                m[i] = minusInfinity();
                float sum = closeQuad(l[i][0]);
                l[i][0] = 0.0f;
#pragma unroll
                for (int j = 1; j < TILE / QUARTER; j++) {
                    sum += closeQuad(l[i][j]);
                    l[i][j] = 0.0f;
                }
                L[i] = fmaf(sum, fold.chunk, L[i] * fold.before);
#pragma unroll
                for (int j = 0; j < D / 8; j++) {
#pragma unroll
                    for (int k = 2 * i; k < 2 * i + 2; k++) {
                        float* at = folded + (j * 4 + k) * THREADS;
                        float sum = fmaf(o[j][k], fold.chunk, (first ? 0.0f : *at) * fold.before);
                        *at = sum;
                        o[j][k] = tile == lastTile ? sum : 0.0f;
                    }
                }
            }
            first = false;
        }
#pragma unroll
        for (int i = 0; i < 2; i++) {
            if (token[i] >= 0) {
                float inverse = __frcp_rn(L[i]);
#pragma unroll
                for (int j = 0; j < D / 8; j++) {
                    storeOut<T>(p, token[i], head[i], j * 8 + c * 2, o[j][2 * i] * inverse, o[j][2 * i + 1] * inverse);
                }
            }
        }
    }
    waitForInputs();  // threads without an item have not called it yet
}

/** Address of an element of K or V of a row. */
template <class T>
__device__ __forceinline__ const T* stored(const AttentionParams& p, int row, int position, int kvHead, int value, int d) {
    int block = p.blocks[(size_t)p.rowTable[row] * p.tableStride + position / p.blockSize];
    int offset = position % p.blockSize;
    int at = d * (int)sizeof(T);
    size_t slab = kvOffset(block, kvHead, value, offset, p.kvHeads, paddedHead(p.headSize), p.blockSize, sizeof(T)) +
                  (size_t)(at >> 7) * p.blockSize * 128;
    return (const T*)((const char*)p.kv + slab + (((at >> 4) & 7) ^ (offset & 7)) * 16 + (at & 15));
}

template <class T, int D>
__device__ __forceinline__ void oracleAttention(const AttentionParams& p) {
    beginWithInputs();
    int token = blockIdx.x;
    int head = blockIdx.y;
    if (token >= p.step->tokens) {
        return;
    }
    int g = threadIdx.x >> 2;
    int c = threadIdx.x & 3;
    int row = p.rowOf[token];
    int kvHead = head / (p.heads / p.kvHeads);
    int position = p.positions[token];
    int from = firstSeen(position, p.window);
    const T* q = (const T*)p.q + ((size_t)token * p.heads + head) * D;
    // Positions past `position` may hold anything: K is masked there, V is taken as 0.
    auto element = [&](int at, int value, int d) -> uint32_t {
        return at >= from && at <= position ? stored<T>(p, row, at, kvHead, value, d)->bits : 0;
    };
    float M = minusInfinity();
    float L = 0.0f;
    float A[D / 8][2] = {};
    for (int chunk = from / CHUNK; chunk <= position / CHUNK; chunk++) {
        float m = minusInfinity();
        float l[TILE / QUARTER] = {};  // thread c of four has lane c of each quarter of a tile
        float o[D / 8][4] = {};
        for (int tile = chunk * (CHUNK / TILE); tile < (chunk + 1) * (CHUNK / TILE); tile++) {
            float s[TILE / 8][4];
            float most = minusInfinity();
            for (int j = 0; j < TILE / 8; j++) {
                float acc[4] = {};
                for (int k = 0; k < D; k += 16) {
                    // The query is row 0 of the mma; the other rows are 0.
                    uint32_t a[4] = {};
                    if (g == 0) {
                        a[0] = (uint32_t)q[k + 2 * c].bits | (uint32_t)q[k + 2 * c + 1].bits << 16;
                        a[2] = (uint32_t)q[k + 2 * c + 8].bits | (uint32_t)q[k + 2 * c + 9].bits << 16;
                    }
                    int at = tile * TILE + j * 8 + g;
                    mma<T>(acc, a, element(at, 0, k + 2 * c) | element(at, 0, k + 2 * c + 1) << 16,
                           element(at, 0, k + 2 * c + 8) | element(at, 0, k + 2 * c + 9) << 16);
                }
                for (int k = 0; k < 2; k++) {
                    int at = tile * TILE + j * 8 + 2 * c + k;
                    s[j][k] = at >= from && at <= position ? acc[k] : minusInfinity();
                    most = fmaxf(most, s[j][k]);
                }
            }
            most = fmaxf(most, __shfl_xor_sync(ALL_LANES, most, 1));
            most = fmaxf(most, __shfl_xor_sync(ALL_LANES, most, 2));
            Shift shift(m, most, p.scale);
            m = shift.max;
            for (int i = 0; i < TILE / QUARTER; i++) {
                l[i] *= shift.rescale;
            }
            for (int at = 0; at < TILE; at++) {
                if (at % 8 / 2 == c) {
                    l[at / QUARTER] += shift.weight(s[at / 8][at % 2], p.scale);
                }
            }
            for (int j = 0; j < D / 8; j++) {
                o[j][0] *= shift.rescale;
                o[j][1] *= shift.rescale;
            }
            for (int step = 0; step < TILE / 16; step++) {
                uint32_t a[4] = {};
                if (g == 0) {
                    for (int k = 0; k < 2; k++) {
                        float* two = s[2 * step + k];
                        a[2 * k] = narrowPair<T>(shift.weight(two[0], p.scale), shift.weight(two[1], p.scale));
                    }
                }
                int at = tile * TILE + step * 16 + 2 * c;
                for (int j = 0; j < D / 8; j++) {
                    int d = j * 8 + g;
                    mma<T>(o[j], a, element(at, 1, d) | element(at + 1, 1, d) << 16,
                           element(at + 8, 1, d) | element(at + 9, 1, d) << 16);
                }
            }
        }
        Fold fold(M, m, p.scale);
        M = fold.max;
        float sum = closeQuad(l[0]);
        for (int i = 1; i < TILE / QUARTER; i++) {
            sum = sum + closeQuad(l[i]);
        }
        L = fmaf(sum, fold.chunk, L * fold.before);
        for (int j = 0; j < D / 8; j++) {
            for (int k = 0; k < 2; k++) {
                A[j][k] = fmaf(o[j][k], fold.chunk, A[j][k] * fold.before);
            }
        }
    }
    if (g == 0) {
        float inverse = __frcp_rn(L);
        for (int j = 0; j < D / 8; j++) {
            storeOut<T>(p, token, head, j * 8 + 2 * c, A[j][0] * inverse, A[j][1] * inverse);
        }
    }
}

/** FP32 (tests): one warp per head of a token; lanes divide the positions, then the elements of the head. */
__device__ __forceinline__ void attentionF32(const AttentionParams& p) {
    beginWithInputs();
    int token = blockIdx.x;
    int head = blockIdx.y * 4 + (threadIdx.x >> 5);
    int lane = threadIdx.x & 31;
    if (token >= p.step->tokens || head >= p.heads) {
        return;
    }
    int row = p.rowOf[token];
    int kvHead = head / (p.heads / p.kvHeads);
    int position = p.positions[token];
    int from = firstSeen(position, p.window);
    int start = from / 32 * 32;
    const float* q = (const float*)p.q + ((size_t)token * p.heads + head) * paddedHead(p.headSize);
    auto score = [&](int at) {
        float sum = 0.0f;
        if (at < from || at > position) {
            return minusInfinity();
        }
        for (int d = 0; d < p.headSize; d++) {
            sum = fmaf(q[d], *stored<float>(p, row, at, kvHead, 0, d), sum);
        }
        return sum * p.scale;
    };
    float m = minusInfinity();
    for (int at = start + lane; at <= position; at += 32) {
        m = fmaxf(m, score(at));
    }
    for (int apart = 16; apart > 0; apart /= 2) {
        m = fmaxf(m, __shfl_xor_sync(ALL_LANES, m, apart));
    }
    float l = 0.0f;
    float o[4] = {};
    for (int base = start; base <= position; base += 32) {
        float weight = expNegative(score(base + lane) - m);
        l += weight;
        for (int i = 0; i < 32; i++) {
            float w = __shfl_sync(ALL_LANES, weight, i);
            if (base + i < from || base + i > position) {
                continue;
            }
            for (int j = 0; j < 4; j++) {
                int d = lane + 32 * j;
                if (d < p.headSize) {
                    o[j] = fmaf(w, *stored<float>(p, row, base + i, kvHead, 1, d), o[j]);
                }
            }
        }
    }
    l = warpSum(l);
    for (int j = 0; j < 4; j++) {
        int d = lane + 32 * j;
        if (d < p.headSize) {
            size_t at = tileOffset(token, head * p.headSize + d, pad64(p.heads * p.headSize), 4);
            *(float*)((char*)p.out + at) = __fdiv_rn(o[j], l);
        }
    }
}

/** Exclusive prefix sum of x over the CTA's 1,024 threads; `total` is the sum of all. */
template <class N>
__device__ __forceinline__ N sumBefore(N x, N& total) {
    __shared__ N warps[32];
    int lane = threadIdx.x & 31;
    N sum = x;
    for (int apart = 1; apart < 32; apart *= 2) {
        N other = __shfl_up_sync(ALL_LANES, sum, apart);
        sum += lane >= apart ? other : 0;
    }
    __syncthreads();
    if (lane == 31) {
        warps[threadIdx.x >> 5] = sum;
    }
    __syncthreads();
    N before = 0;
    total = 0;
    for (int i = 0; i < 32; i++) {
        before += i < threadIdx.x >> 5 ? warps[i] : 0;
        total += warps[i];
    }
    return before + sum - x;
}

constexpr int PLAN_THREADS = 1024;

/** Counts of items by their number of tiles. 1,024 rows have two partial chunks each at most, so 12 bits hold all counts but the last. */
struct ItemCounts {
    uint64_t bits = 0;

    __device__ __forceinline__ int operator[](int tiles) const {
        return tiles < CHUNK / TILE ? bits >> 12 * (tiles - 1) & 4095 : bits >> 12 * (tiles - 1);
    }

    __device__ __forceinline__ void add(int tiles) { bits += 1ull << 12 * (tiles - 1); }
};

constexpr int PLACES = 2048;  // entries of the hash table of last blocks; blocks past these are not shared
constexpr int PROBES = 8;

/** The (row, chunk) pairs, row after row, of rows of one token and chunks that the row sees whole and that end before its own position. */
struct WholeChunks {
    const AttentionPlanParams& p;
    const int* before;  // (1024) number of pairs of all rows before each row
    int firstRow;

    /** A pair. */
    struct Pair {
        int row;  // index among the 1,024
        int token;
        int chunk;
    };

    __device__ __forceinline__ Pair operator[](int pair) const {
        int low = 0;
        for (int half = PLAN_THREADS / 2; half > 0; half /= 2) {
            low += before[low + half] <= pair ? half : 0;
        }
        int token = p.rowStart[firstRow + low];
        int from = firstSeen(p.positions[token], p.window);
        return {low, token, (from + CHUNK - 1) / CHUNK + pair - before[low]};
    }

    __device__ __forceinline__ const int32_t* blocks(const Pair& pair) const {
        return p.blocks + (size_t)p.rowTable[firstRow + pair.row] * p.tableStride;
    }

    /** The block of the chunk's last position. In the prefix tree, rows that share it share all blocks before it too. */
    __device__ __forceinline__ int lastBlock(const Pair& pair) const {
        return blocks(pair)[(pair.chunk * CHUNK + CHUNK - 1) / p.blockSize];
    }

    __device__ __forceinline__ bool same(int one, int other) const {
        if (one == other) {
            return true;
        }
        Pair a = (*this)[one];
        Pair b = (*this)[other];
        const int32_t* as = blocks(a);
        const int32_t* bs = blocks(b);
        int end = (a.chunk * CHUNK + CHUNK - 1) / p.blockSize;
        bool equal = a.chunk == b.chunk;
#pragma unroll 8
        for (int i = a.chunk * CHUNK / p.blockSize; i <= end; i++) {
            equal &= as[i] == bs[i];
        }
        return equal;
    }
};

extern "C" __global__ void __launch_bounds__(PLAN_THREADS) attention_plan(const __grid_constant__ AttentionPlanParams p) {
    __shared__ int before[PLAN_THREADS];
    __shared__ int partialsOf[PLAN_THREADS];
    __shared__ int keys[PLACES];     // the last block of a chunk
    __shared__ int leaders[PLACES];  // the first pair with that block
    __shared__ int counts[PLACES];   // pairs that have all blocks in common with the leader
    __shared__ int firsts[PLACES];   // index of their first member
    __shared__ int next;
    beginWithInputs();
    int partials = 0;
    int decodeItems = 0;
    int sharedItems = 0;
    int members = 0;
    int prefillItems = 0;
    int rows = p.step->rows;
    for (int firstRow = 0; firstRow < rows; firstRow += PLAN_THREADS) {
        int row = firstRow + threadIdx.x;
        int token = row < rows ? p.rowStart[row] : 0;
        int tokens = row < rows ? p.rowStart[row + 1] - token : 0;
        int position = tokens == 1 ? p.positions[token] : 0;
        int from = firstSeen(position, p.window);
        int firstChunk = from / CHUNK;
        int chunks = tokens == 1 ? position / CHUNK - firstChunk + 1 : 0;
        int firstWhole = (from + CHUNK - 1) / CHUNK;
        int wholes = tokens == 1 && p.share != 0 ? max(0, position / CHUNK - firstWhole) : 0;
        int tiles = tokens > 1 ? (tokens * p.group + p.prefillPairs - 1) / p.prefillPairs : 0;
        int total;
        int mine = partials + sumBefore(chunks, total) - firstChunk;
        partials += total;
        int pairs = 0;
        if (p.share != 0) {
            partialsOf[threadIdx.x] = mine;
            before[threadIdx.x] = sumBefore(wholes, pairs);
        }
        if (pairs > 0) {
            WholeChunks whole{p, before, firstRow};
            for (int i = threadIdx.x; i < PLACES; i += PLAN_THREADS) {
                keys[i] = -1;
                leaders[i] = INT32_MAX;
                counts[i] = 0;
            }
            if (threadIdx.x == 0) {
                next = decodeItems;
            }
            __syncthreads();
            // Finds the pairs that end in the same block.
            for (int i = threadIdx.x; i < pairs; i += PLAN_THREADS) {
                int block = whole.lastBlock(whole[i]);
                int place = -1;
                for (int probe = 0; probe < PROBES && place < 0; probe++) {
                    int at = (block + probe) & (PLACES - 1);
                    int found = atomicCAS(&keys[at], -1, block);
                    place = found == -1 || found == block ? at : -1;
                }
                if (place >= 0) {
                    atomicMin(&leaders[place], i);
                }
                p.places[i] = place;
            }
            __syncthreads();
            // Finds the pairs that have all blocks in common, and numbers them.
            for (int i = threadIdx.x; i < pairs; i += PLAN_THREADS) {
                int place = p.places[i];
                bool member = place >= 0 && whole.same(leaders[place], i);
                p.places[i] = member ? atomicAdd(&counts[place], 1) * PLACES + place : -1;
            }
            __syncthreads();
            int most = PAIRS / min(p.group, DECODE_HEADS);  // tokens per item
            for (int i = threadIdx.x; i < PLACES; i += PLAN_THREADS) {
                int count = counts[i] > 1 ? counts[i] : 0;
                int items = (count + most - 1) / most;
                int at = sharedItems + sumBefore(items, total);
                sharedItems += total;
                int first = members + sumBefore(count, total);
                members += total;
                firsts[i] = first;
                if (items > 0) {
                    WholeChunks::Pair of = whole[leaders[i]];
                    for (int j = 0; j < items; j++) {
                        int begin = count * j / items;
                        p.shared[at + j] = {firstRow + of.row, of.chunk, first + begin, count * (j + 1) / items - begin};
                    }
                }
            }
            __syncthreads();
            for (int i = threadIdx.x; i < pairs; i += PLAN_THREADS) {
                WholeChunks::Pair of = whole[i];
                int place = p.places[i];
                if (place >= 0 && counts[place % PLACES] > 1) {
                    p.members[firsts[place % PLACES] + place / PLACES] = {of.token, partialsOf[of.row]};
                } else {
                    p.decode[atomicAdd(&next, 1)] = {of.token, firstRow + of.row, of.chunk, partialsOf[of.row]};
                }
            }
            __syncthreads();
            decodeItems = next;
        }
        // The longest items come first, so that all CTAs end at about the same time.
        auto tilesOf = [&](int chunk) {
            return min(position, chunk * CHUNK + CHUNK - 1) / TILE - max(from, chunk * CHUNK) / TILE + 1;
        };
        auto isAlone = [&](int chunk) { return chunk < firstWhole || chunk >= firstWhole + wholes; };
        ItemCounts counts;
        for (int chunk = firstChunk; chunk < firstChunk + chunks; chunk++) {
            if (isAlone(chunk)) {
                counts.add(tilesOf(chunk));
            }
        }
        ItemCounts all;
        counts.bits = sumBefore(counts.bits, all.bits);
        for (int chunk = firstChunk; chunk < firstChunk + chunks; chunk++) {
            if (isAlone(chunk)) {
                int tilesHere = tilesOf(chunk);
                int at = decodeItems + counts[tilesHere];
                for (int longer = CHUNK / TILE; longer > tilesHere; longer--) {
                    at += all[longer];
                }
                p.decode[at] = {token, row, chunk, mine};
                counts.add(tilesHere);
            }
        }
        for (int length = 1; length <= CHUNK / TILE; length++) {
            decodeItems += all[length];
        }
        int at = prefillItems + sumBefore(tiles, total);
        prefillItems += total;
        for (int i = 0; i < tiles; i++) {
            p.prefill[at + i] = {row, i * p.prefillPairs, 0, 0};
        }
    }
    if (threadIdx.x == 0) {
        *p.work = {decodeItems, sharedItems, prefillItems, 0};
    }
}

#define ATTENTION(NAME, THREADS, CTAS, CALL)                                                                      \
    extern "C" __global__ void __launch_bounds__(THREADS, CTAS) NAME(const __grid_constant__ AttentionParams p) { \
        CALL(p);                                                                                                  \
    }

ATTENTION(attention_decode_bf16_64, 128, 4, (attentionDecode<Bf16, 64, false>))
ATTENTION(attention_decode_bf16_128, 128, 3, (attentionDecode<Bf16, 128, false>))
ATTENTION(attention_decode_f16_64, 128, 4, (attentionDecode<F16, 64, false>))
ATTENTION(attention_decode_f16_128, 128, 3, (attentionDecode<F16, 128, false>))
ATTENTION(attention_cascade_bf16_64, 128, 3, (attentionDecode<Bf16, 64, true>))
ATTENTION(attention_cascade_bf16_128, 128, 2, (attentionDecode<Bf16, 128, true>))
ATTENTION(attention_cascade_f16_64, 128, 3, (attentionDecode<F16, 64, true>))
ATTENTION(attention_cascade_f16_128, 128, 2, (attentionDecode<F16, 128, true>))
ATTENTION(attention_prefill_bf16_64, 128, 2, (attentionPrefill<Bf16, 64>))
ATTENTION(attention_prefill_bf16_128, 128, 2, (attentionPrefill<Bf16, 128>))
ATTENTION(attention_prefill_bf16_128_32, 64, 1, (attentionPrefill<Bf16, 128, 32>))
ATTENTION(attention_prefill_f16_64, 128, 2, (attentionPrefill<F16, 64>))
ATTENTION(attention_prefill_f16_128, 128, 2, (attentionPrefill<F16, 128>))
ATTENTION(attention_prefill_f16_128_32, 64, 1, (attentionPrefill<F16, 128, 32>))
ATTENTION(attention_f32, 128, 1, attentionF32)
ATTENTION(oracle_attention_bf16_64, 32, 1, (oracleAttention<Bf16, 64>))
ATTENTION(oracle_attention_bf16_128, 32, 1, (oracleAttention<Bf16, 128>))
ATTENTION(oracle_attention_f16_64, 32, 1, (oracleAttention<F16, 64>))
ATTENTION(oracle_attention_f16_128, 32, 1, (oracleAttention<F16, 128>))

// The structs that the host writes and kernels read: the parameters of each kernel, one struct by value, and the tables of a step in
// device memory. StructWriters.java makes the Java classes that write them of this file. Pointers come first, then words of 4 bytes:
// no field may need padding.
//
// Layouts, by the names of docs/numerics.md:
//   rows     FP32, row-major, a row padded to 64 elements
//   tiles    storage type, (rows, k) in blocks of 64 rows x 128 bytes; see layout.h
//   heads    storage type, [token][head][padded head size]
//   kv       storage type, one layer's KV arena: [block][kv head][K | V][slab of 128 B][position][128 B]; see layout.h
#pragma once
#include <stdint.h>

/** Counts of a step. A launch's grid covers a bucket of tokens; CTAs and threads past the count do nothing. */
struct StepHeader {
    int32_t tokens;
    int32_t rows;
    /** Rows whose last token needs logits. */
    int32_t sampled;
    int32_t reserved;
};

/** In place of a token id: LAST_SAMPLE - s is the token that was sampled last for slot s. */
constexpr int32_t LAST_SAMPLE = -1;

/** Threads of a CTA of resolve. */
constexpr int RESOLVE_THREADS = 512;
/** CTAs of resolve that bring all but block ids. */
constexpr int RESOLVE_TABLE_CTAS = 2;
/** CTAs of resolve that bring block ids. */
constexpr int RESOLVE_BLOCK_CTAS = 6;
/** Words of a cache line. Each table of a step begins on one. */
constexpr int LINE_WORDS = 32;

/** What the last kernel of a step leaves to the first one of the next. */
struct LastStep {
    int32_t place;       // in-flight slot of the step
    int32_t nextPlace;   // of the next step
    int32_t blockWords;  // words of block ids that the next step is likely to have at the most
    int32_t reserved;
};

/** resolve: brings the step's tables from host memory, with sampled tokens in them. Offsets, in words, are those of StepLayout. */
struct ResolveParams {
    const int32_t* places;  // mapped host memory: (in-flight slots, placeWords) tables of a step
    const LastStep* last;
    const int32_t* lastTokens;  // (slots)
    const int32_t* ended;       // (slots)
    int32_t* tables;            // the step's tables in device memory
    uint64_t* began;            // start of the step, in nanoseconds of the GPU's global timer
    int32_t placeWords;
    int32_t header;       // begins the tables before rowTable
    int32_t rowTable;     // (rows)
    int32_t lastSamples;  // (rows) LAST_SAMPLE - slot if the host wrote that for the row; else 0
    int32_t tokenIds;     // (tokens); positions, rowOf and blocks follow
    int32_t tokenWords;   // from each of these to the next
    int32_t tokens;       // that the launch is made for
    int32_t again;        // 1: the last step's tables; 0: the next step's
};

/** Whether rows of gate and up alternate by eight in the stored matrix. */
enum Alternate {
    /** They do not. */
    ALTERNATE_NONE = 0,
    /** They do, and these are rows of gate. */
    ALTERNATE_GATE = 1,
    /** They do, and these are rows of up. */
    ALTERNATE_UP = 2
};

/** tile_{bf16,f16,f32}: stores some rows of a matrix in tiles, before the first step. */
struct TileParams {
    const void* rows;   // (count, rowBytes), row-major; pinned host memory
    void* tiles;        // tiles of the whole matrix; padding must be zero
    uint32_t* refused;  // least `number` of a tensor with an infinity or NaN
    int32_t count;
    int32_t rowBytes;     // a multiple of 2, and of 4 for f32
    int32_t firstRow;     // row of the matrix, or of gate or up if these alternate
    int32_t paddedBytes;  // bytes of a stored row, a multiple of 128
    int32_t alternate;    // an Alternate
    int32_t number;       // the tensor's number
};

/** embed_{bf16,f16,f32}: rows = table[tokenIds] (+ positionTable[positions]). */
struct EmbedParams {
    const void* table;          // tiles (vocabulary, hidden)
    const void* positionTable;  // tiles (positions, hidden), or null
    float* residual;            // rows (tokens, hidden)
    const StepHeader* step;
    const int32_t* tokenIds;   // (tokens)
    const int32_t* positions;  // (tokens)
    int32_t hidden;
    int32_t reserved;
};

/** norm_{bf16,f16,f32}, oracle_norm_{...}: out = norm(x). In BF16 RMSNorm, out = x * weight, and GEMMs multiply their sums by `inverse`. */
struct NormParams {
    const float* x;       // rows (tokens, width)
    const float* weight;  // (width)
    const float* bias;    // (width): LayerNorm; null: RMSNorm
    void* out;            // tiles (tokens, width)
    float* inverse;       // (rows of out) scale of RMSNorm in BF16; otherwise null
    const StepHeader* step;
    const int32_t* gather;  // (sampled) token of each output row; null: all tokens
    int32_t width;
    float epsilon;
};

/** What a GEMM does with its sums. */
enum Epilogue {
    /** outRows = sum */
    EPILOGUE_STORE = 0,
    /** outRows += sum (+ bias) */
    EPILOGUE_ADD = 1,
    /** outTiles = silu(gate) * up; the weight's rows alternate by 8: gate, up */
    EPILOGUE_GATED = 2,
    /** outTiles = gelu(sum + bias) */
    EPILOGUE_GELU = 3
};

/** matmul_{bf16,f16}_{16,32,64,128}[x{2,4,8} segments], matmul_{bf16,f16}_large, matmul_f32, oracle_matmul_{bf16,f16}. */
struct MatmulParams {
    const void* weight;    // tiles (rows, k)
    const void* x;         // tiles (tokens, k)
    const float* bias;     // (columns), or null
    const float* inverse;  // (rows of x) factors of the sums, or null
    float* outRows;        // rows (tokens, columns): STORE, ADD
    void* outTiles;        // tiles (tokens, columns): GATED, GELU
    float* partials;       // scratch, Launches.matmulPartials or GemmTiles.partials bytes
    uint32_t* arrivals;    // Launches.matmulArrivals words, zero before and after each launch; used before sm_90
    const StepHeader* step;
    int32_t rows;      // rows of the weight as stored, before padding to 64
    int32_t k;         // before padding to 64
    int32_t columns;   // columns of the output: rows, or half of them for a gated weight
    int32_t segments;  // Numerics.segments
    int32_t epilogue;
    int32_t sampledOnly;  // 0: step->tokens rows of x; 1: step->sampled
};

/** qkv_finish_{bf16,f16,f32}: bias, head norms, rotation, rounding; stores queries in q, keys and values in their blocks. */
struct QkvFinishParams {
    const float* projected;  // rows (tokens, (heads + 2 * kvHeads) * headSize)
    const float* bias;       // (columns of projected), or null
    const float* queryNorm;  // (headSize), or null
    const float* keyNorm;    // (headSize), or null
    const float* cos;        // (positions, pairs)
    const float* sin;        // (positions, pairs)
    void* q;                 // heads (tokens, heads)
    void* kv;                // kv of the layer
    const StepHeader* step;
    const int32_t* positions;  // (tokens)
    const int32_t* rowOf;      // (tokens) row of each token
    const int32_t* rowTable;   // (rows) number of the row's block table
    const int32_t* blocks;     // (tables, tableStride) block ids
    int32_t heads;
    int32_t kvHeads;
    int32_t headSize;
    int32_t pairs;      // columns of the rotary table: headSize / 2
    int32_t blockSize;  // positions per block, a multiple of 8
    int32_t tableStride;
    float queryEpsilon;
    float keyEpsilon;
};

/** qkv_bf16_{...}: the GEMM of queries, keys and values, with qkv_finish as its epilogue. */
struct QkvParams {
    MatmulParams matmul;    // STORE; the bias is in `heads`
    QkvFinishParams heads;  // heads of 64 elements
};

/** One (token, chunk) of a row that has one token in this step. */
struct DecodeItem {
    int32_t token;
    int32_t row;
    int32_t chunk;
    int32_t partials;  // index of the token's partial of chunk 0, if it had one; that of chunk c is c higher
};

/** A chunk that several rows of one token have in the same blocks and see whole. */
struct SharedItem {
    int32_t row;  // one of these rows
    int32_t chunk;
    int32_t firstMember;
    int32_t members;
};

/** A row of a SharedItem. */
struct SharedMember {
    int32_t token;
    int32_t partials;  // as in DecodeItem
};

/** Work of attention_prefill: AttentionPlanParams.prefillPairs (token, query head) pairs of one kv head of a row of several tokens. */
struct PrefillItem {
    int32_t row;
    int32_t firstPair;  // pair i is token rowStart[row] + i / group, query head i % group
    int32_t reserved0;
    int32_t reserved1;
};

/** Counts of a step's attention work for one window. */
struct AttentionWork {
    int32_t decodeItems;
    int32_t sharedItems;
    int32_t prefillItems;
    int32_t nextPrefill;  // attention_prefill_sm90: items taken after the first of each CTA; zero after each launch
};

/** attention_plan: builds the work lists of one window from the step. */
struct AttentionPlanParams {
    const StepHeader* step;
    const int32_t* rowStart;   // (rows + 1)
    const int32_t* positions;  // (tokens)
    const int32_t* rowTable;   // (rows)
    const int32_t* blocks;     // (tables, tableStride)
    AttentionWork* work;
    DecodeItem* decode;     // Launches.decodeItems entries
    SharedItem* shared;     // Launches.sharedItems entries
    SharedMember* members;  // Launches.decodeItems entries
    int32_t* places;        // Launches.decodeItems words of scratch
    PrefillItem* prefill;   // Launches.prefillItems entries
    int32_t group;          // query heads per kv head
    int32_t window;
    int32_t blockSize;
    int32_t tableStride;
    int32_t share;         // 1: find chunks that rows share, for attention_cascade; 0: list all for attention_decode
    int32_t prefillPairs;  // pairs per item of the prefill kernel that follows
};

/** attention_{decode,decode_sm90,cascade,prefill}_{bf16,f16}_{64,128}, attention_prefill_{bf16,f16}_128_32, attention_prefill_sm90_bf16_{64,128},
    attention_f32, oracle_attention_{bf16,f16}_{64,128}. */
struct AttentionParams {
    const void* q;       // heads (tokens, heads)
    const void* kv;      // kv of the layer
    void* out;           // tiles (tokens, heads * headSize)
    float* partials;     // Launches.attentionPartials bytes
    uint32_t* arrivals;  // Launches.attentionArrivals words, zero before and after each launch
    const StepHeader* step;
    const int32_t* rowStart;   // (rows + 1)
    const int32_t* positions;  // (tokens)
    const int32_t* rowOf;      // (tokens)
    const int32_t* rowTable;   // (rows)
    const int32_t* blocks;     // (tables, tableStride)
    AttentionWork* work;
    const DecodeItem* decode;
    const SharedItem* shared;
    const SharedMember* members;
    const PrefillItem* prefill;
    int32_t heads;
    int32_t kvHeads;
    int32_t headSize;
    int32_t blockSize;
    int32_t tableStride;
    int32_t window;  // positions that a token sees, its own included
    float scale;     // Numerics.attentionScale
    int32_t early;   // 1: programmatic dependent launch; attention_decode_sm90 then reads K and V before the wait
};

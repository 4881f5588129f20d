// The structs of the sampling kernels that the host writes, by the rules of params.h.
#pragma once
#include "params.h"

typedef unsigned long long u64;

constexpr int CANDIDATES = 4;
/** Most log probabilities of other tokens that a request can ask for. */
constexpr int MAX_TOP = 20;
/** Capacity of a row's list of tokens. */
constexpr int LIST = 4096;

/** Flag of a row: a repetition penalty. */
constexpr int REPETITION = 1;
/** Flag of a row: any penalty. */
constexpr int PENALTIES = 2;
/** Flag of a row: top-k, top-p, min-p or a temperature below 2^-10. */
constexpr int FILTERED = 4;
/** Flag of a row: stop ids. */
constexpr int STOPS = 8;
/** Flag of a row: edits. */
constexpr int EDITS = 16;

/** Sampling parameters of a slot's row. */
struct SampleRow {
    u64 seed;
    double topP;
    unsigned completion;
    float temperature;
    int topK;
    float minP;
    float repetition;
    float frequency;
    float presence;
    int flags;
    int top;  // number of most likely tokens to report
    int edits;
    int reserved[2];
};

/** A change of one token's logit after penalties: -infinity before position `until`; from there on, the bias is added. */
struct SampleEdit {
    int token;
    float bias;
    int until;
    int reserved;
};

/** Result of sample_scan for one tile of a row. */
struct SampleTile {
    float max;
    int best;
    int state;
    int candidates;  // more than CANDIDATES: sample the row as a whole
    float score[CANDIDATES];
    int token[CANDIDATES];
};

/** Buckets of a filtered row: those before `first` are kept, those after `last` are dropped, the others are the boundary. */
struct SampleBound {
    int first;
    int last;
    u64 countBefore;
    u64 massBefore;
    u64 wanted;  // probability mass of top-p; 0 if it depends on the tokens that top-k keeps
};

/** A token, and its logit or the value that is compared. */
struct SamplePick {
    float value;
    int token;
};

/** sample_{scan,histogram,bound,split,finish,logprobs}. */
struct SampleParams {
    const float* logits;      // (rows, stride), 16-byte aligned
    const SampleRow* rows;    // (slots)
    const int* step;          // SampleStep
    unsigned* counts;         // (slots, vocabulary rounded up to 4) times generated, and PROMPT
    SampleTile* tiles;        // (rows, tiles)
    unsigned* bucketCounts;   // (rows, BUCKETS); zero between steps
    u64* bucketMasses;        // (rows, BUCKETS); zero between steps
    SampleBound* bounds;      // (rows)
    int* listSizes;           // (rows)
    int* lists;               // (rows, LIST)
    SamplePick* picks;        // (rows, chunks)
    int* ids;                 // (rows)
    float* logprobs;          // (rows, LOGPROB_WORDS)
    int* lastTokens;          // (slots) the last sampled token
    int* ended;               // (slots) 1: the row has ended, by a stop id or by bad logits
    const unsigned* stops;    // (slots, vocabulary / 32 rounded up) a bit per token: whether it ends the row
    const SampleEdit* edits;  // (slots, maxEdits) ascending by token, 16-byte aligned
    int stride;               // a multiple of 4
    int vocabulary;
    int maxRows;
    int maxEdits;
};

/** Tokens of a HeadTile: those of one tile of the head's weight. */
constexpr int HEAD_TILE = 64;

/** Result of the head for HEAD_TILE tokens of a row. */
struct HeadTile {
    float max;
    int best;
    float rank;  // the highest rank; -infinity for a greedy row
    int state;
};

/** head_{bf16,f16}_{16,32,64,128,large}: the GEMM of the head with sampling in its epilogue, for rows of the fast path. */
struct HeadParams {
    MatmulParams matmul;     // STORE, sampledOnly, one segment; outRows: logits, of some tiles only
    const SampleRow* rows;   // (slots)
    const int* sample;       // SampleStep
    HeadTile* tiles;         // (rows, tiles)
    SamplePick* candidates;  // (rows, tiles) logit and token of the highest rank
    int maxRows;
    int reserved;
};

/** sample_pick, after the head has sampled in its epilogue. */
struct PickParams {
    SampleParams sample;
    const HeadTile* tiles;         // (rows, tiles)
    const SamplePick* candidates;  // (rows, tiles) logit and token of the highest rank
};

/** Words of a row: log probability of the sampled token, those of the most likely tokens, their ids. */
constexpr int LOGPROB_WORDS = 1 + 2 * MAX_TOP;

/**
 * Words before the tables of a SampleStep: numbers of rows, of filtered rows, of rows with log probabilities, then the
 * step's number, its in-flight slot, that of the next step, the next step's likely words of block ids, and a zero. Tables of
 * maxRows words follow: slots, positions, indices of filtered rows, indices of rows with log probabilities.
 */
constexpr int STEP_HEADER = 8;

/** A new row of a slot. */
struct NewRow {
    SampleRow row;
    int slot;
    int firstStop;  // index of its first stop id in stopIds
    int stops;
    int firstEdit;  // index of its edits in stopIds, a multiple of 4
};

/** sample_begin. */
struct BeginParams {
    SampleRow* rows;        // (slots)
    int* lastTokens;        // (slots)
    int* ended;             // (slots)
    unsigned* stops;        // (slots, vocabulary / 32 rounded up)
    const NewRow* newRows;  // (CTAs)
    const int* stopIds;     // stop ids and edits of the new rows, 16-byte aligned
    SampleEdit* edits;      // (slots, maxEdits)
    int vocabulary;
    int maxEdits;
};

/**
 * Words of the header of a step's output in host memory: the step's number, 0, the start of its first kernel and the end of
 * its last one in nanoseconds of the GPU's global timer, 10 reserved words. Ids (rows) and log probabilities (rows,
 * LOGPROB_WORDS) follow. The number is written last, so a host that reads it can read the rest.
 */
constexpr int OUTPUT_HEADER = 16;
constexpr int OUTPUT_BEGAN = 2;
constexpr int OUTPUT_DONE = 4;

/** sample_deliver. */
struct DeliverParams {
    const int* step;      // SampleStep
    const int* ids;       // (rows)
    const int* logprobs;  // (rows, LOGPROB_WORDS)
    const u64* began;     // start of the step's first kernel
    int* outputs;         // (in-flight slots, outputWords), mapped host memory, 64-byte aligned
    LastStep* last;
    int maxRows;
    int outputWords;
};

/** sample_admit. */
struct AdmitParams {
    unsigned* counts;
    const int4* rows;  // (CTAs) slot, index of its first token, tokens of the prompt, all tokens
    const int* tokens;
    int vocabulary;
    int reserved;
};

/** sample_mask: of some rows, the tokens that their masks leave out. */
struct MaskParams {
    float* logits;          // (rows, stride)
    const int* rows;        // (masks) row of each mask
    const unsigned* masks;  // (masks, words) a bit for each token that may be sampled
    int stride;
    int vocabulary;
    int words;  // at least vocabulary / 32
    int reserved;
};

// What the host and the sampling kernels agree on; like params.h, pointers before words of 4 bytes.
#pragma once
#include "params.h"

typedef unsigned long long u64;

constexpr int CANDIDATES = 4;
/** Most log probabilities of other tokens that a request can ask for. */
constexpr int MAX_TOP = 20;
/** Tokens that a row's list has room for. */
constexpr int LIST = 4096;

/**
 * Flags of a row: has a repetition penalty; has any penalty; top-k, top-p, min-p or a temperature below 2^-10; has
 * tokens that end it; has edits.
 */
constexpr int REPETITION = 1;
constexpr int PENALTIES = 2;
constexpr int GENERAL = 4;
constexpr int STOPS = 8;
constexpr int EDITS = 16;

/** How a slot's row is drawn. */
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
    int top;  // most likely tokens to report
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

/** What the scan found in one tile of a row. */
struct SampleTile {
    float max;
    int best;
    int state;
    int candidates;  // more than there is room for: draw the row whole
    float score[CANDIDATES];
    int token[CANDIDATES];
};

/** Buckets before `first` are kept whole, buckets after `last` are not kept. */
struct SampleBound {
    int first;
    int last;
    u64 countBefore;
    u64 massBefore;
    u64 wanted;  // mass; 0 where it depends on what top-k leaves
};

struct SamplePick {
    float value;
    int token;
};

/** sample_{scan,histogram,bound,split,finish,logprobs}. */
struct SampleParams {
    const float* logits;    // (rows, stride), 16-byte aligned
    const SampleRow* rows;  // (slots)
    const int* step;        // SampleStep
    unsigned* counts;       // (slots, vocabulary rounded up to 4): times generated, and PROMPT
    SampleTile* tiles;      // (rows, tiles)
    unsigned* bucketCounts; // (rows, BUCKETS); zero between steps
    u64* bucketMasses;      // (rows, BUCKETS); zero between steps
    SampleBound* bounds;    // (rows)
    int* listSizes;         // (rows)
    int* lists;             // (rows, LIST)
    SamplePick* picks;      // (rows, chunks)
    int* ids;               // (rows)
    float* logprobs;        // (rows, LOGPROB_WORDS)
    int* lastTokens;        // (slots) drawn last
    int* ended;             // (slots) 1: its row has drawn a stop id or had bad logits, and draws no more
    const unsigned* stops;  // (slots, vocabulary / 32 rounded up) a bit for each token that ends the row
    const SampleEdit* edits; // (slots, maxEdits) ascending by token, 16-byte aligned
    int stride;             // a multiple of 4
    int vocabulary;
    int maxRows;
    int maxEdits;
};

/** Tokens of the vocabulary that the head draws among at once: one of its weight's tiles. */
constexpr int HEAD_TILE = 64;

/** What the head found in one of its tiles of a row. */
struct HeadTile {
    float max;
    int best;
    float rank;  // the highest; -infinity where no noise is wanted
    int state;
};

/** head_{bf16,f16}_{16,32,64,128,large}: the logits of greedy and plain rows, and the first half of their draws. */
struct HeadParams {
    MatmulParams product;   // STORE, sampledOnly, one segment; outRows: logits, of some tiles only
    const SampleRow* rows;  // (slots)
    const int* sample;      // SampleStep
    HeadTile* tiles;        // (rows, tiles)
    SamplePick* candidates; // (rows, tiles) logit and token of the highest rank
    int maxRows;
    int reserved;
};

/** sample_pick: after a head that drew in its epilogue. */
struct PickParams {
    SampleParams sample;
    const HeadTile* tiles;        // (rows, tiles)
    const SamplePick* candidates; // (rows, tiles) logit and token of the highest rank
};

/** Of a row: value of the drawn token, values of the most likely, their ids. */
constexpr int LOGPROB_WORDS = 1 + 2 * MAX_TOP;

/**
 * A step: number of rows, of general rows, of rows with log probabilities, of the step, of its place among the outputs,
 * three times 0; then maxRows each of slots, positions, indices of general rows, indices of rows with log probabilities.
 */
constexpr int STEP_HEADER = 8;

/** A row that its slot is given to. */
struct NewRow {
    SampleRow row;
    int slot;
    int firstStop;  // of its stop ids
    int stops;
    int firstEdit;  // the word in stopIds where its edits begin; a multiple of 4
};

/** sample_begin. */
struct BeginParams {
    SampleRow* rows;        // (slots)
    int* lastTokens;        // (slots)
    int* ended;             // (slots)
    unsigned* stops;        // (slots, vocabulary / 32 rounded up)
    const NewRow* newRows;  // (CTAs)
    const int* stopIds;     // and edits, 16-byte aligned
    SampleEdit* edits;      // (slots, maxEdits)
    int vocabulary;
    int maxEdits;
};

/**
 * A step's output in the host's memory: its number, 0, when its first kernel began and when its last one was done, in
 * nanoseconds of the GPU's clock, 10 words of nothing; then ids (rows) and log probabilities (rows, LOGPROB_WORDS). The
 * number is written last: who sees it sees all.
 */
constexpr int OUTPUT_HEADER = 16;
constexpr int OUTPUT_BEGAN = 2;
constexpr int OUTPUT_DONE = 4;

/** sample_deliver. */
struct DeliverParams {
    const int* step;        // SampleStep
    const int* ids;         // (rows)
    const int* logprobs;    // (rows, LOGPROB_WORDS)
    const u64* began;       // when the step's first kernel began
    int* outputs;           // (places, outputWords), mapped host memory, 64-byte aligned
    int maxRows;
    int outputWords;
};

/** sample_admit. */
struct AdmitParams {
    unsigned* counts;
    const int4* rows;  // (CTAs) slot, first of its tokens, tokens of the prompt, tokens in all
    const int* tokens;
    int vocabulary;
    int reserved;
};

// What the host and sample.cu agree on; like params.h, pointers before words of 4 bytes.
#pragma once

typedef unsigned long long u64;

constexpr int CANDIDATES = 4;
/** Most log probabilities of other tokens that a request can ask for. */
constexpr int MAX_TOP = 20;
/** Tokens that a row's list has room for. */
constexpr int LIST = 4096;

/** Flags of a row: has a repetition penalty; has any penalty; top-k, top-p, min-p or a temperature below 2^-10. */
constexpr int REPETITION = 1;
constexpr int PENALTIES = 2;
constexpr int GENERAL = 4;

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
    int reserved[3];
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
    float* logprobs;        // (rows, 1 + MAX_TOP values + MAX_TOP ids)
    int stride;             // a multiple of 4
    int vocabulary;
    int maxRows;
    int reserved;
};

/**
 * A step: number of rows, of general rows, of rows with log probabilities, 0; then maxRows each of slots, positions,
 * indices of general rows, indices of rows with log probabilities.
 */
constexpr int STEP_HEADER = 4;

/** sample_admit. */
struct AdmitParams {
    unsigned* counts;
    const int4* rows;  // (CTAs) slot, first of its tokens, tokens of the prompt, tokens in all
    const int* tokens;
    int vocabulary;
    int reserved;
};

package io.millrace.gpu.backend.cpu;

import io.millrace.gpu.GenerationResult.TokenLogprobs;
import io.millrace.gpu.SamplingParameters;
import io.millrace.gpu.backend.SamplingRow;
import io.millrace.gpu.backend.StepOutput;

/**
 * Draws tokens from logits by the rule of {@code docs/numerics.md}, "Sampling". Owns scratch memory
 * for one row, so one thread at a time; the logits it is given stay as they are.
 */
final class CpuSampler {
    /** Probabilities become integers by this factor, so that their sums have no order. */
    private static final float MASS_SCALE = 0x1p40f;

    private final int vocabularySize;

    /** Logits after penalties, then their distance to the largest over the temperature. */
    private final float[] scores;

    /** How often each token was generated; all zero between calls. */
    private final int[] counts;

    /** Whether the repetition penalty has met each token; all false between calls. */
    private final boolean[] seen;

    /** Token ids: a heap by {@link #before}, then from its front on the tokens in that order. */
    private final int[] heap;

    private final int[] ordered;

    /** The last four words drawn, and what they were drawn for. */
    private final int[] words = new int[4];

    private int wordsGroup;

    CpuSampler(int vocabularySize) {
        this.vocabularySize = vocabularySize;
        scores = new float[vocabularySize];
        counts = new int[vocabularySize];
        seen = new boolean[vocabularySize];
        heap = new int[vocabularySize];
        ordered = new int[vocabularySize];
    }

    /**
     * The next token of a completion.
     *
     * @param logits raw logits, {@code vocabularySize} of them from {@code offset} on
     * @return a token id, or {@link StepOutput#BAD_LOGITS} if a logit is NaN or positive infinity,
     *     or all are negative infinity
     */
    int sample(float[] logits, int offset, SamplingRow row) {
        SamplingParameters p = row.parameters;
        float temperature = (float) p.temperature();
        boolean greedy = temperature < Float.MIN_NORMAL;
        boolean penalized =
                p.repetitionPenalty() != 1 || p.presencePenalty() != 0 || p.frequencyPenalty() != 0;
        int best = argmax(logits, offset);
        if (best < 0 || greedy && !penalized) {
            return best;
        }
        System.arraycopy(logits, offset, scores, 0, vocabularySize);
        if (penalized) {
            penalize(row);
            best = argmax(scores, 0);
            if (greedy) {
                return best;
            }
        }
        float top = scores[best];
        for (int i = 0; i < vocabularySize; i++) {
            scores[i] = (scores[i] - top) / temperature;
        }
        return draw(row, best, restrict(p));
    }

    /**
     * Log probabilities at one position, by log-softmax of the raw logits.
     *
     * @param tokenId the generated token
     * @param top how many of the most likely tokens to report besides
     */
    TokenLogprobs logprobs(float[] logits, int offset, int tokenId, int top) {
        int best = argmax(logits, offset);
        float max = logits[offset + best];
        float logSum = SamplingMath.log(sumOfExp(logits, offset, max));
        int n = Math.min(top, vocabularySize);
        int[] ids = new int[n];
        float[] values = new float[n];
        if (n > 0) {
            System.arraycopy(logits, offset, scores, 0, vocabularySize);
            int size = heapify(Float.NEGATIVE_INFINITY);
            for (int i = 0; i < n; i++) {
                ids[i] = pop(size--);
                values[i] = logits[offset + ids[i]] - max - logSum;
            }
        }
        return new TokenLogprobs(tokenId, logits[offset + tokenId] - max - logSum, ids, values);
    }

    private int argmax(float[] logits, int offset) {
        int best = StepOutput.BAD_LOGITS;
        float max = Float.NEGATIVE_INFINITY;
        for (int i = 0; i < vocabularySize; i++) {
            float v = logits[offset + i];
            if (v > max) {
                max = v;
                best = i;
            } else if (v != v) {
                return StepOutput.BAD_LOGITS;
            }
        }
        return max == Float.POSITIVE_INFINITY ? StepOutput.BAD_LOGITS : best;
    }

    private void penalize(SamplingRow row) {
        SamplingParameters p = row.parameters;
        float repetition = (float) p.repetitionPenalty();
        float frequency = (float) p.frequencyPenalty();
        float presence = (float) p.presencePenalty();
        if (p.repetitionPenalty() != 1) {
            for (int token : row.prompt) {
                repeat(token, repetition);
            }
            for (int i = 0; i < row.generatedCount; i++) {
                repeat(row.generated[i], repetition);
            }
            for (int token : row.prompt) {
                seen[token] = false;
            }
        }
        for (int i = 0; i < row.generatedCount; i++) {
            counts[row.generated[i]]++;
        }
        for (int i = 0; i < row.generatedCount; i++) {
            int token = row.generated[i];
            seen[token] = false;
            if (counts[token] > 0) {
                scores[token] = bounded(scores[token] - frequency * counts[token] - presence);
                counts[token] = 0;
            }
        }
    }

    private void repeat(int token, float repetition) {
        if (!seen[token]) {
            seen[token] = true;
            float v = scores[token];
            scores[token] = bounded(v > 0 ? v / repetition : v * repetition);
        }
    }

    /** An absurd penalty must not make an infinity, and with it a NaN, of a good logit. */
    private static float bounded(float v) {
        return Math.max(-Float.MAX_VALUE, Math.min(Float.MAX_VALUE, v));
    }

    /**
     * Applies top-k and top-p.
     *
     * @return how many tokens are left at the front of {@link #ordered}; -1 if none was taken out
     */
    private int restrict(SamplingParameters p) {
        boolean topK = p.topK() > 0 && p.topK() < vocabularySize;
        boolean topP = p.topP() < 1;
        if (!topK && !topP) {
            return -1;
        }
        int size;
        int kept = 0;
        long mass = 0;
        if (topK) {
            size = heapify(Float.NEGATIVE_INFINITY);
            while (kept < p.topK()) {
                int token = pop(size--);
                ordered[kept++] = token;
                mass += mass(scores[token]);
            }
            return topP ? nucleus(kept, wanted(p.topP(), mass)) : kept;
        }
        for (int i = 0; i < vocabularySize; i++) {
            mass += mass(scores[i]);
        }
        long wanted = wanted(p.topP(), mass);
        // Tokens without mass come last in the order and cannot be reached.
        size = heapify(-28f);
        for (long sum = 0; sum < wanted && size > 0; ) {
            int token = pop(size--);
            ordered[kept++] = token;
            sum += mass(scores[token]);
        }
        return kept;
    }

    private int nucleus(int size, long wanted) {
        int kept = 0;
        for (long sum = 0; sum < wanted && kept < size; kept++) {
            sum += mass(scores[ordered[kept]]);
        }
        return kept;
    }

    private static long mass(float score) {
        return (long) (SamplingMath.exp(score) * MASS_SCALE);
    }

    private static long wanted(double topP, long mass) {
        return Math.max(1, Math.min(mass, (long) (topP * (double) mass)));
    }

    /** Draws among the first {@code kept} of {@link #ordered}, or among all if that is -1. */
    private int draw(SamplingRow row, int best, int kept) {
        float leastProbability = (float) row.parameters.minP();
        int k0 = (int) row.seed;
        int k1 = (int) (row.seed >>> 32);
        wordsGroup = -1;
        // The likeliest token first: with its value known, few others need their noise drawn.
        int winner = best;
        float highest = scores[best] + noise(row, best, k0, k1);
        int candidates = kept < 0 ? vocabularySize : kept;
        for (int i = 0; i < candidates; i++) {
            int token = kept < 0 ? i : ordered[i];
            float score = scores[token];
            if (score + SamplingMath.NOISE_CEILING < highest
                    || leastProbability > 0 && SamplingMath.exp(score) < leastProbability) {
                continue;
            }
            float value = score + noise(row, token, k0, k1);
            if (value > highest || value == highest && token < winner) {
                highest = value;
                winner = token;
            }
        }
        return winner;
    }

    private float noise(SamplingRow row, int token, int k0, int k1) {
        int group = token >>> 2;
        if (group != wordsGroup) {
            Philox.block(group, row.position, row.completion, 0, k0, k1, words);
            wordsGroup = group;
        }
        return SamplingMath.noise(words[token & 3]);
    }

    /**
     * Lane i of 16 adds tokens i, i + 16, ... in turn; then lane i gets lane i + 8, + 4, + 2, + 1.
     */
    private float sumOfExp(float[] logits, int offset, float max) {
        float[] lanes = new float[16];
        for (int i = 0; i < vocabularySize; i++) {
            lanes[i & 15] += SamplingMath.exp(logits[offset + i] - max);
        }
        for (int width = 8; width > 0; width >>= 1) {
            for (int i = 0; i < width; i++) {
                lanes[i] += lanes[i + width];
            }
        }
        return lanes[0];
    }

    /** Higher score first, ties to the lower id. */
    private boolean before(int a, int b) {
        return scores[a] > scores[b] || scores[a] == scores[b] && a < b;
    }

    /** Builds the heap of all tokens whose score is at least {@code floor}; returns its size. */
    private int heapify(float floor) {
        int size = 0;
        for (int i = 0; i < vocabularySize; i++) {
            if (scores[i] >= floor) {
                heap[size++] = i;
            }
        }
        for (int i = (size >>> 1) - 1; i >= 0; i--) {
            sink(i, size);
        }
        return size;
    }

    /** Takes the first of a heap of {@code size}; the caller counts down. */
    private int pop(int size) {
        int first = heap[0];
        heap[0] = heap[size - 1];
        sink(0, size - 1);
        return first;
    }

    private void sink(int i, int size) {
        while (true) {
            int child = 2 * i + 1;
            if (child >= size) {
                return;
            }
            if (child + 1 < size && before(heap[child + 1], heap[child])) {
                child++;
            }
            if (!before(heap[child], heap[i])) {
                return;
            }
            int swap = heap[i];
            heap[i] = heap[child];
            heap[child] = swap;
            i = child;
        }
    }
}

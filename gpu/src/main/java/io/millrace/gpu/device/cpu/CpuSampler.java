package io.millrace.gpu.device.cpu;

import io.millrace.gpu.api.GenerationResult.TokenLogprobs;
import io.millrace.gpu.api.SamplingParameters;
import io.millrace.gpu.program.StepOutput;
import io.millrace.gpu.sampling.Philox;
import io.millrace.gpu.sampling.SamplingFeatures;
import io.millrace.gpu.sampling.SamplingMath;
import io.millrace.gpu.sampling.SamplingRow;
import java.util.Arrays;

/**
 * Samples tokens from logits by the rule of {@code docs/numerics.md}, "Sampling". Owns scratch
 * memory for one row, so one thread at a time; it does not change the logits.
 */
public final class CpuSampler {
    /** Factor of probabilities as integers, whose sums do not depend on their order. */
    private static final float MASS_SCALE = 0x1p40f;

    private static final int BUCKETS = 4096;
    private static final float BUCKETS_PER_UNIT = 128f;

    /** Stands for a number of kept tokens: all. */
    private static final int ALL = -1;

    private final int vocabularySize;

    /** Logits after penalties, edits and mask; then scores, (l - max) / T. */
    private final float[] scores;

    /** 32-bit words of scratch per token of the vocabulary, rounded up. */
    static final int WORDS_PER_TOKEN = 5;

    /** Number of times each token was generated; all zero between calls. */
    private final int[] counts;

    /** Whether the repetition penalty was applied to each token; all false between calls. */
    private final boolean[] seen;

    /**
     * Weights of scores in steps of 1/128 from the largest down; the last bucket has all the rest.
     */
    private final long[] buckets = new long[BUCKETS];

    /** Ids of the tokens that are kept so far. */
    private final int[] kept;

    /** Token ids: a heap by {@link #before}. */
    private final int[] heap;

    /** The last Philox block, and its group of tokens. */
    private final int[] words = new int[4];

    private int wordsGroup;

    public CpuSampler(int vocabularySize) {
        this.vocabularySize = vocabularySize;
        scores = new float[vocabularySize];
        counts = new int[vocabularySize];
        seen = new boolean[vocabularySize];
        heap = new int[vocabularySize];
        kept = new int[vocabularySize];
    }

    /**
     * Samples the next token of a completion.
     *
     * @param logits raw logits, {@code vocabularySize} of them from {@code offset} on
     * @return a token id, or {@link StepOutput#BAD_LOGITS} if a logit is NaN or positive infinity,
     *     or all are negative infinity, raw or after edits and mask
     */
    public int sample(float[] logits, int offset, SamplingRow row) {
        SamplingFeatures features = row.features;
        boolean greedy = features.greedy();
        int best = argmax(logits, offset);
        boolean changed = features.penalties() || features.edits() || features.masked();
        if (best < 0 || greedy && !changed) {
            return best;
        }
        System.arraycopy(logits, offset, scores, 0, vocabularySize);
        if (features.penalties()) {
            penalize(row);
        }
        if (features.edits()) {
            row.edits.apply(scores, row.position);
        }
        if (features.masked()) {
            row.constrained.apply(scores);
        }
        if (changed) {
            best = argmax(scores, 0);
            if (best < 0 || greedy) {
                return best;
            }
        }
        float temperature = (float) row.parameters.temperature();
        float top = scores[best];
        for (int i = 0; i < vocabularySize; i++) {
            scores[i] = (scores[i] - top) / temperature;
        }
        return pick(row, best, restrict(row));
    }

    /**
     * Log probabilities at one position, by log-softmax of the raw logits.
     *
     * @param tokenId the generated token
     * @param top number of most likely tokens to report
     */
    public TokenLogprobs logprobs(float[] logits, int offset, int tokenId, int top) {
        int best = argmax(logits, offset);
        float max = logits[offset + best];
        float logSum = SamplingMath.log(sumOfExp(logits, offset, max));
        int n = Math.min(top, vocabularySize);
        int[] ids = new int[n];
        float[] values = new float[n];
        if (n > 0) {
            for (int i = 0; i < vocabularySize; i++) {
                scores[i] = logits[offset + i] - max;
            }
            int size = first(ALL, false, n, 1);
            System.arraycopy(kept, 0, heap, 0, size);
            heapify(size);
            for (int i = 0; i < n; i++) {
                ids[i] = pop(size--);
                values[i] = scores[ids[i]] - logSum;
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
        float repetition = row.repetitionPenalty();
        float frequency = (float) p.frequencyPenalty();
        float presence = (float) p.presencePenalty();
        if (row.features.repetition()) {
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
                float v = scores[token] - frequency * counts[token] - presence;
                scores[token] = penalized(scores[token], v);
                counts[token] = 0;
            }
        }
    }

    private void repeat(int token, float repetition) {
        if (!seen[token]) {
            seen[token] = true;
            float v = scores[token];
            scores[token] = penalized(v, v > 0 ? v / repetition : v * repetition);
        }
    }

    /** A penalized logit, finite; a logit of -infinity stays, so that it is never sampled. */
    private static float penalized(float logit, float value) {
        return logit == Float.NEGATIVE_INFINITY ? logit : SamplingMath.bounded(value);
    }

    /**
     * Applies top-k and top-p.
     *
     * @return number of tokens in {@link #kept}; {@link #ALL} if none was filtered
     */
    private int restrict(SamplingRow row) {
        int size = ALL;
        if (row.features.isTopK(vocabularySize)) {
            size = first(size, false, row.features.topK(), 1);
        }
        if (row.features.topP()) {
            size = first(size, true, Long.MAX_VALUE, row.parameters.topP());
        }
        return size;
    }

    /**
     * Keeps those of the {@code size} tokens so far before which, in order, the weights sum to less
     * than {@code wanted}, or than {@code share} of all if that is less.
     *
     * <p>Only the bucket in which the sum reaches that limit is sorted.
     *
     * @param byMass whether the weight of a token is its probability mass; otherwise it is 1
     * @return number of kept tokens, which are in no order
     */
    private int first(int size, boolean byMass, long wanted, double share) {
        int candidates = size == ALL ? vocabularySize : size;
        Arrays.fill(buckets, 0);
        long total = 0;
        for (int i = 0; i < candidates; i++) {
            float score = scores[size == ALL ? i : kept[i]];
            long weight = byMass ? mass(score) : 1;
            buckets[bucket(score)] += weight;
            total += weight;
        }
        long limit = Math.min(wanted, share < 1 ? share(share, total) : total);
        long sum = 0;
        int last = 0;
        while (sum + buckets[last] < limit) {
            sum += buckets[last++];
        }
        int count = 0;
        int heapSize = 0;
        for (int i = 0; i < candidates; i++) {
            int token = size == ALL ? i : kept[i];
            int bucket = bucket(scores[token]);
            if (bucket < last) {
                kept[count++] = token;
            } else if (bucket == last) {
                heap[heapSize++] = token;
            }
        }
        heapify(heapSize);
        while (sum < limit) {
            int token = pop(heapSize--);
            kept[count++] = token;
            sum += byMass ? mass(scores[token]) : 1;
        }
        return count;
    }

    private static int bucket(float score) {
        return Math.min(BUCKETS - 1, (int) (-score * BUCKETS_PER_UNIT));
    }

    private static long mass(float score) {
        return (long) (SamplingMath.exp(score) * MASS_SCALE);
    }

    private static long share(double share, long mass) {
        return Math.max(1, Math.min(mass, (long) (share * (double) mass)));
    }

    /** Samples among the first {@code size} of {@link #kept}, or among all. */
    private int pick(SamplingRow row, int best, int size) {
        float leastProbability = (float) row.parameters.minP();
        // Clearly below the logarithm of min-p, a score is too low without computing its exp.
        float leastScore = (float) Math.log(leastProbability) - 0.001f;
        int k0 = (int) row.seed;
        int k1 = (int) (row.seed >>> 32);
        wordsGroup = -1;
        // The most likely token first: given its value, few others need their noise.
        int winner = best;
        float highest = scores[best] + SamplingMath.noise(word(row, best, k0, k1));
        int candidates = size == ALL ? vocabularySize : size;
        for (int i = 0; i < candidates; i++) {
            int token = size == ALL ? i : kept[i];
            float score = scores[token];
            if (score < leastScore || score + SamplingMath.NOISE_CEILING < highest) {
                continue;
            }
            if (row.features.minP() && SamplingMath.exp(score) < leastProbability) {
                continue;
            }
            int word = word(row, token, k0, k1);
            if (score + SamplingMath.noiseCeiling(word) < highest) {
                continue;
            }
            float value = score + SamplingMath.noise(word);
            if (value > highest || value == highest && token < winner) {
                highest = value;
                winner = token;
            }
        }
        return winner;
    }

    private int word(SamplingRow row, int token, int k0, int k1) {
        int group = token >>> 2;
        if (group != wordsGroup) {
            Philox.block(group, row.position, row.completion, 0, k0, k1, words);
            wordsGroup = group;
        }
        return words[token & 3];
    }

    /**
     * Lane i of 16 adds tokens i, i + 16, ... in order; then lane i adds lane i + 8, + 4, + 2, + 1.
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

    private void heapify(int size) {
        for (int i = (size >>> 1) - 1; i >= 0; i--) {
            sink(i, size);
        }
    }

    /** Removes the first of a heap of {@code size}; the caller decrements the size. */
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

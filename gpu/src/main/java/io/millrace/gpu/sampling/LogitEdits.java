package io.millrace.gpu.sampling;

import io.millrace.gpu.api.SamplingParameters;
import java.util.Arrays;
import java.util.Collection;
import java.util.Map;
import java.util.TreeMap;

/**
 * Changes of single tokens' logits after penalties, by {@code docs/numerics.md}, "Sampling": bias,
 * suppressed tokens, minimum of tokens. Sorted by token, each once.
 *
 * <pre>
 * token    3     17     54         before position until the logit is -infinity,
 * bias     0     0.5    -2         from there on the bias is added to it
 * until    max   0      12
 * </pre>
 */
public final class LogitEdits {
    /** Most tokens of one completion. */
    public static final int MOST = 2048;

    /** None. */
    public static final LogitEdits NONE = new LogitEdits(new int[0], new float[0], new int[0]);

    private final int[] tokens;
    private final float[] biases;
    private final int[] untils;

    /** The position from which on none changes a logit. */
    private final long end;

    /**
     * @param tokens ascending, each once; none negative
     * @param biases added to their logits; 0 changes nothing
     * @param untils absolute positions before which they cannot be sampled
     */
    public LogitEdits(int[] tokens, float[] biases, int[] untils) {
        this.tokens = tokens;
        this.biases = biases;
        this.untils = untils;
        long last = 0;
        for (int i = 0; i < tokens.length; i++) {
            last = Math.max(last, biases[i] != 0 ? Long.MAX_VALUE : untils[i]);
        }
        end = last;
    }

    /**
     * Those of a completion with such parameters.
     *
     * @param stopIds tokens that end it; negative ones are none
     * @param promptLength position of its first token
     */
    public static LogitEdits of(SamplingParameters p, int[] stopIds, int promptLength) {
        Map<Integer, Integer> untils = new TreeMap<>();
        if (p.minTokens() > 0) {
            int until = (int) Math.min(Integer.MAX_VALUE, (long) promptLength + p.minTokens());
            Arrays.stream(stopIds).filter(id -> id >= 0).forEach(id -> untils.put(id, until));
        }
        p.suppressTokens().forEach(id -> untils.put(id, Integer.MAX_VALUE));
        p.logitBias().keySet().forEach(id -> untils.putIfAbsent(Integer.valueOf(id), 0));
        return untils.isEmpty()
                ? NONE
                : new LogitEdits(
                        ints(untils.keySet()),
                        biases(untils.keySet(), p.logitBias()),
                        ints(untils.values()));
    }

    private static float[] biases(Collection<Integer> tokens, Map<String, Double> by) {
        float[] biases = new float[tokens.size()];
        int i = 0;
        for (int token : tokens) {
            biases[i++] = by.getOrDefault(Integer.toString(token), 0.0).floatValue();
        }
        return biases;
    }

    private static int[] ints(Collection<Integer> values) {
        return values.stream().mapToInt(Integer::intValue).toArray();
    }

    public int size() {
        return tokens.length;
    }

    /** How many there are of the first {@code vocabulary} tokens. */
    public int size(int vocabulary) {
        int size = tokens.length;
        while (size > 0 && tokens[size - 1] >= vocabulary) {
            size--;
        }
        return size;
    }

    public int token(int i) {
        return tokens[i];
    }

    public float bias(int i) {
        return biases[i];
    }

    public int until(int i) {
        return untils[i];
    }

    /** Whether none of them changes a logit from this position on. */
    public boolean endBefore(int position) {
        return position >= end;
    }

    /** Changes the logits of a token at that position, after penalties. */
    public void apply(float[] logits, int position) {
        int size = size(logits.length);
        for (int i = 0; i < size; i++) {
            float v = logits[tokens[i]];
            if (position < untils[i]) {
                logits[tokens[i]] = Float.NEGATIVE_INFINITY;
            } else if (biases[i] != 0 && v > Float.NEGATIVE_INFINITY) {
                logits[tokens[i]] = SamplingMath.bounded(v + biases[i]);
            }
        }
    }
}

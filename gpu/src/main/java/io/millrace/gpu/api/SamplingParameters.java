package io.millrace.gpu.api;

import java.util.List;

/**
 * How tokens are drawn and when a completion ends; resolved, no field is absent except {@code
 * seed}.
 *
 * @param maxTokens most tokens to generate per completion, at least 1
 * @param temperature 0 is greedy; otherwise logits are divided by it
 * @param topP nucleus mass in (0, 1]; 1 is off
 * @param topK most likely tokens that may be drawn; 0 is off
 * @param minP least probability relative to the most likely token, in [0, 1]; 0 is off
 * @param repetitionPenalty greater than 0; 1 is off
 * @param presencePenalty subtracted once from tokens already generated; 0 is off
 * @param frequencyPenalty subtracted for each time a token was generated; 0 is off
 * @param seed seed of the draws; null means a hash of the request's id
 * @param stop strings that end a completion
 * @param stopTokenIds token ids that end a completion, besides the model's own
 * @param ignoreEos go on past the model's end-of-text tokens
 * @param n number of completions
 * @param logprobs most likely tokens to report per position, -1 for none at all
 */
public record SamplingParameters(
        int maxTokens,
        double temperature,
        double topP,
        int topK,
        double minP,
        double repetitionPenalty,
        double presencePenalty,
        double frequencyPenalty,
        Long seed,
        List<String> stop,
        List<Integer> stopTokenIds,
        boolean ignoreEos,
        int n,
        int logprobs) {

    public SamplingParameters {
        stop = List.copyOf(stop);
        stopTokenIds = List.copyOf(stopTokenIds);
    }

    /** Greedy, one completion of at most {@code maxTokens}. */
    public static SamplingParameters greedy(int maxTokens) {
        return builder().maxTokens(maxTokens).build();
    }

    /** Starts from greedy decoding of at most 256 tokens with everything else off. */
    public static Builder builder() {
        return new Builder();
    }

    /** Starts from these parameters. */
    public Builder toBuilder() {
        Builder b = new Builder();
        b.maxTokens = maxTokens;
        b.temperature = temperature;
        b.topP = topP;
        b.topK = topK;
        b.minP = minP;
        b.repetitionPenalty = repetitionPenalty;
        b.presencePenalty = presencePenalty;
        b.frequencyPenalty = frequencyPenalty;
        b.seed = seed;
        b.stop = stop;
        b.stopTokenIds = stopTokenIds;
        b.ignoreEos = ignoreEos;
        b.n = n;
        b.logprobs = logprobs;
        return b;
    }

    /** Collects parameters; {@link #build} does not check ranges, {@code Engine.check} does. */
    public static final class Builder {
        private int maxTokens = 256;
        private double temperature;
        private double topP = 1;
        private int topK;
        private double minP;
        private double repetitionPenalty = 1;
        private double presencePenalty;
        private double frequencyPenalty;
        private Long seed;
        private List<String> stop = List.of();
        private List<Integer> stopTokenIds = List.of();
        private boolean ignoreEos;
        private int n = 1;
        private int logprobs = -1;

        private Builder() {}

        public Builder maxTokens(int value) {
            maxTokens = value;
            return this;
        }

        public Builder temperature(double value) {
            temperature = value;
            return this;
        }

        public Builder topP(double value) {
            topP = value;
            return this;
        }

        public Builder topK(int value) {
            topK = value;
            return this;
        }

        public Builder minP(double value) {
            minP = value;
            return this;
        }

        public Builder repetitionPenalty(double value) {
            repetitionPenalty = value;
            return this;
        }

        public Builder presencePenalty(double value) {
            presencePenalty = value;
            return this;
        }

        public Builder frequencyPenalty(double value) {
            frequencyPenalty = value;
            return this;
        }

        public Builder seed(Long value) {
            seed = value;
            return this;
        }

        public Builder stop(List<String> value) {
            stop = value;
            return this;
        }

        public Builder stopTokenIds(List<Integer> value) {
            stopTokenIds = value;
            return this;
        }

        public Builder ignoreEos(boolean value) {
            ignoreEos = value;
            return this;
        }

        public Builder n(int value) {
            n = value;
            return this;
        }

        public Builder logprobs(int value) {
            logprobs = value;
            return this;
        }

        public SamplingParameters build() {
            return new SamplingParameters(
                    maxTokens,
                    temperature,
                    topP,
                    topK,
                    minP,
                    repetitionPenalty,
                    presencePenalty,
                    frequencyPenalty,
                    seed,
                    stop,
                    stopTokenIds,
                    ignoreEos,
                    n,
                    logprobs);
        }
    }
}

package io.millrace.gpu.api;

import io.millrace.gpu.api.constraint.Constraint;
import io.millrace.gpu.common.Range;
import io.millrace.gpu.common.Rule;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;
import java.util.function.Function;

/**
 * How tokens are sampled and when a completion ends, with all defaults resolved. The ranges are in
 * {@link Field}.
 *
 * @param maxTokens maximum tokens to generate per completion
 * @param temperature 0 is greedy; otherwise logits are divided by it
 * @param topP nucleus mass; 1 is off
 * @param topK number of most likely tokens to sample from; 0 is off
 * @param minP minimum probability relative to the most likely token's; 0 is off
 * @param repetitionPenalty divides the logits of tokens seen in prompt or output; 1 is off
 * @param presencePenalty subtracted once from tokens already generated; 0 is off
 * @param frequencyPenalty subtracted for each time a token was generated; 0 is off
 * @param seed seed of the random numbers; null for a hash of the request's id
 * @param stop strings that end a completion
 * @param stopTokenIds token ids that end a completion, besides the model's own
 * @param ignoreEos whether to continue after the model's end-of-text tokens
 * @param n number of completions
 * @param logprobs number of most likely tokens to report per position; {@link #NO_LOGPROBS} for no
 *     log probabilities
 * @param minTokens number of tokens before which no token that ends the completion is sampled; stop
 *     strings can end it earlier
 * @param suppressTokens token ids that are never sampled
 * @param logitBias added to the logits of tokens after penalties; keys are token ids in decimal, as
 *     in requests
 * @param constraint constraint on the text of completions; null for none
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
        int logprobs,
        int minTokens,
        List<Integer> suppressTokens,
        Map<String, Double> logitBias,
        Constraint constraint) {

    /** The value of {@code logprobs} that turns log probabilities off. */
    public static final int NO_LOGPROBS = -1;

    public SamplingParameters {
        stop = List.copyOf(stop);
        stopTokenIds = List.copyOf(stopTokenIds);
        suppressTokens = List.copyOf(suppressTokens);
        logitBias = Map.copyOf(logitBias);
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
        b.minTokens = minTokens;
        b.suppressTokens = suppressTokens;
        b.logitBias = logitBias;
        b.constraint = constraint;
        return b;
    }

    /**
     * The table of parameters: name in requests, valid values, getter and setter. All code that
     * reads or checks parameters uses it in this order, so that the first fault of a request is the
     * same everywhere.
     */
    public enum Field {
        MAX_TOKENS(
                "max_tokens", Range.atLeast(1), SamplingParameters::maxTokens, Builder::maxTokens),
        TEMPERATURE(
                "temperature",
                Range.between(0, 100),
                SamplingParameters::temperature,
                Builder::temperature),
        TOP_P("top_p", Range.greaterThan(0).atMost(1), SamplingParameters::topP, Builder::topP),
        TOP_K(
                "top_k",
                Range.atLeast(0).inWords("0 (off) or more"),
                SamplingParameters::topK,
                Builder::topK),
        MIN_P("min_p", Range.between(0, 1), SamplingParameters::minP, Builder::minP),
        REPETITION_PENALTY(
                "repetition_penalty",
                Range.greaterThan(0),
                SamplingParameters::repetitionPenalty,
                Builder::repetitionPenalty),
        PRESENCE_PENALTY(
                "presence_penalty",
                Range.between(-2, 2),
                SamplingParameters::presencePenalty,
                Builder::presencePenalty),
        FREQUENCY_PENALTY(
                "frequency_penalty",
                Range.between(-2, 2),
                SamplingParameters::frequencyPenalty,
                Builder::frequencyPenalty),
        N("n", Range.between(1, 64), SamplingParameters::n, Builder::n),
        LOGPROBS(
                "logprobs",
                Range.between(0, 20),
                p -> p.logprobs == NO_LOGPROBS ? null : p.logprobs,
                Builder::logprobs),
        MIN_TOKENS(
                "min_tokens", Range.atLeast(0), SamplingParameters::minTokens, Builder::minTokens),
        SUPPRESS_TOKENS(
                "suppress_tokens",
                Rule.tokens(1024),
                SamplingParameters::suppressTokens,
                Builder::suppressTokens),
        LOGIT_BIAS("logit_bias", Rule::biases, SamplingParameters::logitBias, Builder::logitBias),
        SEED("seed", Rule.ANY, SamplingParameters::seed, Builder::seed),
        STOP("stop", Rule.texts(16), SamplingParameters::stop, Builder::stop),
        STOP_TOKEN_IDS(
                "stop_token_ids",
                Rule::tokens,
                SamplingParameters::stopTokenIds,
                Builder::stopTokenIds),
        IGNORE_EOS("ignore_eos", Rule.ANY, SamplingParameters::ignoreEos, Builder::ignoreEos),
        CONSTRAINT("constraint", Rule.ANY, SamplingParameters::constraint, Builder::constraint);

        private final String requestName;
        private final Rule<Object> rule;
        private final Function<SamplingParameters, ?> getter;
        private final BiConsumer<Builder, Object> setter;

        /** A numeric parameter. */
        <T extends Number> Field(
                String requestName,
                Range range,
                Function<SamplingParameters, T> getter,
                BiConsumer<Builder, T> setter) {
            this(requestName, Rule.numbers(range), getter, setter);
        }

        @SuppressWarnings("unchecked") // Values come from the getter or from a request's field.
        <T> Field(
                String requestName,
                Rule<? super T> rule,
                Function<SamplingParameters, T> getter,
                BiConsumer<Builder, T> setter) {
            this.requestName = requestName;
            this.rule = (Rule<Object>) rule;
            this.getter = getter;
            this.setter = (BiConsumer<Builder, Object>) setter;
        }

        /** Its name in requests; for most parameters also that in generation_config.json. */
        public String requestName() {
            return requestName;
        }

        /** Its value, boxed; null if absent. */
        public Object get(SamplingParameters parameters) {
            return getter.apply(parameters);
        }

        /**
         * Sets the parameter, without checking its range.
         *
         * @param value value of the type that requests have
         * @throws ClassCastException the value is of another type
         */
        public void set(Builder builder, Object value) {
            setter.accept(builder, value);
        }

        /**
         * The fault of a value.
         *
         * @param called the caller's name of the parameter
         * @param value boxed, not null
         * @param vocabulary number of the model's tokens; {@link Integer#MAX_VALUE} if unknown
         * @return one sentence with name, value and range; null if the value is valid
         */
        public String fault(String called, Object value, int vocabulary) {
            return rule.fault(called, value, vocabulary);
        }
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
        private int logprobs = NO_LOGPROBS;
        private int minTokens;
        private List<Integer> suppressTokens = List.of();
        private Map<String, Double> logitBias = Map.of();
        private Constraint constraint;

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

        public Builder minTokens(int value) {
            minTokens = value;
            return this;
        }

        public Builder suppressTokens(List<Integer> value) {
            suppressTokens = value;
            return this;
        }

        public Builder logitBias(Map<String, Double> value) {
            logitBias = value;
            return this;
        }

        public Builder constraint(Constraint value) {
            constraint = value;
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
                    logprobs,
                    minTokens,
                    suppressTokens,
                    logitBias,
                    constraint);
        }
    }
}

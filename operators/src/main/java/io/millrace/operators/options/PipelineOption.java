package io.millrace.operators.options;

import io.millrace.gpu.api.OptionNames;
import io.millrace.gpu.common.Range;
import io.millrace.gpu.common.Setting;
import io.millrace.gpu.common.Setting.Names;
import io.millrace.gpu.common.Setting.Values;
import java.time.Duration;
import java.util.List;
import java.util.function.BiConsumer;
import java.util.function.Function;
import java.util.stream.Stream;

/** The table of {@link PipelineOptions}, one row per option: names, values, default and meaning. */
public enum PipelineOption {
    PARTITIONING(
            Names.of("partitioning", "--partitioning", null),
            Values.oneOf(Partitioning.NONE),
            "none: each subtask answers the requests that it reads. prefix: the network sends"
                    + " requests that begin alike, or have the same routing_key, to one engine, which"
                    + " finds them in its prefix cache; for engines in several processes, with"
                    + " unordered dynamic batching.",
            PipelineOptions::partitioning,
            PipelineOptions.Builder::partitioning),
    BATCHING(
            Names.of("batching", "--batching", null),
            Values.oneOf(Batching.DYNAMIC),
            "dynamic: requests join the engine between any two steps and leave when they are"
                    + " finished. static: a batch runs to its end before the next one starts.",
            PipelineOptions::batching,
            PipelineOptions.Builder::batching),
    BATCH_SIZE(
            Names.of("batchSize", "--batch-size", "COUNT"),
            Values.of(32, Range.atLeast(1)),
            "Maximum number of requests in a static batch.",
            PipelineOptions::batchSize,
            PipelineOptions.Builder::batchSize),
    BATCH_TIMEOUT(
            Names.of("batchTimeoutMs", "--batch-timeout", "TIME"),
            Values.ofTime(Duration.ofMillis(100), "100ms", Range.atLeast(1)),
            "Maximum time that a request waits for its static batch to fill.",
            options -> Duration.ofMillis(options.batchTimeoutMs()),
            (builder, value) -> builder.batchTimeoutMs(value.toMillis())),
    LINGER(
            Names.inJava("lingerMs"),
            Values.of(0L, Range.atLeast(0)),
            "Maximum time, in ms, that dynamic batching holds requests to group equal prefixes; 0"
                    + " passes each on at once.",
            PipelineOptions::lingerMs,
            PipelineOptions.Builder::lingerMs),
    ORDERED(
            Names.of("ordered", "--ordered", null),
            Values.flag(),
            "Emits the answers of a partition in the order of its requests, instead of each when it"
                    + " is finished.",
            PipelineOptions::ordered,
            PipelineOptions.Builder::ordered),
    DEDUPE(
            Names.inJava("dedupeBytes"),
            Values.of(0L, Range.atLeast(0)),
            "Memory, in bytes, in a subtask for answers that equal requests are to have where their"
                    + " seed is not their id; 0 has every request computed. With dynamic batching.",
            PipelineOptions::dedupeBytes,
            PipelineOptions.Builder::dedupeBytes),
    LONGEST_FIRST(
            Names.inJava("longestFirst"),
            Values.flag(),
            "Of the waiting requests of one priority, begins those that may have longer answers"
                    + " first.",
            PipelineOptions::longestFirst,
            PipelineOptions.Builder::longestFirst),
    RESUME(
            Names.of("resume", "--resume", null),
            Values.oneOf(ResumePolicy.Resume.CONTINUE),
            "Whether half-answered requests of the resumed state continue after their saved tokens,"
                    + " or restart at the first token. The answers are the same.",
            options -> options.resumePolicy().resume(),
            PipelineOptions.Builder::resume),
    ON_MODEL_CHANGE(
            Names.of("onModelChange", "--on-model-change", null),
            Values.oneOf(ResumePolicy.OnModelChange.FAIL),
            "What to do if the resumed state is from another model, tokenizer or kernels: fail;"
                    + " restart half-answered requests at their first token; or continue after the"
                    + " old model's tokens, and name both models in model_fingerprint.",
            options -> options.resumePolicy().onModelChange(),
            PipelineOptions.Builder::onModelChange),
    MAX_IN_FLIGHT(
            Names.of("maxInFlightRequests", "--max-in-flight", "COUNT"),
            Values.decidedLater(
                    0, "four times --max-sequences, so that there is a queue", Range.atLeast(1)),
            "Number of requests in flight at which a subtask stops reading.",
            PipelineOptions::maxInFlightRequests,
            PipelineOptions.Builder::maxInFlightRequests),
    MAX_IN_FLIGHT_TOKENS(
            Names.of("maxInFlightTokens", "--max-in-flight-tokens", "TOKENS"),
            Values.of(1L << 20, Range.atLeast(1)),
            "Number of tokens in flight (prompts and max_tokens together) at which a subtask stops"
                    + " reading.",
            PipelineOptions::maxInFlightTokens,
            PipelineOptions.Builder::maxInFlightTokens),
    MAX_PROMPT_BYTES(
            Names.of("maxPromptBytes", "--max-prompt-size", "SIZE"),
            Values.ofBytes(1L << 20, "1m", Range.atLeast(1)),
            "Maximum bytes of a prompt's text, or of a conversation's texts together; a longer one"
                    + " becomes a dead letter without being tokenized.",
            PipelineOptions::maxPromptBytes,
            PipelineOptions.Builder::maxPromptBytes),
    STEP_TIMEOUT(
            Names.of("stepTimeout", "--step-timeout", "TIME"),
            Values.ofTime(Duration.ofMinutes(5), "5min", Range.atLeast(0)),
            "Maximum time of one step of the engine; a longer step is stopped and fails the job's"
                    + " tasks, or ends the process if it cannot be stopped. 0s for no limit.",
            options -> options.faults().stepTimeout(),
            PipelineOptions.Builder::stepTimeout),
    MAX_ATTEMPTS(
            Names.of("maxAttempts", "--max-attempts", "COUNT"),
            Values.of(3, Range.atLeast(1)),
            "Number of times that a request may crash the engine while it runs alone, before it"
                    + " becomes a dead letter.",
            options -> options.faults().maxAttempts(),
            PipelineOptions.Builder::maxAttempts);

    private final Setting setting;
    private final Function<PipelineOptions, ?> getter;
    private final BiConsumer<PipelineOptions.Builder, Object> setter;

    @SuppressWarnings("unchecked") // A value has the type of the setting's kind.
    <T> PipelineOption(
            Names names,
            Values values,
            String sentence,
            Function<PipelineOptions, T> getter,
            BiConsumer<PipelineOptions.Builder, T> setter) {
        this.setting = new Setting(names, values, sentence);
        this.getter = getter;
        this.setter = (BiConsumer<PipelineOptions.Builder, Object>) setter;
    }

    /** Names, values, default and meaning. */
    public Setting setting() {
        return setting;
    }

    /** All options, in the order of the command line's help. */
    public static List<Setting> settings() {
        return Stream.of(values()).map(PipelineOption::setting).toList();
    }

    /** Its value, of the type of its {@link Setting.Kind}. */
    public Object of(PipelineOptions options) {
        return getter.apply(options);
    }

    /**
     * Sets the option.
     *
     * @param value value of the type of its {@link Setting.Kind}
     */
    public void set(PipelineOptions.Builder builder, Object value) {
        setter.accept(builder, value);
    }

    /** Translates options of pipeline and engine in a message to the caller's names. */
    public static String say(OptionNames names, String message) {
        return names.say(names.say(message, settings()));
    }

    /**
     * Refuses a value out of range.
     *
     * @throws IllegalArgumentException one sentence with the option, the value and the range
     */
    void check(Object value, OptionNames names) {
        String fault = setting.faultInJava(value);
        if (fault != null) {
            throw new IllegalArgumentException(say(names, fault));
        }
    }
}

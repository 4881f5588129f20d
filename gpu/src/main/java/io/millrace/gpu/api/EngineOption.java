package io.millrace.gpu.api;

import io.millrace.gpu.common.Range;
import io.millrace.gpu.common.Setting;
import io.millrace.gpu.common.Setting.Names;
import io.millrace.gpu.common.Setting.Values;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Stream;

/**
 * The table of {@link EngineOptions}, one row per component: names, values, default and meaning.
 */
public enum EngineOption {
    MODEL(
            Names.of("model", "--model", "DIR"),
            Values.requiredText(),
            "Folder of the model in Hugging Face format.",
            EngineOptions::model),
    MODEL_NAME(
            Names.of("modelName", "--model-name", "NAME"),
            Values.text(),
            "Name of the model in requests and results; by default that of the folder.",
            EngineOptions::modelName),
    DEVICE(
            Names.of("device", "--device", null),
            Values.oneOf(EngineOptions.Device.AUTO),
            "Device of the model; auto takes a GPU if there is one, otherwise the CPU.",
            EngineOptions::device),
    WEIGHTS(
            Names.of("weights", "--weights", null),
            Values.oneOf(EngineOptions.Weights.MODEL),
            "Number format of the weights: that of the model, or int8, to which they are rounded"
                    + " while loading. int8 takes half the memory, decodes a single sequence faster,"
                    + " and gives other answers. CPU only.",
            EngineOptions::weights),
    LOAD_FORMAT(
            Names.of("loadFormat", "--load-format", null),
            Values.oneOf(EngineOptions.LoadFormat.AUTO),
            "Source of the weights: auto reads the files of the model's folder; dummy generates"
                    + " noise in the shapes of config.json, the same in each run, to measure the"
                    + " speed of a model without its weights.",
            EngineOptions::loadFormat),
    ADD_BOS(
            Names.of("addBos", "--add-bos", null),
            Values.oneOf(EngineOptions.AddBos.MODEL),
            "Whether a text prompt begins with the model's bos_token: as tokenizer.json says, always,"
                    + " or never. For conversations the chat template decides.",
            EngineOptions::addBos),
    TOOL_FORMAT(
            Names.of("toolFormat", "--tool-format", null),
            Values.oneOf(EngineOptions.ToolFormat.AUTO),
            "How the model writes calls of tools (docs/tools.md): auto finds it in the chat template;"
                    + " none refuses requests with tools.",
            EngineOptions::toolFormat),
    REASONING(
            Names.of("reasoning", "--reasoning", null),
            Values.oneOf(EngineOptions.Reasoning.AUTO),
            "Whether the part before </think> is a field of its own, and not text"
                    + " (docs/tools.md#reasoning): auto finds it in the chat template.",
            EngineOptions::reasoning),
    MAX_MODEL_LEN(
            Names.of("maxModelLen", "--max-model-len", "TOKENS"),
            Values.of(0, Range.atLeast(0)),
            "Maximum tokens of a request, prompt and max_tokens together; 0 takes the model's"
                    + " context. Longer requests become dead letters; no answer is truncated.",
            EngineOptions::maxModelLen),
    BLOCK_SIZE(
            Names.of("blockSize", "--block-size", "TOKENS"),
            Values.of(16, Range.atLeast(1)),
            "KV positions per block.",
            EngineOptions::blockSize),
    KV_CACHE_BYTES(
            Names.of("kvCacheBytes", "--kv-cache-memory", "SIZE"),
            Values.ofBytes(0, "0", Range.atLeast(0)),
            "Memory for KV blocks, such as 512m or 20g; 0 lets the engine choose. Requests that"
                    + " might not fit become dead letters; no answer is truncated.",
            EngineOptions::kvCacheBytes),
    CONSTRAINT_BYTES(
            Names.of("constraintBytes", "--constraint-memory", "SIZE"),
            Values.ofBytes(0, "0", Range.atLeast(0)),
            "Memory on the heap for constraints, those of requests in flight and those that are kept:"
                    + " a sixteenth of the heap, at most 256m, for 0. Requests wait while those in"
                    + " flight take a quarter of it.",
            EngineOptions::constraintBytes),
    MAX_BATCHED_TOKENS(
            Names.of("maxBatchedTokens", "--max-batched-tokens", "TOKENS"),
            new ByDevice(2048, 512),
            "Maximum tokens of one step; longer prompts are split into chunks.",
            EngineOptions::maxBatchedTokens),
    MAX_SEQUENCES(
            Names.of("maxSequences", "--max-sequences", "COUNT"),
            new ByDevice(256, 64),
            "Maximum number of running sequences.",
            EngineOptions::maxSequences),
    SPECULATE(
            Names.of("speculate", "--speculate", null),
            Values.oneOf(EngineOptions.Speculate.OFF),
            "Speculation: ngram guesses the next tokens"
                    + " where the last ones occurred before in prompt or answer, and verifies the"
                    + " guesses in one step. No answer depends on it. CPU only.",
            EngineOptions::speculate),
    SPECULATE_TOKENS(
            Names.of("speculateTokens", "--speculate-tokens", "TOKENS"),
            Values.of(8, Range.between(1, 64)),
            "Maximum tokens that speculation guesses at once.",
            EngineOptions::speculateTokens),
    SPECULATE_NGRAM(
            Names.of("speculateNgram", "--speculate-ngram", "TOKENS"),
            Values.of(4, Range.between(1, 64)),
            "Number of last tokens with which speculation looks for an earlier occurrence: so many"
                    + " at most, and two at least unless this is 1.",
            EngineOptions::speculateNgram),
    THREADS(
            Names.of("threads", "--threads", "COUNT"),
            Values.of(0, Range.atLeast(0)),
            "Compute threads of the CPU backend; 0 takes all cores.",
            EngineOptions::threads),
    GPU(
            Names.of("gpu", "--gpu", "INDEX"),
            Values.decidedLater(
                    EngineOptions.ANY_GPU,
                    "the one that Flink gives the job as external resource gpu, or else the first",
                    Range.atLeast(0)),
            "Index of the GPU, from 0.",
            EngineOptions::gpu),
    GPU_MEMORY_UTILIZATION(
            Names.of("gpuMemoryUtilization", "--gpu-memory-utilization", "SHARE"),
            Values.of(0.9, Range.greaterThan(0).atMost(1)),
            "Share of the GPU's memory that may be in use with the KV cache, including memory of"
                    + " other programs; without --kv-cache-memory the cache takes what is left of it.",
            EngineOptions::gpuMemoryUtilization);

    /** A default that depends on the device; 0 stands for it in Java. */
    private record ByDevice(int gpu, int cpu) {
        private static final int UNDECIDED = 0;

        Values values() {
            return Values.decidedLater(
                    UNDECIDED, gpu + " on a GPU, " + cpu + " on the CPU", Range.atLeast(1));
        }
    }

    private final Setting setting;
    private final ByDevice byDevice;
    private final Function<EngineOptions, Object> value;

    EngineOption(
            Names names, Values values, String sentence, Function<EngineOptions, Object> value) {
        this.setting = new Setting(names, values, sentence);
        this.byDevice = null;
        this.value = value;
    }

    EngineOption(
            Names names,
            ByDevice byDevice,
            String sentence,
            Function<EngineOptions, Object> value) {
        this.setting = new Setting(names, byDevice.values(), sentence);
        this.byDevice = byDevice;
        this.value = value;
    }

    /** Names, values, default and meaning. */
    public Setting setting() {
        return setting;
    }

    /** All options, in the order of the command line's help. */
    public static List<Setting> settings() {
        return Stream.of(values()).map(EngineOption::setting).toList();
    }

    /** Its value, boxed. */
    public Object of(EngineOptions options) {
        return value.apply(options);
    }

    /** Its value on a device, boxed, with the device's default applied. */
    Object of(EngineOptions options, boolean gpu) {
        Object given = of(options);
        return byDevice != null && given.equals(ByDevice.UNDECIDED)
                ? Integer.valueOf(gpu ? byDevice.gpu : byDevice.cpu)
                : given;
    }

    /**
     * Refuses options out of range.
     *
     * @throws IllegalArgumentException one sentence with the option, the value and the range
     */
    public static void check(EngineOptions options) {
        for (EngineOption option : values()) {
            String fault = option.setting.faultInJava(option.of(options));
            if (fault != null) {
                throw new IllegalArgumentException(options.names().say(fault));
            }
        }
    }
}

package io.millrace.gpu.api;

import io.millrace.gpu.common.Setting;
import java.io.Serializable;
import java.util.EnumMap;
import java.util.Map;

/**
 * The options of an engine. Equal options, {@code names} aside, share one engine in a JVM. Defaults
 * and ranges are in {@link EngineOption}.
 *
 * @param model folder in Hugging Face form
 * @param modelName name that requests and results use for it; defaults to the folder's name
 * @param device where the model runs
 * @param maxModelLen maximum tokens of a request, prompt and maximum of generated tokens together;
 *     longer ones are refused. 0: the model's context. No answer depends on it
 * @param blockSize KV positions per block
 * @param kvCacheBytes memory for KV blocks; 0 lets the engine choose
 * @param constraintBytes memory on the heap for constraints; 0: see {@link #constraintBytes(long)}
 * @param maxBatchedTokens maximum tokens of one step; 0: by device, see {@link #forDevice}
 * @param maxSequences maximum sequences running at once; 0: by device
 * @param speculate how the next tokens of completions are guessed, for a step to verify
 * @param speculateTokens maximum tokens that are guessed at once
 * @param speculateNgram maximum number of last tokens with which a guess is looked up
 * @param threads compute threads of the CPU backend; 0 takes all cores
 * @param weights number format of weights in computations
 * @param gpu index of the GPU; {@link #ANY_GPU}: the one that the job was assigned, or else the
 *     first
 * @param gpuMemoryUtilization share of the GPU's memory that may be in use, weights, KV blocks and
 *     memory of others included
 * @param loadFormat source of the weights
 * @param addBos whether a text prompt begins with the model's bos_token
 * @param toolFormat how answers call tools
 * @param reasoning whether a part of reasoning is taken from answers' texts
 * @param names naming of options in errors
 */
public record EngineOptions(
        String model,
        String modelName,
        Device device,
        int maxModelLen,
        int blockSize,
        long kvCacheBytes,
        long constraintBytes,
        int maxBatchedTokens,
        int maxSequences,
        Speculate speculate,
        int speculateTokens,
        int speculateNgram,
        int threads,
        Weights weights,
        int gpu,
        double gpuMemoryUtilization,
        LoadFormat loadFormat,
        AddBos addBos,
        ToolFormat toolFormat,
        Reasoning reasoning,
        OptionNames names)
        implements Serializable {

    private static final long MAX_CONSTRAINT_BYTES = 256L << 20;

    /** Part of the heap that constraints have, unless an option says otherwise. */
    private static final int CONSTRAINT_SHARE = 16;

    /** Stands for the index of the assigned GPU. */
    public static final int ANY_GPU = -1;

    /** The device of a model. */
    public enum Device {
        CPU,
        CUDA,
        /** A GPU if there is one, otherwise the CPU. */
        AUTO;

        @Override
        public String toString() {
            return Setting.word(this);
        }
    }

    /** How the next tokens of a completion are guessed, for a step to verify. */
    public enum Speculate {
        OFF,
        /** From earlier occurrences of the last tokens in prompt and completion. */
        NGRAM;

        @Override
        public String toString() {
            return Setting.word(this);
        }
    }

    /** Number format of weights in computations. */
    public enum Weights {
        /** The model's format. */
        MODEL,
        /** Matrices are rounded to one byte per weight, with a scale per output. */
        INT8;

        @Override
        public String toString() {
            return Setting.word(this);
        }
    }

    /** Source of the weights. */
    public enum LoadFormat {
        /** The files of the folder. */
        AUTO,
        /** No files: noise of the shapes of config.json, the same in every run. */
        DUMMY;

        @Override
        public String toString() {
            return Setting.word(this);
        }
    }

    /** Whether a text prompt begins with the model's bos_token. */
    public enum AddBos {
        /** By tokenizer.json. */
        MODEL,
        ALWAYS,
        NEVER;

        @Override
        public String toString() {
            return Setting.word(this);
        }
    }

    /** How answers call tools. */
    public enum ToolFormat {
        /** By the model's chat template. */
        AUTO,
        /** Not at all: requests with tools are refused. */
        NONE,
        /** Objects of name and arguments in {@code <tool_call>} tags: Hermes, Qwen. */
        HERMES,
        /** An object of name and parameters, behind {@code <|python_tag|>} or alone. */
        LLAMA3,
        /** An array of objects, or names with arguments, behind {@code [TOOL_CALLS]}. */
        MISTRAL;

        @Override
        public String toString() {
            return Setting.word(this);
        }
    }

    /** Whether a part of reasoning is taken from answers' texts. */
    public enum Reasoning {
        /** By the model's chat template. */
        AUTO,
        /** The text keeps it. */
        NONE,
        /** What stands before {@code </think>} is. */
        THINK;

        @Override
        public String toString() {
            return Setting.word(this);
        }
    }

    /** Defaults for the model in {@code folder}. */
    public static EngineOptions of(String folder) {
        return of(Map.of(EngineOption.MODEL, folder), OptionNames.JAVA);
    }

    /**
     * Options with some values given and defaults for the others.
     *
     * @param given values by option, of the types of the components; the model is required
     */
    public static EngineOptions of(Map<EngineOption, ?> given, OptionNames names) {
        Map<EngineOption, Object> all = new EnumMap<>(EngineOption.class);
        for (EngineOption option : EngineOption.values()) {
            all.put(option, option.setting().values().fallback());
        }
        all.putAll(given);
        String folder = (String) all.get(EngineOption.MODEL);
        String trimmed = folder.endsWith("/") ? folder.substring(0, folder.length() - 1) : folder;
        all.put(EngineOption.MODEL, trimmed);
        all.putIfAbsent(EngineOption.MODEL_NAME, trimmed.substring(trimmed.lastIndexOf('/') + 1));
        return make(all, names);
    }

    private static EngineOptions make(Map<EngineOption, Object> all, OptionNames names) {
        return new EngineOptions(
                (String) all.get(EngineOption.MODEL),
                (String) all.get(EngineOption.MODEL_NAME),
                (Device) all.get(EngineOption.DEVICE),
                (int) all.get(EngineOption.MAX_MODEL_LEN),
                (int) all.get(EngineOption.BLOCK_SIZE),
                (long) all.get(EngineOption.KV_CACHE_BYTES),
                (long) all.get(EngineOption.CONSTRAINT_BYTES),
                (int) all.get(EngineOption.MAX_BATCHED_TOKENS),
                (int) all.get(EngineOption.MAX_SEQUENCES),
                (Speculate) all.get(EngineOption.SPECULATE),
                (int) all.get(EngineOption.SPECULATE_TOKENS),
                (int) all.get(EngineOption.SPECULATE_NGRAM),
                (int) all.get(EngineOption.THREADS),
                (Weights) all.get(EngineOption.WEIGHTS),
                (int) all.get(EngineOption.GPU),
                (double) all.get(EngineOption.GPU_MEMORY_UTILIZATION),
                (LoadFormat) all.get(EngineOption.LOAD_FORMAT),
                (AddBos) all.get(EngineOption.ADD_BOS),
                (ToolFormat) all.get(EngineOption.TOOL_FORMAT),
                (Reasoning) all.get(EngineOption.REASONING),
                names);
    }

    /** Memory for constraints in a heap of some bytes. */
    public long constraintBytes(long heap) {
        return constraintBytes > 0
                ? constraintBytes
                : Math.min(MAX_CONSTRAINT_BYTES, heap / CONSTRAINT_SHARE);
    }

    /** Maximum samples of a step: one a sequence, or one sequence's with all its guesses. */
    public int maxSamples() {
        int ofOne = speculate == Speculate.OFF ? 1 : speculateTokens + 1;
        return Math.min(maxBatchedTokens, Math.max(maxSequences, ofOne));
    }

    private EngineOptions with(EngineOption option, Object value) {
        Map<EngineOption, Object> all = values();
        all.put(option, value);
        return make(all, names);
    }

    private Map<EngineOption, Object> values() {
        Map<EngineOption, Object> all = new EnumMap<>(EngineOption.class);
        for (EngineOption option : EngineOption.values()) {
            all.put(option, option.of(this));
        }
        return all;
    }

    /** The same with the device's defaults of {@link EngineOption} applied. */
    public EngineOptions forDevice(boolean gpu) {
        Map<EngineOption, Object> all = new EnumMap<>(EngineOption.class);
        for (EngineOption option : EngineOption.values()) {
            all.put(option, option.of(this, gpu));
        }
        return make(all, names);
    }

    public EngineOptions withModelName(String value) {
        return with(EngineOption.MODEL_NAME, value);
    }

    public EngineOptions withDevice(Device value) {
        return with(EngineOption.DEVICE, value);
    }

    public EngineOptions withMaxModelLen(int value) {
        return with(EngineOption.MAX_MODEL_LEN, value);
    }

    public EngineOptions withBlockSize(int value) {
        return with(EngineOption.BLOCK_SIZE, value);
    }

    public EngineOptions withKvCacheBytes(long value) {
        return with(EngineOption.KV_CACHE_BYTES, value);
    }

    public EngineOptions withConstraintBytes(long value) {
        return with(EngineOption.CONSTRAINT_BYTES, value);
    }

    public EngineOptions withMaxBatchedTokens(int value) {
        return with(EngineOption.MAX_BATCHED_TOKENS, value);
    }

    public EngineOptions withMaxSequences(int value) {
        return with(EngineOption.MAX_SEQUENCES, value);
    }

    public EngineOptions withSpeculate(Speculate value) {
        return with(EngineOption.SPECULATE, value);
    }

    public EngineOptions withSpeculateTokens(int value) {
        return with(EngineOption.SPECULATE_TOKENS, value);
    }

    public EngineOptions withSpeculateNgram(int value) {
        return with(EngineOption.SPECULATE_NGRAM, value);
    }

    public EngineOptions withThreads(int value) {
        return with(EngineOption.THREADS, value);
    }

    public EngineOptions withWeights(Weights value) {
        return with(EngineOption.WEIGHTS, value);
    }

    public EngineOptions withGpu(int value) {
        return with(EngineOption.GPU, value);
    }

    public EngineOptions withGpuMemoryUtilization(double value) {
        return with(EngineOption.GPU_MEMORY_UTILIZATION, value);
    }

    public EngineOptions withLoadFormat(LoadFormat value) {
        return with(EngineOption.LOAD_FORMAT, value);
    }

    public EngineOptions withAddBos(AddBos value) {
        return with(EngineOption.ADD_BOS, value);
    }

    public EngineOptions withToolFormat(ToolFormat value) {
        return with(EngineOption.TOOL_FORMAT, value);
    }

    public EngineOptions withReasoning(Reasoning value) {
        return with(EngineOption.REASONING, value);
    }

    public EngineOptions withNames(OptionNames value) {
        return make(values(), value);
    }
}

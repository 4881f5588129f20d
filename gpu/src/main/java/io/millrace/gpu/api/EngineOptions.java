package io.millrace.gpu.api;

import java.io.Serializable;
import java.util.Locale;
import java.util.function.Consumer;

/**
 * What an engine is opened with; equal options share one engine in a JVM.
 *
 * @param model folder in Hugging Face form
 * @param modelName name that requests and results use for it; defaults to the folder's name
 * @param device where the model runs
 * @param maxModelLen most tokens that a request may have here, its prompt and the most that it may
 *     generate together; more is refused. 0 takes the model's context. No answer depends on it
 * @param blockSize KV positions per block
 * @param kvCacheBytes memory for KV blocks; 0 lets the engine choose
 * @param maxBatchedTokens most tokens in one step; 0 leaves it to the device, {@link #forDevice}
 * @param maxSequences most sequences running at once; 0 leaves it to the device
 * @param threads compute threads of the CPU backend; 0 takes all cores
 * @param weights the number format that they are computed with
 * @param gpu index of the GPU; {@link #ANY_GPU} is the one that the job was given, or else the
 *     first
 * @param gpuMemoryUtilization share of the GPU's memory that the engine fills with KV blocks,
 *     weights and whatever else is there included
 * @param loadFormat where weights come from
 * @param addBos whether a prompt of text begins with the model's bos_token
 * @param names how errors call these options
 */
public record EngineOptions(
        String model,
        String modelName,
        Device device,
        int maxModelLen,
        int blockSize,
        long kvCacheBytes,
        int maxBatchedTokens,
        int maxSequences,
        int threads,
        Weights weights,
        int gpu,
        double gpuMemoryUtilization,
        LoadFormat loadFormat,
        AddBos addBos,
        OptionNames names)
        implements Serializable {

    /** Most tokens in one step on a GPU, where nobody says otherwise. */
    public static final int GPU_BATCHED_TOKENS = 2048;

    /** Most sequences at once on a GPU. */
    public static final int GPU_SEQUENCES = 256;

    /** Most tokens in one step on the CPU. */
    public static final int CPU_BATCHED_TOKENS = 512;

    /** Most sequences at once on the CPU. */
    public static final int CPU_SEQUENCES = 64;

    /** In place of an index. */
    public static final int ANY_GPU = -1;

    /** Where a model runs. */
    public enum Device {
        CPU,
        CUDA,
        /** On a GPU where there is one. */
        AUTO;

        @Override
        public String toString() {
            return word(this);
        }
    }

    /** Number format that weights are computed with. */
    public enum Weights {
        /** As the model has them. */
        MODEL,
        /** Matrices are rounded to one byte a weight, with a scale for each output. */
        INT8;

        @Override
        public String toString() {
            return word(this);
        }
    }

    /** Where weights come from. */
    public enum LoadFormat {
        /** Those that lie in the folder. */
        AUTO,
        /** None are read: noise of the shapes that config.json says, the same each time. */
        DUMMY;

        @Override
        public String toString() {
            return word(this);
        }
    }

    /** Whether a prompt of text begins with the model's bos_token. */
    public enum AddBos {
        /** As tokenizer.json says. */
        MODEL,
        ALWAYS,
        NEVER;

        @Override
        public String toString() {
            return word(this);
        }
    }

    /** As it is written on the command line and in messages. */
    private static String word(Enum<?> value) {
        return value.name().toLowerCase(Locale.ROOT);
    }

    /** Defaults for the model in {@code folder}. */
    public static EngineOptions of(String folder) {
        String trimmed = folder.endsWith("/") ? folder.substring(0, folder.length() - 1) : folder;
        String name = trimmed.substring(trimmed.lastIndexOf('/') + 1);
        return new EngineOptions(
                trimmed,
                name,
                Device.AUTO,
                0,
                16,
                0,
                0,
                0,
                0,
                Weights.MODEL,
                ANY_GPU,
                0.9,
                LoadFormat.AUTO,
                AddBos.MODEL,
                OptionNames.JAVA);
    }

    /**
     * The same with what is left to the device decided: 2,048 tokens in a step and 256 sequences on
     * a GPU, 512 and 64 on the CPU.
     */
    public EngineOptions forDevice(boolean gpu) {
        EngineOptions decided = this;
        if (maxBatchedTokens == 0) {
            decided = decided.withMaxBatchedTokens(gpu ? GPU_BATCHED_TOKENS : CPU_BATCHED_TOKENS);
        }
        return maxSequences == 0
                ? decided.withMaxSequences(gpu ? GPU_SEQUENCES : CPU_SEQUENCES)
                : decided;
    }

    public EngineOptions withModelName(String value) {
        return with(draft -> draft.modelName = value);
    }

    public EngineOptions withDevice(Device value) {
        return with(draft -> draft.device = value);
    }

    public EngineOptions withMaxModelLen(int value) {
        return with(draft -> draft.maxModelLen = value);
    }

    public EngineOptions withBlockSize(int value) {
        return with(draft -> draft.blockSize = value);
    }

    public EngineOptions withKvCacheBytes(long value) {
        return with(draft -> draft.kvCacheBytes = value);
    }

    public EngineOptions withMaxBatchedTokens(int value) {
        return with(draft -> draft.maxBatchedTokens = value);
    }

    public EngineOptions withMaxSequences(int value) {
        return with(draft -> draft.maxSequences = value);
    }

    public EngineOptions withThreads(int value) {
        return with(draft -> draft.threads = value);
    }

    public EngineOptions withWeights(Weights value) {
        return with(draft -> draft.weights = value);
    }

    public EngineOptions withGpu(int value) {
        return with(draft -> draft.gpu = value);
    }

    public EngineOptions withGpuMemoryUtilization(double value) {
        return with(draft -> draft.gpuMemoryUtilization = value);
    }

    public EngineOptions withLoadFormat(LoadFormat value) {
        return with(draft -> draft.loadFormat = value);
    }

    public EngineOptions withAddBos(AddBos value) {
        return with(draft -> draft.addBos = value);
    }

    public EngineOptions withNames(OptionNames value) {
        return with(draft -> draft.names = value);
    }

    private EngineOptions with(Consumer<Draft> change) {
        Draft draft = new Draft(this);
        change.accept(draft);
        return draft.build();
    }

    /** The same, open to changes. */
    private static final class Draft {
        private final String model;
        private String modelName;
        private Device device;
        private int maxModelLen;
        private int blockSize;
        private long kvCacheBytes;
        private int maxBatchedTokens;
        private int maxSequences;
        private int threads;
        private Weights weights;
        private int gpu;
        private double gpuMemoryUtilization;
        private LoadFormat loadFormat;
        private AddBos addBos;
        private OptionNames names;

        Draft(EngineOptions of) {
            model = of.model;
            modelName = of.modelName;
            device = of.device;
            maxModelLen = of.maxModelLen;
            blockSize = of.blockSize;
            kvCacheBytes = of.kvCacheBytes;
            maxBatchedTokens = of.maxBatchedTokens;
            maxSequences = of.maxSequences;
            threads = of.threads;
            weights = of.weights;
            gpu = of.gpu;
            gpuMemoryUtilization = of.gpuMemoryUtilization;
            loadFormat = of.loadFormat;
            addBos = of.addBos;
            names = of.names;
        }

        EngineOptions build() {
            return new EngineOptions(
                    model,
                    modelName,
                    device,
                    maxModelLen,
                    blockSize,
                    kvCacheBytes,
                    maxBatchedTokens,
                    maxSequences,
                    threads,
                    weights,
                    gpu,
                    gpuMemoryUtilization,
                    loadFormat,
                    addBos,
                    names);
        }
    }
}

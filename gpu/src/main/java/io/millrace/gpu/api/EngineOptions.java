package io.millrace.gpu.api;

import java.io.Serializable;

/**
 * What an engine is opened with; equal options share one engine in a JVM.
 *
 * @param model folder in Hugging Face form
 * @param modelName name that requests and results use for it; defaults to the folder's name
 * @param device {@code cpu}, {@code cuda} or {@code auto}
 * @param maxModelLen most tokens of prompt and completion together; 0 takes the model's context
 * @param blockSize KV positions per block
 * @param kvCacheBytes memory for KV blocks; 0 lets the engine choose
 * @param maxBatchedTokens most tokens in one step; 0 leaves it to the device, {@link #forDevice}
 * @param maxSequences most sequences running at once; 0 leaves it to the device
 * @param threads compute threads of the CPU backend; 0 takes all cores
 * @param weights {@code model} leaves the weights as they are, {@code int8} rounds matrices to one
 *     byte a weight, with a scale for each output
 * @param gpu index of the GPU; {@link #ANY_GPU} is the one that the job was given, or else the
 *     first
 * @param gpuMemoryUtilization share of the GPU's memory that the engine fills with KV blocks,
 *     weights and whatever else is there included
 * @param loadFormat {@code auto} reads the weights that lie in the folder, {@code dummy} reads none
 *     and makes noise of the shapes that config.json says, the same each time
 * @param addBos whether a prompt of text begins with the model's bos_token: {@code model} as
 *     tokenizer.json says, {@code always} or {@code never}
 */
public record EngineOptions(
        String model,
        String modelName,
        String device,
        int maxModelLen,
        int blockSize,
        long kvCacheBytes,
        int maxBatchedTokens,
        int maxSequences,
        int threads,
        String weights,
        int gpu,
        double gpuMemoryUtilization,
        String loadFormat,
        String addBos)
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

    /** Defaults for the model in {@code folder}. */
    public static EngineOptions of(String folder) {
        String trimmed = folder.endsWith("/") ? folder.substring(0, folder.length() - 1) : folder;
        String name = trimmed.substring(trimmed.lastIndexOf('/') + 1);
        return new EngineOptions(
                trimmed, name, "auto", 0, 16, 0, 0, 0, 0, "model", ANY_GPU, 0.9, "auto", "model");
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
        return new EngineOptions(
                model,
                value,
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
                addBos);
    }

    public EngineOptions withDevice(String value) {
        return new EngineOptions(
                model,
                modelName,
                value,
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
                addBos);
    }

    public EngineOptions withMaxModelLen(int value) {
        return new EngineOptions(
                model,
                modelName,
                device,
                value,
                blockSize,
                kvCacheBytes,
                maxBatchedTokens,
                maxSequences,
                threads,
                weights,
                gpu,
                gpuMemoryUtilization,
                loadFormat,
                addBos);
    }

    public EngineOptions withBlockSize(int value) {
        return new EngineOptions(
                model,
                modelName,
                device,
                maxModelLen,
                value,
                kvCacheBytes,
                maxBatchedTokens,
                maxSequences,
                threads,
                weights,
                gpu,
                gpuMemoryUtilization,
                loadFormat,
                addBos);
    }

    public EngineOptions withKvCacheBytes(long value) {
        return new EngineOptions(
                model,
                modelName,
                device,
                maxModelLen,
                blockSize,
                value,
                maxBatchedTokens,
                maxSequences,
                threads,
                weights,
                gpu,
                gpuMemoryUtilization,
                loadFormat,
                addBos);
    }

    public EngineOptions withMaxBatchedTokens(int value) {
        return new EngineOptions(
                model,
                modelName,
                device,
                maxModelLen,
                blockSize,
                kvCacheBytes,
                value,
                maxSequences,
                threads,
                weights,
                gpu,
                gpuMemoryUtilization,
                loadFormat,
                addBos);
    }

    public EngineOptions withMaxSequences(int value) {
        return new EngineOptions(
                model,
                modelName,
                device,
                maxModelLen,
                blockSize,
                kvCacheBytes,
                maxBatchedTokens,
                value,
                threads,
                weights,
                gpu,
                gpuMemoryUtilization,
                loadFormat,
                addBos);
    }

    public EngineOptions withThreads(int value) {
        return new EngineOptions(
                model,
                modelName,
                device,
                maxModelLen,
                blockSize,
                kvCacheBytes,
                maxBatchedTokens,
                maxSequences,
                value,
                weights,
                gpu,
                gpuMemoryUtilization,
                loadFormat,
                addBos);
    }

    public EngineOptions withWeights(String value) {
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
                value,
                gpu,
                gpuMemoryUtilization,
                loadFormat,
                addBos);
    }

    public EngineOptions withGpu(int value) {
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
                value,
                gpuMemoryUtilization,
                loadFormat,
                addBos);
    }

    public EngineOptions withGpuMemoryUtilization(double value) {
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
                value,
                loadFormat,
                addBos);
    }

    public EngineOptions withLoadFormat(String value) {
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
                value,
                addBos);
    }

    public EngineOptions withAddBos(String value) {
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
                value);
    }
}

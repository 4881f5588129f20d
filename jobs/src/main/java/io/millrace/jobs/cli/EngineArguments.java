package io.millrace.jobs.cli;

import io.millrace.gpu.api.EngineOption;
import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.EngineOptions.AddBos;
import io.millrace.gpu.api.EngineOptions.Device;
import io.millrace.gpu.api.OptionNames;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.flink.configuration.MemorySize;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** The model and engine options. */
public final class EngineArguments {
    @Option(
            names = "--model",
            paramLabel = "DIR",
            required = true,
            description = "Folder of the model in Hugging Face form.")
    Path model;

    @Option(
            names = "--model-name",
            paramLabel = "NAME",
            description = "Name of the model in requests and results; by default the folder's.")
    String modelName;

    @Option(
            names = "--device",
            paramLabel = "cpu|cuda|auto",
            defaultValue = "auto",
            description = "Where the model runs; auto takes a GPU where there is one.")
    Device device;

    @Mixin public WeightsArgument format = new WeightsArgument();
    @Mixin public LoadFormatArgument load = new LoadFormatArgument();
    @Mixin public BosArgument bos = new BosArgument();

    @Option(
            names = "--max-model-len",
            paramLabel = "TOKENS",
            defaultValue = "0",
            description =
                    "Most tokens that a request may have, its prompt and max_tokens together; 0"
                            + " takes the model's context. Others are dead letters, no answer is"
                            + " cut.")
    int maxModelLen;

    @Option(
            names = "--block-size",
            paramLabel = "TOKENS",
            defaultValue = "16",
            description = "KV positions per block.")
    int blockSize;

    @Option(
            names = "--kv-cache-memory",
            paramLabel = "SIZE",
            defaultValue = "0",
            description =
                    "Memory for KV blocks, such as 512m or 20g; 0 lets the engine choose. Requests"
                            + " that might not fit are dead letters, no answer is cut.")
    MemorySize kvCacheMemory;

    @Option(
            names = "--max-batched-tokens",
            paramLabel = "TOKENS",
            description =
                    "Most tokens in one step: longer prompts are cut into chunks (default: 2048 on a"
                            + " GPU, 512 on the CPU).")
    Integer maxBatchedTokens;

    @Option(
            names = "--max-sequences",
            paramLabel = "COUNT",
            description = "Most sequences running at once (default: 256 on a GPU, 64 on the CPU).")
    Integer maxSequences;

    @Option(
            names = "--threads",
            paramLabel = "COUNT",
            defaultValue = "0",
            description = "Compute threads of the CPU backend; 0 takes all cores.")
    int threads;

    @Option(
            names = "--gpu",
            paramLabel = "INDEX",
            description =
                    "Which GPU, counted from 0 (default: the one that Flink gives the job as"
                            + " external resource gpu, or else the first).")
    Integer gpu;

    @Option(
            names = "--gpu-memory-utilization",
            paramLabel = "SHARE",
            defaultValue = "0.9",
            description =
                    "How much of the GPU's memory may be in use once the KV cache is there; without"
                            + " --kv-cache-memory, that is what the cache gets.")
    double gpuMemoryUtilization;

    /** Whether a prompt begins with the model's bos token. */
    public static final class BosArgument {
        @Option(
                names = "--add-bos",
                paramLabel = "model|always|never",
                defaultValue = "model",
                description =
                        "Whether a prompt of text begins with the model's bos_token: as tokenizer.json"
                                + " says, always, or never. Conversations begin as the chat template"
                                + " has it.")
        public AddBos addBos;
    }

    /** The options, ranges checked. */
    public EngineOptions options() {
        if (maxBatchedTokens != null) {
            Checks.atLeast("--max-batched-tokens", maxBatchedTokens, 1);
        }
        if (maxSequences != null) {
            Checks.atLeast("--max-sequences", maxSequences, 1);
        }
        if (gpu != null) {
            Checks.atLeast("--gpu", gpu, 0);
        }
        EngineOptions options =
                EngineOptions.of(model.toString())
                        .withDevice(device)
                        .withWeights(format.weights)
                        .withLoadFormat(load.loadFormat)
                        .withAddBos(bos.addBos)
                        .withMaxModelLen(maxModelLen)
                        .withBlockSize(blockSize)
                        .withKvCacheBytes(kvCacheMemory.getBytes())
                        .withMaxBatchedTokens(maxBatchedTokens == null ? 0 : maxBatchedTokens)
                        .withMaxSequences(maxSequences == null ? 0 : maxSequences)
                        .withThreads(threads)
                        .withGpu(gpu == null ? EngineOptions.ANY_GPU : gpu)
                        .withGpuMemoryUtilization(gpuMemoryUtilization)
                        .withNames(OptionNames.COMMAND_LINE);
        try {
            EngineOption.check(options);
        } catch (IllegalArgumentException e) {
            throw new CommandFailedException(e.getMessage(), e);
        }
        return modelName == null ? options : options.withModelName(modelName);
    }

    /** Refuses a folder that is no model, as far as a look from outside tells. */
    public void checkFolder() {
        if (!Files.isDirectory(model)) {
            throw new CommandFailedException(
                    "There is no model folder "
                            + model
                            + ": give --model a folder with config.json, tokenizer.json and"
                            + " model.safetensors.");
        }
        if (!Files.isRegularFile(model.resolve("config.json"))) {
            throw new CommandFailedException(
                    "The model folder "
                            + model
                            + " has no config.json: give --model a folder in Hugging Face form.");
        }
    }
}

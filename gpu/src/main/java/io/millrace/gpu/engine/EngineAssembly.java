package io.millrace.gpu.engine;

import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.FingerprintParts;
import io.millrace.gpu.api.LoadProgress;
import io.millrace.gpu.api.ModelInfo;
import io.millrace.gpu.device.ModelRunner;
import io.millrace.gpu.device.cpu.CpuModelRunner;
import io.millrace.gpu.device.cuda.CudaModelRunner;
import io.millrace.gpu.model.ModelFolder;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.TreeSet;
import java.util.concurrent.FutureTask;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Puts an engine together from options: model folder, tokenizer, and a runner for the device. */
public final class EngineAssembly {
    /**
     * Names the rule of {@code docs/numerics.md}, "Sampling"; a change of it changes the number.
     */
    private static final String SAMPLING = "sampling-1";

    /** Names the rule by which completions end; a change of it changes the number. */
    private static final String STOPPING = "stopping-2 ";

    private static final Logger LOG = LoggerFactory.getLogger(EngineAssembly.class);

    private EngineAssembly() {}

    static Engine open(EngineOptions options, LoadProgress progress) throws IOException {
        check(options);
        boolean gpu = onGpu(options);
        return open(
                options.forDevice(gpu),
                progress,
                gpu ? CudaModelRunner::open : CpuModelRunner::open);
    }

    /** On a GPU, without the first law; see {@link FreeNumerics}. */
    static Engine openFree(EngineOptions options, LoadProgress progress) throws IOException {
        check(options);
        if (!onGpu(options)) {
            throw new IOException(
                    "Free numerics are for a GPU, and the model would run on the CPU: take the"
                            + " device cuda.");
        }
        return open(options.forDevice(true), progress, CudaModelRunner::openFree);
    }

    /** Loads a model's weights onto one device. */
    @FunctionalInterface
    private interface RunnerLoader {
        ModelRunner load(ModelFolder folder, EngineOptions options, LoadProgress progress)
                throws IOException;
    }

    private static Engine open(EngineOptions options, LoadProgress progress, RunnerLoader loader)
            throws IOException {
        ModelFolder folder = ModelFolder.open(options);
        folder.remarks().forEach(LOG::warn);
        int context = context(options, folder.maxPositions());
        FutureTask<ModelText> reading =
                ModelText.openBeside(folder.path(), folder.vocabularySize(), options.addBos());
        ModelRunner runner = loader.load(folder, options, progress);
        if (folder.isDummy()) {
            LOG.warn("Weights of {} are dummy: answers are noise.", options.modelName());
        }
        try {
            ModelText text = ModelText.await(reading);
            EndOfText ends = endOfText(folder, text);
            String words = fingerprint(text.fingerprint(), STOPPING + ends);
            long cache = (runner.kvBlocks() - 1L) * runner.blockSize();
            String length = "length " + Math.min(context, cache);
            FingerprintParts parts =
                    new FingerprintParts(
                            folder.fingerprint(),
                            fingerprint(folder.tokenizerFingerprint(), words),
                            fingerprint(runner.fingerprint(), SAMPLING, length));
            ModelInfo model =
                    new ModelInfo(
                            options.modelName(),
                            (folder.isDummy() ? ModelFolder.DUMMY : "")
                                    + fingerprint(
                                            folder.fingerprint(),
                                            runner.fingerprint(),
                                            SAMPLING,
                                            words,
                                            length),
                            parts,
                            runner.vocabularySize(),
                            context,
                            folder.defaultSampling(),
                            runner.device());
            LOG.info(
                    "{} is loaded on {}, fingerprint {}",
                    model.name(),
                    model.device(),
                    model.fingerprint());
            return new DecoderEngine(
                    model, text, ends, runner, options.maxBatchedTokens(), options.maxSequences());
        } catch (IOException | RuntimeException e) {
            runner.close();
            throw e;
        }
    }

    /** Those that the model's files name, and the tokenizer's, which they may have forgotten. */
    private static EndOfText endOfText(ModelFolder folder, ModelText text) {
        TreeSet<Integer> ids = new TreeSet<>(folder.endOfTextIds());
        text.endOfText().ifPresent(ids::add);
        return new EndOfText(List.copyOf(ids), folder.stopStrings());
    }

    /** Refuses options out of range, and those that do not go together. */
    public static void check(EngineOptions options) throws IOException {
        switch (options.device()) {
            case "cpu", "cuda", "auto" -> {}
            default ->
                    throw new IOException(
                            "The device is %s; it must be cpu, cuda or auto."
                                    .formatted(options.device()));
        }
        if (!options.weights().equals("model") && !options.weights().equals("int8")) {
            throw new IOException(
                    "The weights are %s; they must be model or int8.".formatted(options.weights()));
        }
        if (!options.loadFormat().equals("auto") && !options.loadFormat().equals("dummy")) {
            throw new IOException(
                    "The load format is %s; it must be auto or dummy."
                            .formatted(options.loadFormat()));
        }
        if (!List.of("model", "always", "never").contains(options.addBos())) {
            throw new IOException(
                    "The bos token is added %s; it must be model, always or never."
                            .formatted(options.addBos()));
        }
        if (options.weights().equals("int8") && options.device().equals("cuda")) {
            throw new IOException(
                    "INT8 weights run on the CPU: take the device cpu, or the weights model.");
        }
        atLeast("The longest context", options.maxModelLen(), 0);
        atLeast("The KV block size", options.blockSize(), 1);
        atLeast("The KV cache's memory", options.kvCacheBytes(), 0);
        atLeast("The number of tokens in a step", options.maxBatchedTokens(), 0);
        atLeast("The number of running sequences", options.maxSequences(), 0);
        atLeast("The number of compute threads", options.threads(), 0);
        atLeast("The index of the GPU", options.gpu(), EngineOptions.ANY_GPU);
        double share = options.gpuMemoryUtilization();
        if (!(share > 0 && share <= 1)) {
            throw new IOException(
                    "The share of the GPU's memory is %s; it must be above 0 and at most 1."
                            .formatted(share));
        }
    }

    /**
     * Decided before anything is loaded: what fails on the device taken is an error, no reason to
     * try the other.
     */
    public static boolean onGpu(EngineOptions options) {
        if (!options.device().equals("auto")) {
            return options.device().equals("cuda");
        }
        String reason =
                options.weights().equals("int8")
                        ? "INT8 weights run there."
                        : CudaModelRunner.reasonAgainst(options.gpu());
        LOG.info(
                "The device is auto: {} runs on {}",
                options.modelName(),
                reason == null ? "the GPU" : "the CPU. " + reason);
        return reason == null;
    }

    private static void atLeast(String what, long value, long least) throws IOException {
        if (value < least) {
            throw new IOException(
                    "%s is %d; it must be at least %d.".formatted(what, value, least));
        }
    }

    private static int context(EngineOptions options, int ofModel) throws IOException {
        if (options.maxModelLen() > ofModel) {
            throw new IOException(
                    ("The longest context is set to %d tokens, but the model's is %d:"
                                    + " set it to at most that.")
                            .formatted(options.maxModelLen(), ofModel));
        }
        return options.maxModelLen() == 0 ? ofModel : options.maxModelLen();
    }

    /** Hash of all that answers depend on besides the request: 24 hex digits. */
    private static String fingerprint(String... parts) throws IOException {
        byte[] all = String.join("\n", parts).getBytes(StandardCharsets.UTF_8);
        try {
            byte[] hash = MessageDigest.getInstance("SHA-256").digest(all);
            return HexFormat.of().formatHex(hash, 0, 12);
        } catch (NoSuchAlgorithmException e) {
            throw new IOException("This JVM has no SHA-256.", e);
        }
    }
}

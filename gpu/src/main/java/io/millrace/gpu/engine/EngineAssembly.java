package io.millrace.gpu.engine;

import io.millrace.gpu.api.EarlierFingerprints;
import io.millrace.gpu.api.EngineOption;
import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.EngineOptions.Device;
import io.millrace.gpu.api.EngineOptions.Speculate;
import io.millrace.gpu.api.EngineOptions.Weights;
import io.millrace.gpu.api.FingerprintParts;
import io.millrace.gpu.api.LoadProgress;
import io.millrace.gpu.api.ModelInfo;
import io.millrace.gpu.common.Sha256;
import io.millrace.gpu.device.ModelRunner;
import io.millrace.gpu.device.cpu.CpuModelRunner;
import io.millrace.gpu.device.cuda.CudaModelRunner;
import io.millrace.gpu.model.ModelFolder;
import java.io.IOException;
import java.util.List;
import java.util.Objects;
import java.util.TreeSet;
import java.util.concurrent.FutureTask;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Builds an engine from options: model folder, tokenizer, and a runner for the device. */
public final class EngineAssembly {
    /** Version of the rule of {@code docs/numerics.md}, "Sampling"; part of the fingerprint. */
    private static final String SAMPLING = "sampling-1";

    /** Version of the rule by which completions end; part of the fingerprint. */
    private static final String STOPPING = "stopping-2 ";

    private static final Logger LOG = LoggerFactory.getLogger(EngineAssembly.class);

    /** On the terminal as well, see {@code flink-conf/log4j.properties}. */
    private static final Logger NOTICE = LoggerFactory.getLogger("io.millrace.notice");

    private EngineAssembly() {}

    static Engine open(EngineOptions options, LoadProgress progress) throws IOException {
        check(options);
        boolean gpu = onGpu(options);
        checkSpeculation(options, gpu);
        return open(
                options.forDevice(gpu),
                progress,
                gpu ? CudaModelRunner::open : CpuModelRunner::open);
    }

    /** Builds an engine on a GPU without the first law; see {@link FreeNumerics}. */
    static Engine openFree(EngineOptions options, LoadProgress progress) throws IOException {
        check(options);
        if (!onGpu(options)) {
            throw new IOException(
                    "Free numerics are for a GPU, and the model would run on the CPU: take the"
                            + " device cuda.");
        }
        checkSpeculation(options, true);
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
        try {
            return assemble(options, progress, loader);
        } catch (IOException e) {
            String said = options.names().say(e.getMessage());
            throw Objects.equals(said, e.getMessage()) ? e : new IOException(said, e);
        }
    }

    private static Engine assemble(
            EngineOptions options, LoadProgress progress, RunnerLoader loader) throws IOException {
        ModelFolder folder = ModelFolder.open(options);
        folder.remarks().forEach(LOG::warn);
        int maxModelLen = maxModelLen(options, folder.maxPositions());
        FutureTask<ModelText> reading =
                ModelText.openBeside(folder.path(), folder.vocabularySize(), options.addBos());
        ModelRunner runner = loader.load(folder, options, progress);
        if (folder.isDummy()) {
            LOG.warn("Weights of {} are dummy: answers are noise.", options.modelName());
        }
        try {
            ModelText text = ModelText.await(reading);
            EndOfText ends = endOfText(folder, text);
            String words = fingerprint(text.fingerprint(options), STOPPING + ends);
            String length = "length " + folder.maxPositions();
            FingerprintParts parts =
                    new FingerprintParts(
                            folder.fingerprint(),
                            fingerprint(folder.tokenizerFingerprint(), words),
                            fingerprint(runner.fingerprint(), SAMPLING, length));
            EarlierFingerprints earlier =
                    new EarlierFingerprints(
                            folder.isDummy() ? ModelFolder.DUMMY : "",
                            String.join(
                                    "\n",
                                    folder.fingerprint(),
                                    runner.fingerprint(),
                                    SAMPLING,
                                    words,
                                    "length "),
                            folder.maxPositions());
            ModelInfo model =
                    new ModelInfo(
                            options.modelName(),
                            earlier.of(folder.maxPositions()),
                            parts,
                            earlier,
                            runner.vocabularySize(),
                            folder.maxPositions(),
                            maxModelLen,
                            folder.defaultSampling(),
                            text.toolFormat(options.toolFormat()),
                            text.reasoning(options.reasoning()),
                            runner.device());
            LOG.info(
                    "{} is loaded on {}, fingerprint {}",
                    model.name(),
                    model.device(),
                    model.fingerprint());
            DecoderEngine engine = new DecoderEngine(model, text, ends, runner, options);
            if (engine.remark() != null) {
                NOTICE.warn("{}", engine.remark());
            }
            return engine;
        } catch (IOException | RuntimeException e) {
            runner.close();
            throw e;
        }
    }

    /**
     * End-of-text tokens: those of the model's files, and the tokenizer's, which the files may
     * lack.
     */
    private static EndOfText endOfText(ModelFolder folder, ModelText text) {
        TreeSet<Integer> ids = new TreeSet<>(folder.endOfTextIds());
        text.endOfText().ifPresent(ids::add);
        return new EndOfText(List.copyOf(ids), folder.stopStrings());
    }

    /** Rejects options that are out of range, and options that exclude each other. */
    public static void check(EngineOptions options) throws IOException {
        try {
            EngineOption.check(options);
        } catch (IllegalArgumentException e) {
            throw new IOException(e.getMessage(), e);
        }
        if (options.weights() == Weights.INT8 && options.device() == Device.CUDA) {
            throw new IOException(
                    "INT8 weights run on the CPU: take the device cpu, or the weights model.");
        }
        checkSpeculation(options, options.device() == Device.CUDA);
    }

    private static void checkSpeculation(EngineOptions options, boolean gpu) throws IOException {
        boolean verifies = gpu ? CudaModelRunner.VERIFIES_DRAFTS : CpuModelRunner.VERIFIES_DRAFTS;
        if (options.speculate() != Speculate.OFF && !verifies) {
            throw new IOException(
                    options.names()
                            .say(
                                    "--speculate is %s, but on a GPU this release samples one token of a sequence in each step: leave it off, or take the device cpu."
                                            .formatted(options.speculate())));
        }
    }

    /**
     * Chooses the device before anything is loaded. A failure of the chosen device is an error,
     * never a reason to use the other one.
     */
    public static boolean onGpu(EngineOptions options) {
        if (options.device() != Device.AUTO) {
            return options.device() == Device.CUDA;
        }
        String reason =
                options.weights() == Weights.INT8
                        ? "INT8 weights run there."
                        : CudaModelRunner.reasonAgainst(options.gpu());
        LOG.info(
                "The device is auto: {} runs on {}",
                options.modelName(),
                reason == null ? "the GPU" : "the CPU. " + reason);
        return reason == null;
    }

    static int maxModelLen(EngineOptions options, int context) throws IOException {
        if (options.maxModelLen() > context) {
            throw new IOException(
                    "--max-model-len is %d, but the model's context is %d tokens: set it to at most that."
                            .formatted(options.maxModelLen(), context));
        }
        return options.maxModelLen() == 0 ? context : options.maxModelLen();
    }

    /**
     * Fingerprint: a hash of all that answers depend on except the request, 24 hexadecimal digits.
     */
    private static String fingerprint(String... parts) {
        return Sha256.fingerprint(String.join("\n", parts));
    }
}

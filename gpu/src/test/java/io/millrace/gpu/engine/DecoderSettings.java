package io.millrace.gpu.engine;

import io.millrace.gpu.api.EarlierFingerprints;
import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.EngineOptions.Speculate;
import io.millrace.gpu.api.FingerprintParts;
import io.millrace.gpu.api.ModelInfo;
import io.millrace.gpu.api.SamplingParameters;
import io.millrace.gpu.device.DelayedModelRunner;
import io.millrace.gpu.device.ModelRunner;
import io.millrace.gpu.device.cpu.TestingModelRunner;
import io.millrace.gpu.sampling.grammar.mask.Vocabulary;
import io.millrace.gpu.speculation.Drafting;
import java.util.List;

/** How a decoder engine on a testing runner is laid out; none of it may be seen in an answer. */
record DecoderSettings(
        int blocks, int blockSize, int maxTokens, int maxSequences, int ahead, Drafting drafting) {
    static final int VOCABULARY = 27;

    static final int CONTEXT = 97;

    /** Steps to run ahead, as of {@link #ahead(int)}. */
    static final int[] AHEAD = {0, 1, -1, 2, 8, -8};

    /** Enough of everything: nothing is cut, nothing is preempted. */
    static final DecoderSettings ROOMY = new DecoderSettings(200, 16, 512, 64);

    DecoderSettings(int blocks, int blockSize, int maxTokens, int maxSequences) {
        this(blocks, blockSize, maxTokens, maxSequences, 0, null);
    }

    /**
     * @param steps to run ahead; negative for as many, computed as soon as they are launched
     */
    DecoderSettings ahead(int steps) {
        return new DecoderSettings(blocks, blockSize, maxTokens, maxSequences, steps, drafting);
    }

    /** With speculation. */
    DecoderSettings drafting(int tokens, int ngram) {
        return new DecoderSettings(
                blocks, blockSize, maxTokens, maxSequences, ahead, new Drafting(tokens, ngram));
    }

    DecoderEngine open() {
        return engine(new TestingModelRunner(VOCABULARY, blocks, blockSize), this);
    }

    DelayedModelRunner delay(ModelRunner runner) {
        return new DelayedModelRunner(runner, Math.abs(ahead), ahead > 0);
    }

    static DecoderEngine engine(TestingModelRunner runner, DecoderSettings settings) {
        return engine(settings.ahead == 0 ? runner : settings.delay(runner), settings);
    }

    static DecoderEngine engine(ModelRunner runner, DecoderSettings settings) {
        return new DecoderEngine(
                new ModelInfo(
                        "tiny",
                        "f",
                        new FingerprintParts("m", "t", "k"),
                        EarlierFingerprints.NONE,
                        VOCABULARY,
                        CONTEXT,
                        CONTEXT,
                        SamplingParameters.greedy(16),
                        EngineOptions.ToolFormat.NONE,
                        EngineOptions.Reasoning.NONE,
                        "testing"),
                ModelText.of(
                        new TestingTokenizer(), () -> new Vocabulary(TestingTokenizer.bytes())),
                EndOfText.of(List.of(TestingTokenizer.END_OF_TEXT)),
                runner,
                settings.speculate(
                        EngineOptions.of("tiny")
                                .withMaxBatchedTokens(settings.maxTokens)
                                .withMaxSequences(settings.maxSequences)));
    }

    private EngineOptions speculate(EngineOptions options) {
        return drafting == null
                ? options
                : options.withSpeculate(Speculate.NGRAM)
                        .withSpeculateTokens(drafting.tokens())
                        .withSpeculateNgram(drafting.ngram());
    }
}

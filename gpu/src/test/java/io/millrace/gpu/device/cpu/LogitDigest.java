package io.millrace.gpu.device.cpu;

import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.EngineOptions.Weights;
import io.millrace.gpu.api.LoadProgress;
import io.millrace.gpu.device.TestingSequences;
import io.millrace.gpu.model.ModelFolder;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/**
 * Prints one hash a model over the bits of all logits of a fixed workload: a program for forked
 * JVMs.
 */
public final class LogitDigest {
    private LogitDigest() {}

    /**
     * A model and how its weights are computed with.
     *
     * @param weights as in {@link EngineOptions}
     */
    record Model(Path folder, Weights weights) {}

    /** Arguments: times to repeat the workload; then folder and weights of each model. */
    public static void main(String[] args) throws IOException {
        for (int i = 1; i < args.length; i += 2) {
            Model model = new Model(Path.of(args[i]), Weights.valueOf(args[i + 1]));
            System.out.println(digest(model, Integer.parseInt(args[0])));
        }
    }

    /** Repeats until the code is hot; throws if two rounds differ. */
    static String digest(Model model, int rounds) throws IOException {
        EngineOptions options =
                EngineOptions.of(model.folder.toString())
                        .withWeights(model.weights)
                        .withThreads(2)
                        .withMaxBatchedTokens(32)
                        .withMaxSequences(4);
        try (CpuModelRunner runner =
                CpuModelRunner.open(ModelFolder.open(model.folder), options, LoadProgress.NONE)) {
            String first = round(runner);
            for (int i = 1; i < rounds; i++) {
                String next = round(runner);
                if (!next.equals(first)) {
                    throw new IllegalStateException(
                            "Round %d gave %s, the first %s.".formatted(i, next, first));
                }
            }
            return first;
        }
    }

    private static String round(CpuModelRunner runner) {
        int vocabulary = runner.vocabularySize();
        TestingSequences sequences =
                new TestingSequences(
                        32,
                        4,
                        runner.kvBlocks(),
                        runner.blockSize(),
                        vocabulary,
                        runner::run,
                        (row, to) ->
                                System.arraycopy(
                                        runner.backend.logits,
                                        row * vocabulary,
                                        to,
                                        0,
                                        vocabulary));
        sequences.add(TestingSequences.randomTokens(17, vocabulary, 1));
        sequences.add(TestingSequences.randomTokens(5, vocabulary, 2));
        sequences.step(9, 1);
        sequences.step(1, 4);
        sequences.step(1);
        sequences.step(6);
        try {
            MessageDigest sha = MessageDigest.getInstance("SHA-256");
            sequences.byPosition.forEach(
                    (sequence, positions) ->
                            positions.forEach(
                                    (position, logits) -> {
                                        ByteBuffer bytes = ByteBuffer.allocate(logits.length * 4);
                                        bytes.asFloatBuffer().put(logits);
                                        sha.update(bytes);
                                    }));
            return HexFormat.of().formatHex(sha.digest());
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }
}

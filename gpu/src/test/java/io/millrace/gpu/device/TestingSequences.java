package io.millrace.gpu.device;

import io.millrace.gpu.api.SamplingParameters;
import io.millrace.gpu.program.StepBatch;
import io.millrace.gpu.program.StepOutput;
import io.millrace.gpu.sampling.SamplingRow;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.function.BiConsumer;

/**
 * Feeds token sequences through the forward pass in any chunks and batches, on scattered blocks,
 * and keeps the logits that come out.
 */
public final class TestingSequences {
    private final StepBatch batch;
    private final StepOutput output;
    private final int blockSize;
    private final int vocabulary;
    private final BiConsumer<StepBatch, StepOutput> forward;
    private final LogitSource logits;
    private final List<int[]> sequences = new ArrayList<>();
    private final List<Integer> computed = new ArrayList<>();
    private final List<int[]> tables = new ArrayList<>();
    private final List<Integer> freeBlocks = new ArrayList<>();

    /** Logits by sequence and position, for every position that ended a chunk. */
    public final Map<Integer, Map<Integer, float[]>> byPosition = new HashMap<>();

    /** Greedy tokens by sequence and position. */
    public final Map<Integer, Map<Integer, Integer>> tokens = new HashMap<>();

    /** Copies the logits of the i-th sample of the last step. */
    @FunctionalInterface
    public interface LogitSource {
        void copy(int sample, float[] to);
    }

    public TestingSequences(
            int maxTokens,
            int maxRows,
            int blocks,
            int blockSize,
            int vocabulary,
            BiConsumer<StepBatch, StepOutput> forward,
            LogitSource logits) {
        batch = new StepBatch(maxTokens, maxRows);
        output = new StepOutput(maxTokens);
        this.blockSize = blockSize;
        this.vocabulary = vocabulary;
        this.forward = forward;
        this.logits = logits;
        for (int block = 1; block < blocks; block++) {
            freeBlocks.add(block);
        }
        Collections.shuffle(freeBlocks, new Random(blockSize));
    }

    /** A sequence of random tokens. */
    public static int[] randomTokens(int length, int vocabulary, long seed) {
        return new Random(seed).ints(length, 0, vocabulary).toArray();
    }

    /** Takes a sequence; returns its number. */
    public int add(int... tokenIds) {
        sequences.add(tokenIds);
        computed.add(0);
        int[] table = new int[(tokenIds.length + blockSize - 1) / blockSize];
        for (int i = 0; i < table.length; i++) {
            table[i] = freeBlocks.remove(freeBlocks.size() - 1);
        }
        tables.add(table);
        byPosition.put(sequences.size() - 1, new TreeMap<>());
        tokens.put(sequences.size() - 1, new TreeMap<>());
        return sequences.size() - 1;
    }

    /** The blocks of a sequence, in order of position. */
    public int[] blocks(int sequence) {
        return tables.get(sequence);
    }

    /** Runs one step with {@code counts[i]} tokens of sequence i. */
    public void step(int... counts) {
        batch.tokens = 0;
        batch.rows = 0;
        List<Integer> rows = new ArrayList<>();
        for (int s = 0; s < counts.length; s++) {
            if (counts[s] == 0) {
                continue;
            }
            int row = batch.rows++;
            rows.add(s);
            batch.rowStart[row] = batch.tokens;
            for (int i = 0; i < counts[s]; i++) {
                int position = computed.get(s) + i;
                batch.tokenIds[batch.tokens] = sequences.get(s)[position];
                batch.positions[batch.tokens++] = position;
            }
            computed.set(s, computed.get(s) + counts[s]);
            batch.blockTables[row] = tables.get(s);
            batch.sample(
                    row, 1, new SamplingRow(SamplingParameters.greedy(1), 0, 0, sequences.get(s)));
            batch.sampling[row].position = computed.get(s);
        }
        batch.rowStart[batch.rows] = batch.tokens;
        forward.accept(batch, output);
        for (int row = 0; row < batch.rows; row++) {
            float[] copy = new float[vocabulary];
            logits.copy(row, copy);
            int position = computed.get(rows.get(row)) - 1;
            byPosition.get(rows.get(row)).put(position, copy);
            tokens.get(rows.get(row)).put(position, output.tokenIds[row]);
        }
    }

    /** Feeds one sequence, already added, in chunks of that size to its end. */
    public void feed(int sequence, int chunk) {
        while (computed.get(sequence) < sequences.get(sequence).length) {
            int[] counts = new int[sequence + 1];
            counts[sequence] =
                    Math.min(chunk, sequences.get(sequence).length - computed.get(sequence));
            step(counts);
        }
    }
}

package io.millrace.gpu.device.cpu;

import io.millrace.gpu.device.ModelRunner;
import io.millrace.gpu.program.StepBatch;
import io.millrace.gpu.program.StepOutput;
import io.millrace.gpu.sampling.SamplingRow;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Random;

/**
 * A model whose K/V of a position is a hash of its token and of all K/V before it, read through the
 * block table: a wrong block, position or chunk gives other tokens, an unwritten slot an error.
 */
public final class TestingModelRunner implements ModelRunner {
    private static final long POISON = 0xDEADBEEFDEADBEEFL;

    private final int vocabularySize;
    private final int blockSize;
    private final long[] slots;
    private final CpuSampler sampler;
    private int badToken = -1;
    private int closed;
    private RuntimeException failure;
    private boolean stopped;
    private boolean repeats;

    public TestingModelRunner(int vocabularySize, int blocks, int blockSize) {
        this.vocabularySize = vocabularySize;
        this.blockSize = blockSize;
        slots = new long[blocks * blockSize];
        Arrays.fill(slots, POISON);
        sampler = new CpuSampler(vocabularySize);
    }

    /** From here on, logits after this token are NaN. */
    public TestingModelRunner breakAfter(int token) {
        badToken = token;
        return this;
    }

    /** From here on, the next token depends above all on the last two: texts repeat themselves. */
    public TestingModelRunner repeating() {
        repeats = true;
        return this;
    }

    @Override
    public boolean verifiesDrafts() {
        return true;
    }

    /** The next step throws this half-way. */
    public void failNext(RuntimeException cause) {
        failure = cause;
    }

    /** Whether it was asked to stop. */
    public boolean isStopped() {
        return stopped;
    }

    @Override
    public boolean stop() {
        stopped = true;
        return true;
    }

    public int timesClosed() {
        return closed;
    }

    @Override
    public int vocabularySize() {
        return vocabularySize;
    }

    @Override
    public int kvBlocks() {
        return slots.length / blockSize;
    }

    @Override
    public int blockSize() {
        return blockSize;
    }

    @Override
    public long kvBlockBytes() {
        return 1000L * blockSize;
    }

    @Override
    public String fingerprint() {
        return "testing";
    }

    @Override
    public String device() {
        return "testing";
    }

    @Override
    public void run(StepBatch batch, StepOutput output) {
        if (batch.rows < 1 || batch.rowStart[batch.rows] != batch.tokens) {
            throw new AssertionError("a step of " + batch.rows + " rows");
        }
        BitSet written = new BitSet();
        for (int row = 0; row < batch.rows; row++) {
            if (batch.rowStart[row] >= batch.rowStart[row + 1]) {
                throw new AssertionError("row " + row + " is empty");
            }
            for (int i = batch.rowStart[row]; i < batch.rowStart[row + 1]; i++) {
                store(batch, row, i, written);
            }
            if (failure != null) {
                throw failure;
            }
            sample(batch, row, output);
        }
    }

    private void store(StepBatch batch, int row, int i, BitSet written) {
        int position = batch.positions[i];
        if (i > batch.rowStart[row] && position != batch.positions[i - 1] + 1) {
            throw new AssertionError("positions of row " + row + " have a gap");
        }
        long hash = mix(batch.tokenIds[i] * 31L + 7);
        for (int before = 0; before < position; before++) {
            hash = mix(hash + read(batch.blockTables[row], before));
        }
        int slot = slot(batch.blockTables[row], position);
        if (written.get(slot)) {
            throw new AssertionError("two tokens of one step go to slot " + slot);
        }
        written.set(slot);
        slots[slot] = hash;
    }

    private void sample(StepBatch batch, int row, StepOutput output) {
        SamplingRow sampling = batch.sampling[row];
        for (int i = 0; i < batch.samples(row); i++) {
            int last = batch.firstSampled(row) + i;
            SamplingRow next =
                    i == 0
                            ? sampling
                            : sampling.after(batch.tokenIds, batch.firstSampled(row) + 1, i);
            sample(batch, row, last, next, output, batch.sampleStart[row] + i);
        }
    }

    private void sample(
            StepBatch batch,
            int row,
            int last,
            SamplingRow sampling,
            StepOutput output,
            int sample) {
        if (sampling.position != batch.positions[last] + 1) {
            throw new AssertionError("row " + row + " draws for position " + sampling.position);
        }
        Random random = new Random(read(batch.blockTables[row], batch.positions[last]));
        float[] logits = new float[vocabularySize];
        for (int i = 0; i < logits.length; i++) {
            logits[i] = (float) random.nextGaussian() * (repeats ? 0.2f : 2);
        }
        if (repeats) {
            int count = sampling.generatedCount;
            int before = count > 1 ? sampling.generated[count - 2] : -count;
            Random often = new Random(mix(batch.tokenIds[last] + 1000L * before));
            for (int i = 0; i < logits.length; i++) {
                logits[i] += (float) often.nextGaussian() * 3;
            }
        }
        if (batch.tokenIds[last] == badToken) {
            logits[vocabularySize / 2] = Float.NaN;
        }
        int token = sampler.sample(logits, 0, sampling);
        output.tokenIds[sample] = token;
        output.logprobs[sample] =
                token >= 0 && sampling.parameters.logprobs() >= 0
                        ? sampler.logprobs(logits, 0, token, sampling.parameters.logprobs())
                        : null;
    }

    private long read(int[] blockTable, int position) {
        long value = slots[slot(blockTable, position)];
        if (value == POISON) {
            throw new AssertionError("position " + position + " was never written");
        }
        return value;
    }

    private int slot(int[] blockTable, int position) {
        int block = blockTable[position / blockSize];
        if (block < 1 || block >= kvBlocks()) {
            throw new AssertionError("block " + block + " in a table");
        }
        return block * blockSize + position % blockSize;
    }

    private static long mix(long h) {
        h = (h ^ h >>> 32) * 0x9E3779B97F4A7C15L;
        return h ^ h >>> 29;
    }

    @Override
    public void close() {
        closed++;
    }
}

package io.millrace.gpu.backend.cuda;

import io.millrace.gpu.backend.SamplingRow;
import io.millrace.gpu.backend.StepBatch;
import io.millrace.gpu.backend.StepOutput;
import io.millrace.gpu.backend.cpu.CpuSampler;

/** Brings logits to the host, a few rows at a time, and draws there by the rule of all backends. */
final class LogitsReader implements AutoCloseable {
    private static final int MOST_BYTES = 32 << 20;

    private final CudaContext context;
    private final int vocabulary;
    private final long rowBytes;
    private final int rowsAtOnce;
    private final PinnedMemory pinned;
    private final float[] row;
    private final CpuSampler sampler;

    LogitsReader(CudaContext context, int vocabulary, int maxRows) {
        this.context = context;
        this.vocabulary = vocabulary;
        rowBytes = (long) Numerics.pad(vocabulary) * Float.BYTES;
        rowsAtOnce = (int) Math.max(1, Math.min(maxRows, MOST_BYTES / rowBytes));
        pinned = new PinnedMemory(context, Math.toIntExact(rowsAtOnce * rowBytes));
        row = new float[vocabulary];
        sampler = new CpuSampler(vocabulary);
    }

    /** Waits for the step's logits and draws from them. */
    void sample(DeviceMemory logits, StepBatch batch, StepOutput output) {
        int sampled = 0;
        for (int i = 0; i < batch.rows; i++) {
            output.tokenIds[i] = StepOutput.NOT_SAMPLED;
            output.logprobs[i] = null;
            if (batch.sampling[i] != null) {
                sampled++;
            }
        }
        int at = 0;
        for (int i = 0; i < batch.rows; i++) {
            SamplingRow sampling = batch.sampling[i];
            if (sampling == null) {
                continue;
            }
            if (at % rowsAtOnce == 0) {
                int rows = Math.min(rowsAtOnce, sampled - at);
                logits.copyTo(pinned, at * rowBytes, rows * rowBytes);
                context.synchronize(
                        "A step of %d tokens in %d rows".formatted(batch.tokens, batch.rows));
            }
            load(at % rowsAtOnce);
            int token = sampler.sample(row, 0, sampling);
            output.tokenIds[i] = token;
            int top = sampling.parameters.logprobs();
            if (token >= 0 && top >= 0) {
                output.logprobs[i] = sampler.logprobs(row, 0, token, top);
            }
            at++;
        }
    }

    /** A copy of one row. */
    float[] read(DeviceMemory logits, int index) {
        logits.copyTo(pinned, index * rowBytes, rowBytes);
        context.synchronize("Reading logits");
        load(0);
        return row.clone();
    }

    private void load(int index) {
        int from = Math.toIntExact(index * rowBytes / Float.BYTES);
        pinned.buffer().asFloatBuffer().get(from, row, 0, vocabulary);
    }

    @Override
    public void close() {
        pinned.close();
    }
}

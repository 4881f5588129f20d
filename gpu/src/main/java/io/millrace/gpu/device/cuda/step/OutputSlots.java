package io.millrace.gpu.device.cuda.step;

import io.millrace.gpu.api.GenerationResult.TokenLogprobs;
import io.millrace.gpu.device.cuda.kernel.SampleLaunches;
import io.millrace.gpu.device.cuda.struct.SampleParamsHeader;
import io.millrace.gpu.program.StepOutput;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.IntBuffer;

/**
 * Reads the output of steps, which the device writes into host memory. Each in-flight slot has an
 * output there, in the layout of {@code sample_params.h}. A step's number is written last, so a
 * reader that sees it sees the rest.
 */
public final class OutputSlots {
    /** Words of an output before its ids, and the offsets of two times in these. */
    public static final int HEADER = SampleParamsHeader.OUTPUT_HEADER;

    public static final int BEGAN = SampleParamsHeader.OUTPUT_BEGAN;
    public static final int DONE = SampleParamsHeader.OUTPUT_DONE;

    private static final VarHandle NUMBER =
            MethodHandles.byteBufferViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);

    private final ByteBuffer memory;
    private final IntBuffer words;
    private final int maxRows;
    private final int vocabulary;
    private boolean some;
    private long lastDone;
    private long gap = -1;

    /**
     * @param memory little-endian, aligned, of {@link #words} per in-flight slot
     */
    public OutputSlots(ByteBuffer memory, int maxRows, int vocabulary) {
        this.memory = memory;
        this.maxRows = maxRows;
        this.vocabulary = vocabulary;
        words = memory.asIntBuffer();
        for (int i = 0; i < words.capacity(); i++) {
            words.put(i, 0);
        }
    }

    /** Words of an output; a multiple of 64 bytes, so that no two share a cache line. */
    public static int words(int maxRows) {
        int words = HEADER + maxRows * (1 + SampleLaunches.LOGPROB_WORDS);
        return (words + 15) / 16 * 16;
    }

    private int at(QueuedStep step) {
        return step.inFlightSlot() * words(maxRows);
    }

    /** Whether the device has written all of the step's output. */
    public boolean isThere(QueuedStep step) {
        return (int) NUMBER.getAcquire(memory, at(step) * Integer.BYTES) == step.number();
    }

    /** Fills the step's output, which must be complete; steps in the order of their launches. */
    public void collect(QueuedStep step) {
        StepOutput output = step.output();
        int ids = at(step) + HEADER;
        for (int i = 0; i < step.sampled(); i++) {
            int token = words.get(ids + i);
            int from = ids + maxRows + i * SampleLaunches.LOGPROB_WORDS;
            output.tokenIds[i] = token;
            output.logprobs[i] =
                    token >= 0 && step.top(i) >= 0 ? logprobs(from, token, step.top(i)) : null;
        }
        long began = memory.getLong((at(step) + BEGAN) * Integer.BYTES);
        gap = some ? Math.max(0, began - lastDone) : -1;
        lastDone = memory.getLong((at(step) + DONE) * Integer.BYTES);
        some = true;
    }

    private TokenLogprobs logprobs(int from, int token, int wanted) {
        int top = Math.min(wanted, vocabulary);
        float[] values = new float[top];
        int[] topIds = new int[top];
        for (int i = 0; i < top; i++) {
            values[i] = Float.intBitsToFloat(words.get(from + 1 + i));
            topIds[i] = words.get(from + 1 + SampleLaunches.MAX_TOP + i);
        }
        return new TokenLogprobs(token, Float.intBitsToFloat(words.get(from)), topIds, values);
    }

    /**
     * Idle nanoseconds of the device between the last two steps that were collected: from the end
     * of the first one's last kernel to the start of the second one's first. -1 before the second
     * step.
     */
    public long gapNanos() {
        return gap;
    }
}

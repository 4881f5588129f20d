package io.millrace.gpu.device;

import io.millrace.gpu.program.StepBatch;
import io.millrace.gpu.program.StepOutput;

/**
 * Runs steps of one loaded model on one device: forward pass, K/V store, sampling. Engine thread
 * only. K/V and logits of a position have the same bits in whatever batch, chunk or block they were
 * computed.
 *
 * <p>A runner may run ahead: take further steps before the caller has seen what the first one drew.
 *
 * <pre>
 * launch 1   launch 2   complete 1   launch 3   complete 2   ...        runAhead = 1
 * </pre>
 *
 * Steps are computed one after the other in the order of their launches. A row whose last token the
 * caller does not know has {@link StepBatch#DRAWN} in its place: what the launch before drew for
 * this {@code SamplingRow}. The runner puts it there, and counts it where penalties count, and
 * draws for the position after it. If that token is one of the row's {@code SamplingRow.stopIds},
 * or its logits were bad, or the row was dropped before, the row is <i>dropped</i>: it writes no
 * K/V and draws nothing, and its entry of the output may hold anything. No row needs anything else
 * of the host between two steps: penalties, log probabilities and all limits are known or kept
 * beside the logits. One that does will have to keep the caller from launching ahead.
 */
public interface ModelRunner extends AutoCloseable {

    /** Number of logits. */
    int vocabularySize();

    /** KV blocks there are; block 0 is never handed out. */
    int kvBlocks();

    /** KV positions per block. */
    int blockSize();

    /** Bytes of a KV block in all layers. */
    long kvBlockBytes();

    /** Hash part that names device path and numerics. */
    String fingerprint();

    /** Where it runs, for people. */
    String device();

    /** GPU memory that is taken; 0 for who takes none. */
    default long gpuMemoryBytes() {
        return 0;
    }

    /** Runs one step and fills {@code output}; nothing may be in flight. */
    void run(StepBatch batch, StepOutput output);

    /** Most steps that may be in flight when another is launched. */
    default int runAhead() {
        return 0;
    }

    /**
     * Launches a step. The batch and its block tables are read before this returns; the output must
     * not be touched until the step is completed. A runner that takes nothing ahead runs it here.
     */
    default void launch(StepBatch batch, StepOutput output) {
        run(batch, output);
    }

    /**
     * Waits until the step that was launched first, of those not completed, has filled its output.
     */
    default void complete() {}

    /**
     * Nanoseconds that the device had nothing to do between the last two steps that were completed;
     * -1 if that cannot be told. Work that came late is in it: who had none to give has to leave it
     * out.
     */
    default long deviceGapNanos() {
        return -1;
    }

    /**
     * Asks the step that runs to end with an exception. Any thread.
     *
     * @return false if this device cannot be asked
     */
    default boolean stop() {
        return false;
    }

    /** Ends what is in flight, and frees all. */
    @Override
    void close();
}

package io.millrace.gpu.device;

import io.millrace.gpu.program.StepBatch;
import io.millrace.gpu.program.StepOutput;

/**
 * Runs steps of one loaded model on one device: forward pass, K/V store, sampling. Engine thread
 * only. K/V and logits of a position have the same bits in every batch, chunk and block.
 *
 * <p>A runner may run ahead: it accepts further steps before the caller has seen the tokens of the
 * first one.
 *
 * <pre>
 * launch 1   launch 2   complete 1   launch 3   complete 2   ...        runAhead = 1
 * </pre>
 *
 * Steps are computed one after the other in the order of their launches. If the caller does not
 * know a row's last token yet, the batch has {@link StepBatch#LAST_SAMPLE} instead: the token that
 * the launch before sampled for this {@code SamplingRow}. The runner inserts that token, counts it
 * for penalties, and samples the position after it. If the token is one of the row's {@code
 * SamplingRow.stopIds}, or its logits were bad, or the row was dropped before, the row is
 * <i>dropped</i>: it writes no K/V and samples nothing, and its entry of the output may hold
 * anything. No row needs the host for anything else between two steps: the device keeps what
 * penalties and log probabilities need. For a row that does need the host, {@code
 * SamplingFeatures.runsAhead} is false, and the caller must not launch ahead.
 */
public interface ModelRunner extends AutoCloseable {

    /** Number of logits. */
    int vocabularySize();

    /** Number of KV blocks; block 0 is never allocated. */
    int kvBlocks();

    /** KV positions per block. */
    int blockSize();

    /** Bytes of a KV block in all layers. */
    long kvBlockBytes();

    /** The part of the model's fingerprint that names device, kernels and numerics. */
    String fingerprint();

    /** Display name of the device. */
    String device();

    /** Whether rows with a mask can have log probabilities, which are of the raw logits. */
    default boolean masksKeepLogprobs() {
        return true;
    }

    /** Whether a row can have several samples, by which drafts are verified. */
    default boolean verifiesDrafts() {
        return false;
    }

    /** GPU memory in use, in bytes; 0 on the CPU. */
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
     * not be touched until the step is completed. A runner that does not run ahead runs the step
     * within this call.
     */
    default void launch(StepBatch batch, StepOutput output) {
        run(batch, output);
    }

    /** Waits until the oldest step in flight has filled its output. */
    default void complete() {}

    /**
     * Nanoseconds that the device was idle between the last two steps that were completed; -1 if
     * unknown. This includes the time in which the caller had no step to launch.
     */
    default long deviceGapNanos() {
        return -1;
    }

    /**
     * Requests that the step that runs end with an exception. Any thread.
     *
     * @return false if this device cannot do that
     */
    default boolean stop() {
        return false;
    }

    /** Ends all steps in flight, and frees all memory. */
    @Override
    void close();
}

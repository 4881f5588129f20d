package io.millrace.gpu.backend;

/**
 * Runs steps of one loaded model on one device: forward pass, K/V store, sampling. Engine thread
 * only. K/V and logits of a position have the same bits in whatever batch, chunk or block they were
 * computed.
 */
public interface ModelRunner extends AutoCloseable {

    /** Number of logits. */
    int vocabularySize();

    /** KV blocks there are; block 0 is never handed out. */
    int kvBlocks();

    /** KV positions per block. */
    int blockSize();

    /** Hash part that names device path and numerics. */
    String fingerprint();

    /** Where it runs, for people. */
    String device();

    /** Runs one step and fills {@code output}. */
    void run(StepBatch batch, StepOutput output);

    /**
     * Asks the step that runs to end with an exception. Any thread.
     *
     * @return false if this device cannot be asked
     */
    default boolean stop() {
        return false;
    }

    @Override
    void close();
}

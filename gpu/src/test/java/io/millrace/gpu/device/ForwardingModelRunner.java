package io.millrace.gpu.device;

/** Says and does what another runner does, but for its steps. */
abstract class ForwardingModelRunner implements ModelRunner {
    final ModelRunner runner;

    ForwardingModelRunner(ModelRunner runner) {
        this.runner = runner;
    }

    @Override
    public boolean stop() {
        return runner.stop();
    }

    @Override
    public int vocabularySize() {
        return runner.vocabularySize();
    }

    @Override
    public boolean masksKeepLogprobs() {
        return runner.masksKeepLogprobs();
    }

    @Override
    public boolean verifiesDrafts() {
        return runner.verifiesDrafts();
    }

    @Override
    public int kvBlocks() {
        return runner.kvBlocks();
    }

    @Override
    public int blockSize() {
        return runner.blockSize();
    }

    @Override
    public long kvBlockBytes() {
        return runner.kvBlockBytes();
    }

    @Override
    public String fingerprint() {
        return runner.fingerprint();
    }

    @Override
    public String device() {
        return runner.device();
    }

    @Override
    public void close() {
        runner.close();
    }
}

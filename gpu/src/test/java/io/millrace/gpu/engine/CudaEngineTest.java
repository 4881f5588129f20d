package io.millrace.gpu.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.EngineOptions.Weights;
import io.millrace.gpu.device.ModelRunner;
import io.millrace.gpu.device.RecordingModelRunner;
import io.millrace.gpu.device.cuda.CudaModelRunner;
import io.millrace.gpu.device.cuda.CudaRecording;
import io.millrace.gpu.device.cuda.driver.RequiresGpu;
import io.millrace.gpu.model.ModelFolder;
import java.io.IOException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/**
 * Law 1 on a GPU, with every KV block full of NaN at the start. It runs ahead by itself; that each
 * step's logits are looked at keeps the host from being fast, not from not knowing what was
 * sampled. {@code CudaAheadTest} has the rest.
 */
@RequiresGpu
class CudaEngineTest extends EngineTest {
    private static AutoCloseable held;

    @BeforeAll
    static void hold() throws IOException {
        held = CudaRecording.hold();
    }

    @AfterAll
    static void letGo() throws Exception {
        held.close();
    }

    @Override
    RecordingModelRunner open(
            Family family, ModelFolder folder, EngineOptions options, int blocks, int ahead)
            throws IOException {
        assumeTrue(family.weights == Weights.MODEL, "INT8 weights run on the CPU.");
        return CudaRecording.open(folder, family.type, options, blocks, ahead);
    }

    @Override
    boolean speculates() {
        return CudaModelRunner.VERIFIES_DRAFTS;
    }

    @Override
    ModelRunner ahead(RecordingModelRunner runner, int steps) {
        assertThat(runner.runAhead()).isEqualTo(steps);
        return runner;
    }
}

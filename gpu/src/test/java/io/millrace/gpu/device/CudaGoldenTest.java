package io.millrace.gpu.device;

import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.device.cuda.CudaRecording;
import io.millrace.gpu.device.cuda.driver.RequiresGpu;
import io.millrace.gpu.model.ModelFolder;
import java.io.IOException;

/**
 * {@link GoldenTest} on a GPU: F32 models as on the CPU, others within what 16 bits lose, each
 * token following the golden ones before it.
 */
@RequiresGpu
class CudaGoldenTest extends GoldenTest {
    /**
     * The largest error of one logit. Where the inputs of products are rounded to 16 bits it is by
     * chance anything from 1.8 to 3.5 % for the smallest model, whose root mean square stays 0.3 %
     * (docs/kernels.md, contract 2).
     */
    private static final float TOLERANCE_OF_16_BITS = 0.05f;

    @Override
    RecordingModelRunner open(ModelFolder folder, EngineOptions options) throws IOException {
        return CudaRecording.open(folder, options);
    }

    @Override
    float tolerance(RecordingModelRunner runner) {
        return runner.fingerprint().contains("-f32-") ? F32_TOLERANCE : TOLERANCE_OF_16_BITS;
    }
}

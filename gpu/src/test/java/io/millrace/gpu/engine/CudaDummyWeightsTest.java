package io.millrace.gpu.engine;

import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.EngineOptions.Device;
import io.millrace.gpu.device.cuda.driver.RequiresGpu;

/**
 * Dummy weights that are made on a GPU. An engine that closes throws if it has not given back all
 * that its context has counted.
 */
@RequiresGpu
class CudaDummyWeightsTest extends DummyWeightsTest {
    @Override
    EngineOptions on(EngineOptions options) {
        return options.withDevice(Device.CUDA).withKvCacheBytes(64 << 20);
    }
}

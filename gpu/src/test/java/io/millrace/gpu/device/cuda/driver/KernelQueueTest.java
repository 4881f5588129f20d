package io.millrace.gpu.device.cuda.driver;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import jcuda.driver.CUstream;
import org.junit.jupiter.api.Test;

/** When kernels begin early, as far as that needs no GPU. */
class KernelQueueTest {
    @Test
    void launchesArePlainBelowComputeCapability9() {
        assertThat(new KernelQueue(new CUstream(), 89).overlaps()).isFalse();
    }

    @Test
    void launchesArePlainWhereTheDriverCannotBeCalled() {
        assumeFalse(CudaDriver.isInstalled(), "There is a driver.");
        assertThat(new KernelQueue(new CUstream(), 90).overlaps()).isFalse();
    }
}

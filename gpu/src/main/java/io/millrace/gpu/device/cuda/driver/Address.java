package io.millrace.gpu.device.cuda.driver;

import jcuda.driver.CUdeviceptr;

/** A device pointer with a readable address, for the parameters of kernels. */
final class Address extends CUdeviceptr {

    long value() {
        return getNativePointer() + getByteOffset();
    }
}

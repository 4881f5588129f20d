package io.millrace.gpu.device.cuda.driver;

import jcuda.driver.CUdeviceptr;

/** A device pointer whose number can be read, to be written into a kernel's parameters. */
final class Address extends CUdeviceptr {

    long value() {
        return getNativePointer() + getByteOffset();
    }
}

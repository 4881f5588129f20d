package io.millrace.gpu.device.cuda.kernel;

import static io.millrace.gpu.device.cuda.driver.CudaDriver.check;

import io.millrace.gpu.device.cuda.driver.CudaContext;
import io.millrace.gpu.device.cuda.driver.DeviceException;
import java.io.IOException;
import java.util.HashMap;
import java.util.Map;
import jcuda.driver.CUfunction;
import jcuda.driver.CUmodule;
import jcuda.driver.JCudaDriver;

/** Loads kernels by name, each file once. */
public final class KernelModules implements AutoCloseable {
    private final CudaContext context;
    private final KernelIndex index;
    private final Map<String, CUmodule> modules = new HashMap<>();
    private final Map<String, Kernel> kernels = new HashMap<>();

    public KernelModules(CudaContext context, KernelIndex index) {
        this.context = context;
        this.index = index;
    }

    /** The kernel of a name. */
    public Kernel kernel(String name) {
        Kernel kernel = kernels.get(name);
        if (kernel == null) {
            CUfunction function = new CUfunction();
            check(
                    JCudaDriver.cuModuleGetFunction(function, module(index.module(name)), name),
                    "Finding the kernel " + name);
            kernel = new Kernel(name, function);
            kernels.put(name, kernel);
        }
        return kernel;
    }

    private CUmodule module(String name) {
        CUmodule module = modules.get(name);
        if (module == null) {
            module = new CUmodule();
            check(load(module, name), "Loading the kernels " + name);
            context.taken(0);
            modules.put(name, module);
        }
        return module;
    }

    private static int load(CUmodule module, String name) {
        try {
            return JCudaDriver.cuModuleLoadData(module, KernelIndex.fatbin(name));
        } catch (IOException e) {
            throw new DeviceException(e.getMessage());
        }
    }

    @Override
    public void close() {
        for (CUmodule module : modules.values()) {
            JCudaDriver.cuModuleUnload(module);
            context.returned(0);
        }
        modules.clear();
        kernels.clear();
    }
}

package io.millrace.gpu.device.cuda.kernel;

import io.millrace.gpu.device.cuda.driver.DeviceException;
import io.millrace.gpu.device.cuda.driver.GpuException;
import io.millrace.gpu.device.cuda.driver.GpuRequirements;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.TreeMap;

/** The kernels of the build, resources of this package, and the file of each. */
public final class KernelIndex {
    private static final String INDEX = "kernels.index";

    private final Map<String, String> moduleByKernel;

    private KernelIndex(Map<String, String> moduleByKernel) {
        this.moduleByKernel = moduleByKernel;
    }

    /**
     * Reads the index that the build wrote.
     *
     * @throws GpuException the build had no nvcc
     */
    public static KernelIndex read() throws IOException {
        try (InputStream in = KernelIndex.class.getResourceAsStream(INDEX)) {
            if (in == null) {
                throw GpuRequirements.noKernels();
            }
            return parse(new String(in.readAllBytes(), StandardCharsets.UTF_8));
        }
    }

    /**
     * Parses an index: a line for each kernel, with its name, a space, and the name of its file.
     */
    static KernelIndex parse(String text) {
        Map<String, String> modules = new TreeMap<>();
        text.lines()
                .forEach(
                        line -> {
                            int space = line.indexOf(' ');
                            modules.put(line.substring(0, space), line.substring(space + 1));
                        });
        return new KernelIndex(modules);
    }

    /** Whether there is a kernel of that name. */
    boolean has(String kernel) {
        return moduleByKernel.containsKey(kernel);
    }

    /** Name of a kernel's file. */
    String module(String kernel) {
        String module = moduleByKernel.get(kernel);
        if (module == null) {
            throw new DeviceException(
                    "This build has no kernel %s: it was made from other sources than its classes."
                            .formatted(kernel));
        }
        return module;
    }

    /** The fatbin of a file, for cuModuleLoadData. */
    static byte[] fatbin(String module) throws IOException {
        try (InputStream in = KernelIndex.class.getResourceAsStream(module + ".fatbin")) {
            if (in == null) {
                throw new GpuException(
                        "The engine's jar is damaged: it lacks " + module + ".fatbin.");
            }
            return in.readAllBytes();
        }
    }
}

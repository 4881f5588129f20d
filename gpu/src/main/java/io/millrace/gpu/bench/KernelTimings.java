package io.millrace.gpu.bench;

import io.millrace.gpu.api.EngineOptions;
import io.millrace.gpu.api.KernelTiming;
import io.millrace.gpu.api.LoadProgress;
import io.millrace.gpu.device.cuda.CudaModelRunner;
import io.millrace.gpu.device.cuda.timing.KernelTimer;
import io.millrace.gpu.engine.EngineAssembly;
import io.millrace.gpu.model.ModelFolder;
import java.io.IOException;
import java.util.List;

/**
 * What the ops of a model take on a GPU, each alone and all of a step together.
 *
 * @param device the GPU, for people
 * @param all in the order of steps, then of ops
 */
public record KernelTimings(String device, List<KernelTiming> all) {

    public KernelTimings {
        all = List.copyOf(all);
    }

    /**
     * Whether the options' device is a GPU, so that there are kernels to be timed.
     *
     * @throws IOException options that cannot be honoured, or a GPU is asked for and cannot be
     *     used; the message is one sentence for the user
     */
    public static boolean arePossible(EngineOptions options) throws IOException {
        EngineAssembly.check(options);
        if (!EngineAssembly.onGpu(options)) {
            return false;
        }
        String reason = CudaModelRunner.reasonAgainst(options.gpu());
        if (reason != null) {
            throw new IOException(reason);
        }
        return true;
    }

    /**
     * Loads the model and times its ops, in steps of a size that {@link KernelTimer} chooses;
     * lengths and sizes of the options do not matter. Results are checked first.
     *
     * @param repeats how often each is timed; the median counts
     * @throws IOException a model or a GPU that cannot be used; the message is one sentence for the
     *     user
     * @throws IllegalStateException the kernels' results are wrong
     */
    public static KernelTimings measure(EngineOptions options, int repeats, LoadProgress progress)
            throws IOException {
        EngineAssembly.check(options);
        ModelFolder folder = ModelFolder.open(options);
        try (KernelTimer timer = KernelTimer.open(folder, options, progress)) {
            return new KernelTimings(timer.device(), timer.time(repeats));
        }
    }
}
